package livetest

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interruptible is a job whose step notices INT, with a step and a post that
// run in any case.
func interruptible(w *world, label string) {
	w.file("posting/action.yml", `
name: posting
runs:
  using: docker
  image: docker://`+busybox+`
  entrypoint: /bin/true
  post-entrypoint: /github/workspace/post.sh
`)
	w.file("!post.sh", "#!/bin/sh\necho post ran\n")
	post := ""
	if label != "metal" {
		post = "\n      - {uses: actions/checkout@v4}\n      - {uses: ./posting}"
	}
	w.workflow(`
jobs:
  stop:
    runs-on: ` + label + `
    steps:` + post + `
      - run: |
          trap 'echo got INT; exit 3' INT
          echo step ready
          while :; do sleep 0.1; done
      - {run: echo not reached}
      - {if: always(), run: echo always ran}
      - {if: cancelled(), run: echo cancelled ran}
      - {if: failure(), run: echo failure ran}
  later:
    needs: stop
    runs-on: ` + label + `
    steps: [{run: echo not started}]
`)
}

func TestInterrupt(t *testing.T) {
	for name, c := range map[string]struct {
		label string
		send  func(*running)
	}{
		"terminal, docker":     {"ubuntu-latest", func(r *running) { r.keyboard(syscall.SIGINT) }},
		"process, docker":      {"ubuntu-latest", func(r *running) { r.signal(syscall.SIGINT) }},
		"terminal, host":       {"metal", func(r *running) { r.keyboard(syscall.SIGINT) }},
		"termination, docker":  {"ubuntu-latest", func(r *running) { r.signal(syscall.SIGTERM) }},
		"closed window, metal": {"metal", func(r *running) { r.keyboard(syscall.SIGHUP) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			interruptible(w, c.label)
			r := w.start()
			r.until("step ready")
			h := w.holds()
			sent := time.Now()
			c.send(r)
			res := r.wait()
			t.Logf("ended %.1f s after the signal", time.Since(sent).Seconds())
			res.wantCode(130)
			res.wantLines("got INT", "always ran", "cancelled ran")
			if c.label != "metal" {
				res.wantLines("post ran")
			}
			for _, l := range []string{"not reached", "failure ran", "not started"} {
				if res.count(l) > 0 {
					t.Errorf("line %q was printed", l)
				}
			}
			if c := res.job("stop").Conclusion; c != "cancelled" {
				t.Errorf("the job is %s", c)
			}
			w.wantGone(h)
		})
	}
}

// TestReaderGone: `drydock run | head` leaves nothing behind either.
func TestReaderGone(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    services: {web: {image: "` + busybox + `", command: sleep 600}}
    steps: [{run: while echo line; do sleep 0.1; done}]
`)
	cmd := exec.Command("sh", "-c", `"$0" run -P ubuntu-latest=`+bash+` | grep -m1 ' line$'`, binary)
	cmd.Dir, cmd.Env = w.repo, w.environ()
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if took := time.Since(start); took > patience {
		t.Errorf("it took %.0f s", took.Seconds())
	}
	if err != nil || !strings.HasPrefix(string(out), "[a] line") {
		t.Fatalf("%v: %s", err, out)
	}
	w.wantGone(holdings{})
}

// stubborn is a job whose always() step does not end by itself.
const stubborn = `
jobs:
  stop:
    runs-on: ubuntu-latest
    services: {web: {image: "` + busybox + `", command: sleep 600}}
    steps:
      - run: echo step ready; sleep 600
      - if: always()
        run: |
          trap '' INT TERM
          echo always ready
          while :; do sleep 0.1; done
      - {if: always(), run: echo the last ran}
`

// TestSecondInterrupt: the first Ctrl-C lets always() steps go on, the second
// does not.
func TestSecondInterrupt(t *testing.T) {
	w := newWorld(t)
	w.workflow(stubborn)
	r := w.start()
	r.until("step ready")
	h := w.holds()
	r.keyboard(syscall.SIGINT)
	r.until("always ready")
	sent := time.Now()
	r.keyboard(syscall.SIGINT)
	res := r.wait()
	t.Logf("ended %.1f s after the second Ctrl-C", time.Since(sent).Seconds())
	res.wantCode(130)
	if res.count("the last ran") > 0 {
		t.Error("a step was started after the second Ctrl-C")
	}
	w.wantGone(h)
}

// TestThirdInterrupt: the third ends it at once, and cleanly.
func TestThirdInterrupt(t *testing.T) {
	w := newWorld(t)
	w.workflow(stubborn)
	r := w.start()
	r.until("step ready")
	h := w.holds()
	r.keyboard(syscall.SIGINT)
	r.until("always ready")
	// Two that come before the program looks are one: the key is held down.
	took := eventually(t, patience, "all processes end", func() bool {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT)
		return len(remaining(holdings{processes: h.processes}).processes) == 0
	})
	t.Logf("all processes ended %.1f s after the second Ctrl-C", took.Seconds())
	r.wait().wantCode(130)
	if took > 9*time.Second { // by the second alone, they are killed after 10 s
		t.Error("it was not at once")
	}
	w.wantGone(h)
}

// TestInterruptWhileStarting: nothing half made stays.
func TestInterruptWhileStarting(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    services: {web: {image: "` + busybox + `", command: sleep 600, options: --health-cmd false --health-interval 30s}}
    steps: [{run: echo not reached}]
`)
	for _, pause := range []time.Duration{100, 300, 600, 1500} {
		r := w.start()
		time.Sleep(pause * time.Millisecond)
		r.keyboard(syscall.SIGINT)
		// Before the run has begun the signal itself ends the program.
		if res := r.wait(); res.code != 130 && res.code != -1 {
			t.Errorf("after %d ms: exit code %d:\n%s\n%s", pause, res.code, res.text(), res.err)
		}
		if left := w.labelled(); !left.empty() {
			t.Errorf("after %d ms: %s", pause, left)
		}
	}
}

// TestInterruptBesides: a docker action is stopped as any step, and an image
// that is being built is given up.
func TestInterruptBesides(t *testing.T) {
	for name, kill := range map[string]bool{"Ctrl-C": false, "kill -9": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			marker := newMarker(t)
			w.file("build/Dockerfile", "FROM "+busybox+"\nRUN echo building now && sh -c 'sleep 600; echo "+marker+"'\n")
			w.file("build/action.yml", "name: build\nruns: {using: docker, image: Dockerfile}\n")
			w.workflow(`
jobs:
  action:
    runs-on: ubuntu-latest
    steps:
      - uses: docker://` + busybox + `
        with: {entrypoint: sh, args: "-c 'trap \"echo got INT; exit 3\" INT; echo action ready; while :; do sleep 0.1; done; echo ` + marker + `'"}
      - {if: always(), run: echo always ran}
  build:
    runs-on: ubuntu-latest
    steps: [{uses: actions/checkout@v4}, {uses: ./build}]
`)
			r := w.start()
			r.until("action ready", "building now")
			h := w.holds()
			if len(marked(marker)) < 2 {
				t.Fatalf("processes: %q", marked(marker))
			}
			if kill {
				r.crash()
				w.program("doctor", "--fix").wait().wantCode(0)
			} else {
				r.keyboard(syscall.SIGINT)
				res := r.wait()
				res.wantCode(130)
				res.wantLines("got INT", "always ran")
			}
			w.wantGone(h)
			wantUnmarked(t, marker)
		})
	}
}
