package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// row is what one scenario came to.
type row struct {
	scenario           scenario
	drydock, act, bare time.Duration // medians
	memory             int64         // drydock's highest, in KiB
}

// measure runs the three in turns, so that what else the machine does falls
// on all of them.
func measure(ctx context.Context, s scenario, dir, drydock, act string, e *engine, rounds int) (row, error) {
	repo := filepath.Join(dir, strings.ReplaceAll(s.name, " ", "-"))
	if err := makeRepo(repo, s.workflow); err != nil {
		return row{}, err
	}
	platform := "bench=" + e.image
	home := "HOME=" + filepath.Join(dir, "home")
	var ours, theirs, bare []time.Duration
	r := row{scenario: s}
	for i := range rounds + 1 {
		t1, memory, err := timed(repo, home, drydock, "run", "-P", platform, "--pull=false")
		if err != nil {
			return r, fmt.Errorf("drydock: %w", err)
		}
		t2, _, err := timed(repo, home, act, "push", "-P", platform, "--pull=false", "--rm", "--no-cache-server")
		if err != nil {
			return r, fmt.Errorf("act: %w", err)
		}
		start := time.Now()
		if err := s.bare(ctx, e); err != nil {
			return r, fmt.Errorf("bare engine: %w", err)
		}
		t3 := time.Since(start)
		if i == 0 { // the first round warms caches up
			continue
		}
		ours, theirs, bare = append(ours, t1), append(theirs, t2), append(bare, t3)
		r.memory = max(r.memory, memory)
	}
	r.drydock, r.act, r.bare = median(ours), median(theirs), median(bare)
	return r, nil
}

// timed runs a program and gives its time and highest memory in KiB.
func timed(dir, home, name string, args ...string) (time.Duration, int64, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), home, "XDG_CACHE_HOME=", "XDG_STATE_HOME=", "XDG_CONFIG_HOME=")
	start := time.Now()
	out, err := cmd.CombinedOutput()
	t := time.Since(start)
	if err != nil {
		return t, 0, fmt.Errorf("%w\n%s", err, out)
	}
	memory := int64(0)
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		memory = u.Maxrss
	}
	return t, memory, nil
}

func makeRepo(dir, workflow string) error {
	file := filepath.Join(dir, ".github", "workflows", "bench.yml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(workflow), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"remote", "add", "origin", "https://github.com/bench/bench.git"},
		{"add", "-A"},
		{"-c", "user.name=bench", "-c", "user.email=bench@example.invalid", "commit", "-qm", "bench"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}

// startup is the median time of `drydock version`.
func startup(drydock string, rounds int) (time.Duration, error) {
	var all []time.Duration
	for range rounds {
		start := time.Now()
		if err := exec.Command(drydock, "version").Run(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	return median(all), nil
}

// ownCommand is what the command of a step of "50 steps" takes by itself, in
// milliseconds.
func ownCommand(dir string) (float64, error) {
	file := filepath.Join(dir, "step.sh")
	if err := os.WriteFile(file, []byte("echo x=1 >> "+filepath.Join(dir, "output")+"\n"), 0o600); err != nil {
		return 0, err
	}
	start := time.Now()
	for range 50 {
		if err := exec.Command("bash", "-e", file).Run(); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Microseconds()) / 1000 / 50, nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// printTable writes Markdown.
func printTable(w io.Writer, rows []row, start time.Duration, own float64, rounds int) {
	s := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
	fmt.Fprintf(w, "Medians of %d rounds on %d cores, %s/%s; act %s.\n\n", rounds, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, actVersion)
	fmt.Fprintln(w, "| scenario | drydock | act | bare engine | to act | to bare engine | peak memory |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	var one, fifty *row
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "| %s | %s | %s | %s | %.2f x | %.2f x | %d MB |\n", r.scenario.name, s(r.drydock), s(r.act), s(r.bare),
			r.drydock.Seconds()/r.act.Seconds(), r.drydock.Seconds()/r.bare.Seconds(), r.memory/1024)
		switch r.scenario.name {
		case "one step":
			one = r
		case "50 steps":
			fifty = r
		}
	}
	fmt.Fprintln(w)
	if one != nil && fifty != nil {
		perStep := func(a, b time.Duration) float64 { return float64((b - a).Microseconds()) / 1000 / 49 }
		step := perStep(one.drydock, fifty.drydock)
		fmt.Fprintf(w, "A step with its command: drydock %.1f ms, act %.1f ms, an exec of the bare engine %.1f ms.\n",
			step, perStep(one.act, fifty.act), perStep(one.bare, fifty.bare))
		fmt.Fprintf(w, "The command alone, a shell started 50 times: %.1f ms; so a step costs %.1f ms over its own command.\n", own, step-own)
	}
	for _, r := range rows {
		if r.scenario.critical > 0 {
			fmt.Fprintf(w, "Graph with a critical path of %s: drydock %.3f x, act %.3f x.\n", s(r.scenario.critical),
				r.drydock.Seconds()/r.scenario.critical.Seconds(), r.act.Seconds()/r.scenario.critical.Seconds())
		}
	}
	fmt.Fprintf(w, "Start of the binary (drydock version): %.1f ms.\n", float64(start.Microseconds())/1000)
}
