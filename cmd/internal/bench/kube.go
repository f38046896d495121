package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// cluster is the Kubernetes to measure on, as kubectl finds it.
type cluster struct {
	image  string // of the jobs; the nodes have it
	helper string
	pods   atomic.Int64
}

// pod makes one pod with kubectl, waits for its output and removes it: what a
// script does, and what a pipeline of a pod per step does for each of them.
func (c *cluster) pod(ctx context.Context, command string) error {
	name := "bench-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatInt(c.pods.Add(1), 10)
	out, err := exec.CommandContext(ctx, "kubectl", "run", name, "--image", c.image, "--image-pull-policy=Never",
		"--restart=Never", "--attach", "--rm", "--quiet", "--command", "--", "sh", "-c", command).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kubectl run: %w\n%s", err, out)
	}
	return nil
}

// kubeScenario is one workflow and the same commands in bare pods.
type kubeScenario struct {
	name     string
	workflow string
	bareName string
	bare     func(context.Context, *cluster) error
}

var kubeScenarios = []kubeScenario{
	{
		name: "one step", bareName: "kubectl run --attach",
		workflow: head + "  one:\n    runs-on: bench\n    steps:\n      - run: echo hello\n",
		bare:     func(ctx context.Context, c *cluster) error { return c.pod(ctx, "echo hello") },
	},
	{
		name: "three steps", bareName: "a pod per step",
		workflow: head + "  three:\n    runs-on: bench\n    steps:\n      - run: echo one\n      - run: echo two\n      - run: echo three\n",
		bare: func(ctx context.Context, c *cluster) error {
			for _, word := range []string{"one", "two", "three"} {
				if err := c.pod(ctx, "echo "+word); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "20 jobs at once", bareName: "kubectl run --attach, 20 at once",
		workflow: head + "  legs:\n    runs-on: bench\n    strategy:\n      matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]}\n" +
			"    steps:\n      - run: echo ${{ matrix.n }}\n",
		bare: func(ctx context.Context, c *cluster) error {
			var wg sync.WaitGroup
			errs := make(chan error, 20)
			for range 20 {
				wg.Go(func() { errs <- c.pod(ctx, "echo 1") })
			}
			wg.Wait()
			close(errs)
			for err := range errs {
				if err != nil {
					return err
				}
			}
			return nil
		},
	},
}

// benchKube prints the table for Kubernetes.
func benchKube(ctx context.Context, w io.Writer, c *cluster, dir, drydock string, rounds int) error {
	fmt.Fprintf(w, "Medians of %d rounds on %d cores, %s/%s, one node.\n\n", rounds, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintln(w, "| scenario | drydock | bare pods | what they are | to bare pods |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for _, s := range kubeScenarios {
		fmt.Fprintf(os.Stderr, "%s ...\n", s.name)
		ours, bare, err := measureKube(ctx, s, c, filepath.Join(dir, strconv.Itoa(len(s.name))+"-kube"), dir, drydock, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(w, "| %s | %.2f s | %.2f s | %s | %.2f x |\n", s.name, ours.Seconds(), bare.Seconds(), s.bareName, ours.Seconds()/bare.Seconds())
	}
	return nil
}

// measureKube runs the two in turns.
func measureKube(ctx context.Context, s kubeScenario, c *cluster, repo, dir, drydock string, rounds int) (ours, bare time.Duration, err error) {
	if err := makeRepo(repo, s.workflow); err != nil {
		return 0, 0, err
	}
	home := "HOME=" + filepath.Join(dir, "home")
	if err := os.Setenv("DRYDOCK_KUBERNETES_HELPER_IMAGE", c.helper); err != nil {
		return 0, 0, err
	}
	var all, pods []time.Duration
	for i := range rounds + 1 {
		t, _, err := timed(repo, home, drydock, "run", "--executor", "kubernetes", "-P", "bench="+c.image, "--pull=false", "--max-parallel", "20")
		if err != nil {
			return 0, 0, fmt.Errorf("drydock: %w", err)
		}
		start := time.Now()
		if err := s.bare(ctx, c); err != nil {
			return 0, 0, err
		}
		if i > 0 { // the first round warms caches up
			all, pods = append(all, t), append(pods, time.Since(start))
		}
	}
	return median(all), median(pods), nil
}
