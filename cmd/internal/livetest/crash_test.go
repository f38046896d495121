package livetest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// busy is a run in the middle of everything: services with volumes of their
// image and their own, a docker action beside a container job, and a job on
// this machine with processes that left their parents.
func busy(w *world, marker string) holdings {
	w.t.Helper()
	// The engine makes a volume for each container of it, without our label.
	makeImage(w.t, "drydock-test/volume:1", "FROM "+busybox+"\nVOLUME /declared\n")
	w.workflow(`
jobs:
  inside:
    runs-on: ubuntu-latest
    container: {image: "` + bash + `", volumes: ["named:/named"]}
    services:
      web:
        image: drydock-test/volume:1
        ports: [80]
        volumes: ["data:/srv/data"]
        command: sleep 600
    steps:
      - run: (setsid sh -c 'sleep 600; echo ` + marker + `' >/dev/null 2>&1 &) ; echo daemons
      - uses: docker://` + busybox + `
        with: {entrypoint: sh, args: "-c 'echo inside ready; sleep 600; echo ` + marker + `'"}
  alone:
    runs-on: ubuntu-latest
    steps: [{run: "echo alone ready; sleep 600; echo ` + marker + `"}]
  metal:
    runs-on: metal
    steps:
      - run: |
          (setsid bash -c 'sleep 600; echo ` + marker + `' >/dev/null 2>&1 &)
          (setsid bash -c '(setsid bash -c "sleep 600; echo ` + marker + `" &) ; sleep 600; echo ` + marker + `' >/dev/null 2>&1 &)
          echo metal ready
          sleep 600; echo ` + marker + `
`)
	r := w.start()
	r.until("inside ready", "alone ready", "metal ready", "daemons")
	eventually(w.t, patience, "all processes run", func() bool { return len(marked(marker)) >= 5 })
	h := w.holds()
	if len(h.containers) != 4 || len(h.networks) < 1 || len(h.volumes) < 4 || len(h.processes) != 4 {
		w.t.Fatalf("the run holds %s", h)
	}
	r.crash()
	return h
}

// makeImage builds an image without a context.
func makeImage(t testing.TB, tag, dockerfile string) {
	t.Helper()
	cmd := exec.Command(client, "build", "-q", "-t", tag, "-")
	cmd.Stdin = strings.NewReader(dockerfile)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build image %q: %v: %s", tag, err, out)
	}
}

func wantUnmarked(t *testing.T, marker string) {
	t.Helper()
	// A killed process is listed until its parent has looked.
	for end := time.Now().Add(patience); time.Now().Before(end) && len(marked(marker)) > 0; {
		time.Sleep(50 * time.Millisecond)
	}
	if left := marked(marker); len(left) > 0 {
		t.Errorf("processes still run: %q", left)
	}
}

func newMarker(t *testing.T) string {
	return fmt.Sprintf("drydock-marker-%d-%d", os.Getpid(), time.Now().UnixNano())
}

func TestKilledRunThenDoctor(t *testing.T) {
	w := newWorld(t)
	marker := newMarker(t)
	h := busy(w, marker)
	start := time.Now()
	r := w.program("doctor", "--fix").wait()
	r.wantCode(0)
	t.Logf("doctor --fix after kill -9: %.1f s", time.Since(start).Seconds())
	w.wantGone(h)
	wantUnmarked(t, marker)
	for _, what := range []string{"container ", "network ", "volume ", "folder "} {
		if !strings.Contains(r.out, what) {
			t.Errorf("the report does not tell of a %s:\n%s", what, r.out)
		}
	}
	if again := w.program("doctor", "--fix").wait(); !strings.Contains(again.out, "nothing was left behind") {
		t.Errorf("a second time:\n%s", again.out)
	}
}

// The next run removes what can no longer be gone on with; see also
// TestNextRunKeepsWhatCanGoOn.
func TestKilledRunThenNextRun(t *testing.T) {
	w := newWorld(t)
	w.env = append(w.env, "DRYDOCK_RESUME_WITHIN=0s")
	marker := newMarker(t)
	h := busy(w, marker)
	w.workflow("jobs: {next: {runs-on: ubuntu-latest, steps: [{run: echo next}]}}\n")
	r := w.pass()
	r.wantLines("next")
	t.Logf("the next run, sweep included: %.1f s", r.took.Seconds())
	w.wantGone(h)
	wantUnmarked(t, marker)
}

// TestKilledRunAlone: without anybody's help the places of a killed run end
// after their linger; what is left is not running.
func TestKilledRunAlone(t *testing.T) {
	w := newWorld(t)
	w.env = append(w.env, "DRYDOCK_RESUME_WITHIN=20s")
	marker := newMarker(t)
	w.workflow(`
jobs:
  alone:
    runs-on: ubuntu-latest
    steps: [{run: "(setsid sh -c 'sleep 600; echo ` + marker + `' >/dev/null 2>&1 &); echo alone ready; sleep 600; echo ` + marker + `"}]
  metal:
    runs-on: metal
    steps: [{run: "(setsid sh -c 'sleep 600; echo ` + marker + `' >/dev/null 2>&1 &); echo metal ready; sleep 600; echo ` + marker + `"}]
`)
	r := w.start()
	r.until("alone ready", "metal ready")
	h := w.holds()
	r.crash()
	took := eventually(t, patience, "the container and all processes end by themselves", func() bool {
		return remaining(h).empty() && len(marked(marker)) == 0
	})
	t.Logf("gone %.1f s after kill -9", took.Seconds())
	// The folder on this machine is not the helper's to remove.
	w.program("doctor", "--fix").wait().wantCode(0)
	w.wantGone(h)
}

// TestKilledWhileStarting: the crash comes at any moment of the set-up.
func TestKilledWhileStarting(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    services: {web: {image: "` + busybox + `", command: sleep 600, volumes: ["data:/data"]}}
    steps: [{run: sleep 600}]
`)
	for _, pause := range []time.Duration{50, 150, 300, 500, 800, 1200} {
		r := w.start()
		select {
		case <-r.ended:
		case <-time.After(pause * time.Millisecond):
		}
		r.crash()
	}
	// The engine may still be carrying out what it was asked for last.
	eventually(t, patience, "doctor --fix finds nothing", func() bool {
		r := w.program("doctor", "--fix").wait()
		r.wantCode(0)
		return strings.Contains(r.out, "nothing was left behind") && w.labelled().empty()
	})
}
