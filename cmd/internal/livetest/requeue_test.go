package livetest

import (
	"slices"
	"strings"
	"testing"
)

// TestRequeue removes the container of a job in the middle of a step: the job
// begins again in a new one, unless it may have changed something outside.
func TestRequeue(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "ready in $HOSTNAME"; echo ready; until test -e /tmp/go; do sleep 0.1; done; echo gone on
`)
	r := w.start()
	r.until("ready")
	first := w.inspect()[0]
	docker(t, "rm", "-f", first.ID)
	second := ""
	eventually(t, patience, "there is another container", func() bool {
		for _, c := range w.inspect() {
			if c.ID != first.ID && c.State.Pid > 0 {
				second = c.ID
			}
		}
		return second != ""
	})
	r.until("ready in " + second[:12])
	docker(t, "exec", second, "/bin/busybox", "touch", "/tmp/go")
	res := r.wait()
	res.wantCode(0)
	res.wantLines("gone on")
	if n := slices.IndexFunc(res.events, func(e event) bool { return e.Type == "job-requeued" }); n < 0 || res.events[n].Cause != "deleted" {
		t.Errorf("no event says that it is run again:\n%s", res.out)
	}

	w.workflow("jobs:\n  a:\n    permissions: {packages: write}" + waiting)
	r = w.start()
	r.until("ready")
	docker(t, "kill", w.inspect()[0].ID)
	res = r.wait()
	res.wantCode(4)
	if e := res.ending(); e.Cause != "deleted" || !strings.Contains(res.out, "is not run again: it may change something outside (packages: write)") {
		t.Errorf("it ends by %q:\n%s", e.Cause, res.out)
	}
}

// TestOutOfMemory: the kill names the step, the limit and the peak.
func TestOutOfMemory(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    container: {image: "` + busybox + `", options: --memory 64m --memory-swap 64m}
    steps: [{name: hog, run: "head -c 400000000 /dev/zero | tail -c 300000000 > /dev/null"}]
`)
	res := w.run()
	res.wantCode(1)
	if e := res.ending(); e.Cause != "out-of-memory" || !strings.Contains(e.Reason, `step "hog"`) || !strings.Contains(e.Reason, "limit 64 MiB, peak ") {
		t.Errorf("it ends by %q: %s", e.Cause, e.Reason)
	}
}
