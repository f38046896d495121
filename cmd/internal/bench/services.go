package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	services     = 8
	otherFiles   = 20_000
	programBytes = 16 << 20
)

// yard is a repository of eight services, a registry and a buildkitd of its own.
type yard struct {
	dir, home, host string
	drydock, ctl    string
	rounds          int
}

// measureServices prints the table of `drydock build`; buildkitd and buildctl are
// programs.
func measureServices(ctx context.Context, w io.Writer, dir, drydock, buildkitd, ctl, image string, rounds int) error {
	y := &yard{dir: filepath.Join(dir, "repository"), home: "HOME=" + filepath.Join(dir, "home"), drydock: drydock, ctl: ctl, rounds: rounds}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	y.host = l.Addr().String()
	stop, err := startBuildkitd(buildkitd, dir)
	if err != nil {
		return err
	}
	defer stop()
	if err := y.prepare(dir, image); err != nil {
		return err
	}
	fmt.Fprintf(w, "Medians of %d rounds on %d cores, %s/%s.\n\n", rounds, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintln(w, "| scenario | drydock | beside | what that is | ratio |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for _, s := range []struct {
		name, beside string
		measure      func(context.Context) (ours, theirs time.Duration, err error)
	}{
		{"nothing affected, not pushed", "", y.nothing("--no-push")},
		{"nothing affected, 8 tagged anew", "", y.nothing()},
		{"one of 8, 16 MiB copied", "`buildctl build` with push", y.one("copied")},
		{"one of 8, and a step of 2 s", "`buildctl build` with push", y.one("made")},
		{"all 8, each a step of 2 s", "one after the other", y.all},
		{"one again", "", y.again},
	} {
		fmt.Fprintf(os.Stderr, "%s ...\n", s.name)
		ours, theirs, err := s.measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if theirs == 0 {
			fmt.Fprintf(w, "| %s | %.2f s | | | |\n", s.name, ours.Seconds())
			continue
		}
		fmt.Fprintf(w, "| %s | %.2f s | %.2f s | %s | %.2f x |\n", s.name, ours.Seconds(), theirs.Seconds(), s.beside, ours.Seconds()/theirs.Seconds())
	}
	return nil
}

// startBuildkitd starts one that knows nothing yet, as root.
func startBuildkitd(program, dir string) (stop func(), err error) {
	socket := filepath.Join(dir, "buildkitd.sock")
	cmd := exec.Command(program, "--addr", "unix://"+socket, "--root", filepath.Join(dir, "buildkitd"), "--containerd-worker=false", "--oci-worker-gc=false")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start buildkitd: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	for range 200 {
		if _, err := os.Stat(socket); err == nil {
			return stop, os.Setenv("BUILDKIT_HOST", "unix://"+socket)
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("buildkitd does not come: it needs root and runc")
}

// prepare writes the repository, whose services are s1 to s8, and builds all once.
func (y *yard) prepare(dir, image string) error {
	file := filepath.Join(dir, "base.tar")
	if out, err := exec.Command("docker", "save", "-o", file, image).CombinedOutput(); err != nil {
		return fmt.Errorf("docker save: %w: %s", err, out)
	}
	base, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(y.host + "/base:1")
	if err == nil {
		err = remote.Write(ref, base)
	}
	if err != nil {
		return err
	}
	declared := "services:\n"
	for i := 1; i <= services; i++ {
		declared += fmt.Sprintf("  s%d: {path: s%d, image: %s/s%d, tags: [\"${sha}\", latest]}\n", i, i, y.host, i)
		if err := y.content(i, "made"); err != nil {
			return err
		}
	}
	files := map[string]string{"drydock.yaml": declared}
	for i := range otherFiles {
		files[fmt.Sprintf("lib/%d/%d/file%d.txt", i%40, i%7, i)] = fmt.Sprint(i)
	}
	if err := y.write(files); err != nil {
		return err
	}
	if err := makeRepo(y.dir, "on: push\njobs: {none: {runs-on: bench, steps: [{run: 'true'}]}}\n"); err != nil {
		return err
	}
	_, _, err = timed(y.dir, y.home, y.drydock, "build", "-q", "--since", strings.Repeat("0", 40))
	return err
}

// content gives a service a new program, and a Dockerfile with or without a step.
func (y *yard) content(service int, kind string) error {
	program := make([]byte, programBytes)
	if kind == "made" {
		program = program[:1<<10]
	}
	_, _ = rand.Read(program)
	step := ""
	if kind == "made" {
		step = "RUN sleep 2\n"
	}
	folder := fmt.Sprintf("s%d/", service)
	return y.write(map[string]string{
		folder + "program":    string(program),
		folder + "Dockerfile": "FROM " + y.host + "/base:1\nCOPY program /program\n" + step,
	})
}

func (y *yard) write(files map[string]string) error {
	for path, text := range files {
		full := filepath.Join(y.dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (y *yard) commit() error {
	out, err := exec.Command("sh", "-c", `cd "$1" && git add -A && git -c user.name=bench -c user.email=bench@example.invalid commit -qm change`, "sh", y.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("git commit: %w: %s", err, out)
	}
	return nil
}

// nothing is a change that is an input of no service.
func (y *yard) nothing(args ...string) func(context.Context) (time.Duration, time.Duration, error) {
	return func(context.Context) (time.Duration, time.Duration, error) {
		var all []time.Duration
		for i := range y.rounds + 1 {
			if err := y.write(map[string]string{"README": fmt.Sprint(args, i)}); err != nil {
				return 0, 0, err
			}
			if err := y.commit(); err != nil {
				return 0, 0, err
			}
			t, _, err := timed(y.dir, y.home, y.drydock, append([]string{"build", "-q", "--since", "HEAD~1"}, args...)...)
			if err != nil {
				return 0, 0, err
			}
			if i > 0 { // the first round warms caches up
				all = append(all, t)
			}
		}
		return median(all), 0, nil
	}
}

// one is a change of one service, and the same service by buildctl, in turns.
func (y *yard) one(kind string) func(context.Context) (time.Duration, time.Duration, error) {
	return func(ctx context.Context) (time.Duration, time.Duration, error) {
		var ours, theirs []time.Duration
		for i := range y.rounds + 1 {
			if err := y.content(1, kind); err != nil {
				return 0, 0, err
			}
			if err := y.commit(); err != nil {
				return 0, 0, err
			}
			t1, _, err := timed(y.dir, y.home, y.drydock, "build", "-q", "--since", "HEAD~1")
			if err != nil {
				return 0, 0, err
			}
			if err := y.content(1, kind); err != nil {
				return 0, 0, err
			}
			folder := filepath.Join(y.dir, "s1")
			t2, _, err := timed(y.dir, y.home, y.ctl, "build", "--frontend", "dockerfile.v0", "--local", "context="+folder, "--local", "dockerfile="+folder,
				"--opt", "build-arg:SOURCE_DATE_EPOCH=315532800", "--output", "type=image,name="+y.host+"/bare:1,push=true,oci-mediatypes=true,rewrite-timestamp=true")
			if err != nil {
				return 0, 0, err
			}
			if i > 0 {
				ours, theirs = append(ours, t1), append(theirs, t2)
			}
		}
		return median(ours), median(theirs), y.commit()
	}
}

// all is a change of all services, built at once and one after the other.
func (y *yard) all(context.Context) (time.Duration, time.Duration, error) {
	var at, after []time.Duration
	for i := range 2 * y.rounds {
		for service := 1; service <= services; service++ {
			if err := y.content(service, "made"); err != nil {
				return 0, 0, err
			}
		}
		if err := y.commit(); err != nil {
			return 0, 0, err
		}
		to := &at
		if i%2 == 1 {
			to = &after
			if err := os.Setenv("DRYDOCK_MAX_PARALLEL", "1"); err != nil {
				return 0, 0, err
			}
		}
		t, _, err := timed(y.dir, y.home, y.drydock, "build", "-q", "--since", "HEAD~1")
		_ = os.Unsetenv("DRYDOCK_MAX_PARALLEL")
		if err != nil {
			return 0, 0, err
		}
		*to = append(*to, t)
	}
	return median(at), median(after), nil
}

// again builds what was built: the digest stays.
func (y *yard) again(context.Context) (time.Duration, time.Duration, error) {
	ref, err := name.ParseReference(y.host + "/s1:latest")
	if err != nil {
		return 0, 0, err
	}
	before, err := remote.Head(ref)
	if err != nil {
		return 0, 0, err
	}
	var all []time.Duration
	for range y.rounds {
		t, _, err := timed(y.dir, y.home, y.drydock, "build", "-q", "s1")
		if err != nil {
			return 0, 0, err
		}
		after, err := remote.Head(ref)
		if err != nil || after.Digest != before.Digest {
			return 0, 0, fmt.Errorf("the digest was %s, is %v: %w", before.Digest, after, err)
		}
		all = append(all, t)
	}
	return median(all), 0, nil
}
