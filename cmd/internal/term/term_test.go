package term

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// stuck is a writer that waits until it is let go.
type stuck struct {
	bytes.Buffer
	gate chan struct{}
}

func (w *stuck) Write(p []byte) (int, error) {
	<-w.gate
	return w.Buffer.Write(p)
}

func variants() map[string]Options {
	return map[string]Options{
		"plain": {}, "json": {JSON: true}, "quiet": {Quiet: true},
		"live": {TTY: true}, "verbose": {TTY: true, Verbose: true},
	}
}

// TestSlowWriter shows that Emit does not wait for the writer, and that Close
// loses nothing.
func TestSlowWriter(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			w := &stuck{gate: make(chan struct{})}
			o.Out = w
			r := New(o)
			const lines = 20000
			r.Emit(runner.JobStarted{Time: time.Now().Add(-time.Hour), Job: "a", Name: "a"})
			for i := range lines {
				r.Emit(line(time.Now(), "a", 1, command.LevelPlain, fmt.Sprintf("line %d.", i)))
			}
			close(w.gate)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r.Emit(line(time.Now(), "a", 1, command.LevelPlain, "late"))
			out := w.String()
			if strings.Contains(out, "late") {
				t.Error("an event after Close was shown")
			}
			if name == "quiet" {
				return
			}
			at := 0
			for i := range lines {
				n := strings.Index(out[at:], fmt.Sprintf("line %d.", i))
				if n < 0 {
					t.Fatalf("line %d is missing or out of order", i)
				}
				at += n
			}
		})
	}
}

type broken struct{ calls int }

var errBroken = errors.New("nobody reads")

func (w *broken) Write([]byte) (int, error) {
	w.calls++
	return 0, errBroken
}

// TestBrokenWriter shows that an error is kept for Close and nothing is written
// after it.
func TestBrokenWriter(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			w := &broken{}
			o.Out = w
			r := New(o)
			for _, e := range recording() {
				r.Emit(e)
				time.Sleep(time.Millisecond)
			}
			if err := r.Close(); !errors.Is(err, errBroken) {
				t.Errorf("close gives %v", err)
			}
			if w.calls != 1 {
				t.Errorf("%d writes", w.calls)
			}
		})
	}
}

// TestPanic shows that a mistake of a view does not end the run.
func TestPanic(t *testing.T) {
	r := New(Options{Out: io.Discard, Hints: Hints{Rerun: func(plan.LegID) string { panic("mistake") }}})
	for _, e := range recording() {
		r.Emit(e)
	}
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "internal error: show events: mistake") {
		t.Errorf("close gives %v", err)
	}
}

// TestConcurrent lets many jobs print at the same time: no line is torn, and
// the order within a job is kept.
func TestConcurrent(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			o.Out = &out
			r := New(o)
			var wg sync.WaitGroup
			const jobs, lines = 8, 300
			for j := range jobs {
				wg.Go(func() {
					id := plan.LegID(fmt.Sprintf("job%d", j))
					r.Emit(runner.JobStarted{Time: time.Now(), Job: id, Name: string(id)})
					r.Emit(runner.StepStarted{Time: time.Now(), Job: id, Step: step(1, "x")})
					for i := range lines {
						r.Emit(line(time.Now(), id, 1, command.LevelPlain, fmt.Sprintf("<%d %d>", j, i)))
					}
					r.Emit(runner.StepFinished{Time: time.Now(), Job: id, StepResult: result(1, "x", plan.Success, 1, "")})
					r.Emit(runner.JobFinished{Time: time.Now(), Job: id, Name: string(id), Conclusion: plan.Success, Seconds: 1})
				})
			}
			wg.Wait()
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if name != "plain" && name != "json" {
				return
			}
			next := make([]int, jobs)
			for s := range strings.Lines(out.String()) {
				var j, i int
				n := strings.IndexByte(s, '<')
				if n < 0 {
					continue
				}
				if _, err := fmt.Sscanf(s[n:], "<%d %d>", &j, &i); err != nil {
					continue // "< x: success"
				}
				if !strings.Contains(s[:n], fmt.Sprintf("job%d", j)) || next[j] != i {
					t.Fatalf("line %q comes where %d of job %d belongs", s, next[j], j)
				}
				next[j]++
			}
			for j, n := range next {
				if n != lines {
					t.Errorf("job %d has %d lines", j, n)
				}
			}
		})
	}
}

// TestMemory shows that the log of a job is not kept.
func TestMemory(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			o.Out = io.Discard
			r := New(o).(*renderer)
			long := strings.Repeat("x", 200)
			heap := func() uint64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			r.Emit(runner.JobStarted{Time: time.Now().Add(-time.Hour), Job: "a", Name: "a"})
			before := heap()
			for i := range 200_000 {
				r.Emit(line(at(1), "a", 1, command.LevelPlain, fmt.Sprint(i, long)))
			}
			r.Emit(line(at(1), "a", 1, command.LevelPlain, strings.Repeat("y", 1<<20)))
			for idle := false; !idle; time.Sleep(time.Millisecond) {
				r.mu.Lock()
				idle = r.box.empty()
				r.mu.Unlock()
			}
			time.Sleep(3 * frameTime)
			if grown := int64(heap()) - int64(before); grown > 3<<20 {
				t.Errorf("%d KiB are kept of 200000 lines", grown>>10)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTail(t *testing.T) {
	var tl tail
	for i := range 130 {
		tl.add(1+i%2, command.LevelPlain, fmt.Sprint(i))
	}
	tl.add(1, command.LevelEndGroup, "x")
	if got := fmt.Sprint(tl.last(2, 3)); got != "[{2  125} {2  127} {2  129}]" {
		t.Errorf("last lines of a step: %s", got)
	}
	if got := tl.last(0, 100); len(got) != tailLines || got[0].text != "80" || got[49].text != "129" {
		t.Errorf("all lines: %v", got)
	}
}

func BenchmarkEmit(b *testing.B) {
	for _, name := range []string{"plain", "json", "live", "verbose"} {
		b.Run(name, func(b *testing.B) {
			o := variants()[name]
			o.Out = io.Discard
			r := New(o)
			defer r.Close()
			r.Emit(runner.JobStarted{Time: time.Now().Add(-time.Hour), Job: "test/0", Name: "test (1.26)"})
			now := time.Now()
			text := "ok  \tgithub.com/example/project/internal/pkg\t0.123s\tcoverage: 81.2% of statements"
			b.ReportAllocs()
			for b.Loop() {
				r.Emit(line(now, "test/0", 3, command.LevelPlain, text))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// BenchmarkNew is what the start of the program pays.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		r := New(Options{Out: io.Discard, TTY: true})
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
