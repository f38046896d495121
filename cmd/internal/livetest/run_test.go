package livetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take before a test gives up.
const patience = 4 * time.Minute

// event is one line of `drydock run --json`.
type event struct {
	Type       string          `json:"type"`
	Time       time.Time       `json:"time"`
	Job        string          `json:"job"`
	Name       string          `json:"name"`
	Executor   string          `json:"executor"`
	Level      string          `json:"level"`
	Text       string          `json:"text"`
	Conclusion string          `json:"conclusion"`
	Reason     string          `json:"reason"`
	Cause      string          `json:"cause"`
	Seconds    float64         `json:"seconds"`
	Infra      bool            `json:"infra"`
	Step       json.RawMessage `json:"step"` // a number of lines, an object elsewhere
}

// step is the name of the step that the event is about.
func (e event) step() string {
	var s struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(e.Step, &s)
	return s.Name
}

// running is a started program.
type running struct {
	t      testing.TB
	cmd    *exec.Cmd
	start  time.Time
	stderr bytes.Buffer
	ended  chan struct{} // closed when it has ended and all is read

	mu     sync.Mutex
	events []event
	raw    bytes.Buffer
	news   chan struct{} // closed and renewed at each line
}

// result is a program that has ended.
type result struct {
	t        testing.TB
	code     int
	took     time.Duration
	out, err string
	events   []event
}

// program starts drydock with any arguments, in a process group of its own as
// a shell does.
func (w *world) program(args ...string) *running {
	w.t.Helper()
	r := &running{t: w.t, cmd: exec.Command(binary, args...), start: time.Now(), ended: make(chan struct{}), news: make(chan struct{})}
	r.cmd.Dir, r.cmd.Env, r.cmd.Stderr = w.repo, w.environ(), &r.stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := r.cmd.StdoutPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var e event
			_ = json.Unmarshal(lines.Bytes(), &e)
			r.mu.Lock()
			r.events = append(r.events, e)
			r.raw.Write(lines.Bytes())
			r.raw.WriteByte('\n')
			close(r.news)
			r.news = make(chan struct{})
			r.mu.Unlock()
		}
		_ = r.cmd.Wait()
	}()
	w.t.Cleanup(func() {
		select {
		case <-r.ended:
		default:
			_ = r.cmd.Process.Kill()
			<-r.ended
		}
	})
	return r
}

// start starts `drydock run` with ubuntu-latest mapped to the test image.
func (w *world) start(args ...string) *running {
	w.t.Helper()
	return w.program(append([]string{"run", "--json", "-P", "ubuntu-latest=" + bash, "-P", "bare=" + busybox, "-P", "metal=host"}, args...)...)
}

// run runs the workflow to its end.
func (w *world) run(args ...string) result {
	w.t.Helper()
	return w.start(args...).wait()
}

// pass runs the workflow, which must succeed.
func (w *world) pass(args ...string) result {
	w.t.Helper()
	r := w.run(args...)
	r.wantCode(0)
	return r
}

// wait waits for the end.
func (r *running) wait() result {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		_ = r.cmd.Process.Signal(syscall.SIGQUIT) // shows where it hangs
		<-r.ended
		r.t.Fatalf("it did not end in %s:\n%s\n%s", patience, r.raw.String(), r.stderr.String())
	}
	res := result{t: r.t, code: r.cmd.ProcessState.ExitCode(), took: time.Since(r.start), out: r.raw.String(), err: r.stderr.String(), events: r.events}
	return res
}

// signal sends to the program alone.
func (r *running) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// keyboard sends to the whole process group, as a terminal does.
func (r *running) keyboard(s syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(-r.cmd.Process.Pid, s); err != nil {
		r.t.Fatal(err)
	}
}

// crash is kill -9; it returns when the process is gone.
func (r *running) crash() {
	r.t.Helper()
	r.signal(syscall.SIGKILL)
	<-r.ended
}

// until waits until a job has printed each of the lines.
func (r *running) until(lines ...string) {
	r.t.Helper()
	deadline := time.After(patience)
	for ended := false; ; {
		r.mu.Lock()
		missing := slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
			return slices.ContainsFunc(r.events, func(e event) bool { return e.Type == "line" && e.Text == l })
		})
		news, seen := r.news, r.raw.String()
		r.mu.Unlock()
		switch {
		case len(missing) == 0:
			return
		case ended:
			r.t.Fatalf("it ended without the lines %q:\n%s\n%s", missing, seen, r.stderr.String())
		}
		select {
		case <-news:
		case <-r.ended: // its last lines may be news, too
			ended = true
		case <-deadline:
			r.t.Fatalf("no lines %q after %s:\n%s", missing, patience, seen)
		}
	}
}

// seen is how often jobs have printed a line until now.
func (r *running) seen(line string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if e.Type == "line" && e.Text == line {
			n++
		}
	}
	return n
}

func (r result) wantCode(code int) {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d, want %d:\n%s\n%s", r.code, code, r.text(), r.err)
	}
}

// lines are what jobs printed, the headings of steps left out.
func (r result) lines() []string {
	var all []string
	for _, e := range r.events {
		if e.Type == "line" {
			all = append(all, e.Text)
		}
	}
	return all
}

// text is the log for people who read a failure.
func (r result) text() string {
	var b strings.Builder
	for _, e := range r.events {
		switch e.Type {
		case "line":
			fmt.Fprintf(&b, "[%s] %s\n", e.Job, e.Text)
		case "step-finished", "job-finished":
			fmt.Fprintf(&b, "[%s] %s %s%s: %s %s\n", e.Job, e.Type, e.Name, e.step(), e.Conclusion, e.Reason)
		}
	}
	if b.Len() == 0 {
		return r.out
	}
	return b.String()
}

// wantLines tells which of the lines no job printed.
func (r result) wantLines(lines ...string) {
	r.t.Helper()
	have := r.lines()
	for _, l := range lines {
		if !slices.Contains(have, l) {
			r.t.Errorf("no line %q", l)
		}
	}
	if r.t.Failed() {
		r.t.Log(r.text())
	}
}

// count is how often a line was printed.
func (r result) count(line string) int {
	n := 0
	for _, l := range r.lines() {
		if l == line {
			n++
		}
	}
	return n
}

// job is the end of a job, by its name.
func (r result) job(name string) event {
	r.t.Helper()
	for _, e := range r.events {
		if e.Type == "job-finished" && (e.Name == name || e.Job == name) {
			return e
		}
	}
	r.t.Fatalf("job %q did not finish:\n%s\n%s", name, r.text(), r.err)
	return event{}
}

// jobText is all that a job printed, with its reason.
func (r result) jobText(name string) string {
	var b strings.Builder
	for _, e := range r.events {
		if e.Job == name && e.Type == "line" {
			b.WriteString(e.Text + "\n")
		}
		if e.Job == name && e.Type == "job-finished" {
			b.WriteString(e.Reason + "\n")
		}
	}
	return b.String()
}
