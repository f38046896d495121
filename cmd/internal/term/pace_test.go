package term

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drydock-ci/drydock/runner"
)

// gate is a writer that lets nothing through until it is opened.
type gate struct {
	open chan struct{}
	n    int
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.n += len(p)
	return len(p), nil
}

// TestPace: lines wait for a reader that is far behind, in all views; other
// events do not, and nothing is lost.
func TestPace(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "json": {JSON: true}, "live": {TTY: true, Verbose: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{open: make(chan struct{})}
				o.Out = g
				r := New(o)
				r.Emit(runner.RunStarted{Run: "1", Workflow: "ci", Event: "push"})
				r.Emit(runner.JobStarted{Job: "build", Name: "build"})
				text := strings.Repeat("x", 1<<20)
				var emitted atomic.Int32
				done := make(chan struct{})
				go func() {
					defer close(done)
					for i := range 24 {
						r.Emit(runner.Line{Job: "build", Step: 1, Text: fmt.Sprint(i, text)})
						emitted.Add(1)
					}
				}()
				synctest.Wait()
				time.Sleep(time.Minute)
				if n := emitted.Load(); n < 15 || n > 20 {
					t.Errorf("%d lines of 1 MB were taken while nobody read", n)
				}
				r.Emit(runner.StepFinished{Job: "build"}) // does not wait
				close(g.open)
				<-done
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				if g.n < 24<<20 {
					t.Errorf("%d bytes were written", g.n)
				}
			})
		})
	}
}

// TestHurry: what is being stopped waits for nobody.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		r := New(Options{Out: g})
		text := strings.Repeat("x", 1<<20)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 22 {
				r.Emit(runner.Line{Job: "build", Step: 1, Text: text})
			}
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Error("nothing waited")
		default:
		}
		r.Hurry()
		<-done
		close(g.open)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}
