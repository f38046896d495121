package livetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// docker runs the engine's own client.
func docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := dockerTry(args...)
	if err != nil {
		t.Fatalf("docker %s: %v: %s", args, err, out)
	}
	return out
}

func dockerTry(args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(client, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return stderr.String(), err
	}
	return strings.TrimSpace(string(out)), nil
}

// holdings are things of the engine that a run created, labelled or not.
type holdings struct {
	containers, networks, volumes []string
	processes                     []string // of the containers, on this machine: id and when it began
}

func (h holdings) empty() bool {
	return len(h.containers)+len(h.networks)+len(h.volumes)+len(h.processes) == 0
}

func (h holdings) String() string {
	return fmt.Sprintf("containers %q networks %q volumes %q processes %q", h.containers, h.networks, h.volumes, h.processes)
}

// labelled lists what carries the owner's label now.
func (w *world) labelled() holdings {
	w.t.Helper()
	owner := w.owner()
	if owner == "" {
		return holdings{}
	}
	filter := "label=io.drydock.owner=" + owner
	return holdings{
		containers: strings.Fields(docker(w.t, "ps", "-aq", "--no-trunc", "--filter", filter)),
		networks:   strings.Fields(docker(w.t, "network", "ls", "-q", "--no-trunc", "--filter", filter)),
		volumes:    strings.Fields(docker(w.t, "volume", "ls", "-q", "--filter", filter)),
	}
}

// holds lists what the run holds now: the labelled, and what hangs on its
// containers though it carries no label.
func (w *world) holds() holdings {
	w.t.Helper()
	h := w.labelled()
	if len(h.containers) == 0 {
		return h
	}
	known := map[string]bool{}
	for _, v := range h.volumes {
		known[v] = true
	}
	for _, c := range w.inspect() {
		for _, m := range c.Mounts {
			if m.Type == "volume" && !known[m.Name] {
				known[m.Name] = true
				h.volumes = append(h.volumes, m.Name)
			}
		}
		if c.State.Pid > 0 {
			if p := process(fmt.Sprint(c.State.Pid)); p != "" {
				h.processes = append(h.processes, p)
			}
		}
	}
	return h
}

// held is what a step does until it is released.
const held = `until test -e /released; do sleep 0.1; done`

// release lets go on what is held in the containers that run now.
func (w *world) release() {
	w.t.Helper()
	for _, id := range w.labelled().containers {
		_, _ = dockerTry("exec", "-u", "0", id, "/bin/busybox", "touch", "/released")
	}
}

// inspected is the part of `docker inspect` that tests look at.
type inspected struct {
	ID     string `json:"Id"`
	Name   string
	State  struct{ Pid int }
	Mounts []struct{ Type, Name, Source, Destination string }
	Config struct {
		Env    []string
		Labels map[string]string
	}
	NetworkSettings struct {
		Ports map[string]any
	}
}

func (w *world) inspect() []inspected {
	w.t.Helper()
	var list []inspected
	if err := json.Unmarshal([]byte(w.inspectText()), &list); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// inspectText is all that the engine tells about the containers at hand.
func (w *world) inspectText() string {
	w.t.Helper()
	ids := w.labelled().containers
	if len(ids) == 0 {
		return "[]"
	}
	// One of them may be gone by now; the others are still told about.
	var out bytes.Buffer
	cmd := exec.Command(client, append([]string{"inspect"}, ids...)...)
	cmd.Stdout = &out
	_ = cmd.Run()
	return out.String()
}

// remaining lists which of h is still there.
func remaining(h holdings) holdings {
	var left holdings
	there := func(ids []string, kind string) (out []string) {
		for _, id := range ids {
			if _, err := dockerTry(kind, "inspect", id); err == nil {
				out = append(out, id)
			}
		}
		return out
	}
	left.containers, left.networks, left.volumes = there(h.containers, "container"), there(h.networks, "network"), there(h.volumes, "volume")
	for _, p := range h.processes {
		if pid, _, _ := strings.Cut(p, " "); process(pid) == p {
			left.processes = append(left.processes, p)
		}
	}
	return left
}

// process is a process that no other will be: its id, which others get when it has
// ended, and when it began; "": there is none. See proc_pid_stat(5).
func process(pid string) string {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	if f := strings.Fields(rest); len(f) > 19 {
		return pid + " since " + f[19]
	}
	return ""
}

// wantGone fails when something of h, or anything with the owner's label, or
// a lock is there.
func (w *world) wantGone(h holdings) {
	w.t.Helper()
	if left := remaining(h); !left.empty() {
		w.t.Errorf("still there: %s", left)
	}
	if left := w.labelled(); !left.empty() {
		w.t.Errorf("still there with the owner's label: %s", left)
	}
	for _, pattern := range []string{w.state("locks", "*"), w.state("host", "*", "*", ".drydock")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			w.t.Errorf("still there: %q", left)
		}
	}
}

// leaveNothing is at the end of every test.
func (w *world) leaveNothing() {
	if w.t.Skipped() {
		return
	}
	w.wantGone(holdings{})
	if !w.t.Failed() {
		return
	}
	h := w.labelled() // a failed test must not burden the others
	for _, id := range h.containers {
		_, _ = dockerTry("rm", "-fv", id)
	}
	for _, id := range h.networks {
		_, _ = dockerTry("network", "rm", id)
	}
	for _, id := range h.volumes {
		_, _ = dockerTry("volume", "rm", "-f", id)
	}
}

// marked lists processes of this machine, those in containers too, with the
// marker in their arguments; the tests' own is not among them.
func marked(marker string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err == nil && bytes.Contains(data, []byte(marker)) {
			found = append(found, filepath.Base(filepath.Dir(f))+": "+strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return found
}

// eventually waits until a condition holds.
func eventually(t testing.TB, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) > limit {
			t.Fatalf("not in %s: %s", limit, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(start)
}
