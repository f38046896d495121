package term

import (
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Options say where and how to show a run. The zero value of all but Out
// works.
type Options struct {
	Out io.Writer
	// Err gets the remarks on the run as a whole (runner.Noticed) when Out is
	// a pipe; nil: Out.
	Err io.Writer
	// JSON writes one event a line; all below but Out is without meaning then.
	JSON bool
	// TTY shows a live tree; Out obeys cursor movements.
	TTY bool
	// Size gives columns and rows of the terminal; it is asked before each
	// redraw. nil or zeros: 80 and 24.
	Size func() (width, height int)
	// Color allows colours, those of the jobs' output too. See DetectColor.
	Color bool
	// Verbose lets the log of every job scroll by on a terminal as it does on
	// a pipe.
	Verbose bool
	// Quiet shows failures and the end only.
	Quiet bool
	// Hints are those for the run of Emit.
	Hints
	// Log shows events of the past: what scrolls by and no summary, on a
	// terminal too. Times puts the time in front of each line.
	Log, Times bool
}

// Hints are what to show at the end of a run, mostly command lines; "" is not
// shown.
type Hints struct {
	Rerun func(job plan.LegID) string // runs just that job again; may be nil
	Logs  string                      // shows the log again
	// NoEngine says to a step that missed a container engine why an executor's
	// jobs have none and what helps; may be nil.
	NoEngine func(executor string) string
}

// Renderer shows events. Its own Emit is for programs with one run; the
// events of several runs at the same time go to one Run each, because the ids
// of legs are unique in their run only.
type Renderer interface {
	runner.Sink
	// Run gives a sink for the events of one more run.
	Run(Hints) runner.Sink
	// Hurry says that the run is to end soon: events wait for the writer no more.
	Hurry()
	// Close shows the summary, writes what is left and removes the live
	// region. It waits for the writer and gives its first error. Events that
	// come later are dropped.
	Close() error
}

// view turns events into output. It is used by one goroutine at a time.
type view interface {
	// event appends to the outbox what e is worth.
	event(run *run, e runner.Event)
	// finish appends what stands at the end.
	finish()
}

// renderer is the Renderer of every view. A view formats while the lock is
// held, into memory; only the loop, which holds no lock then, writes. A writer
// that is far behind (a pager that somebody reads) holds up lines of logs, and
// thereby the programs that print them, as a pipe does.
type renderer struct {
	options Options
	first   *run // of Emit
	quit    chan struct{}
	wake    chan struct{}
	done    chan struct{}

	mu     sync.Mutex
	box    outbox
	view   view
	model  *model
	room   sync.Cond // of mu: the outbox has room again
	hurry  bool
	closed bool
	err    error
}

// New starts a renderer. The caller must Close it.
func New(o Options) Renderer {
	if o.Err == nil {
		o.Err = o.Out
	}
	r := &renderer{
		options: o, model: &model{},
		quit: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	r.room.L = &r.mu
	r.first = r.model.newRun(o.Hints)
	r.box.dest = o.Out
	p := printer{model: r.model, box: &r.box, options: o, style: style(o.Color)}
	switch {
	case o.JSON:
		r.view = &jsonView{box: &r.box}
	case o.TTY && !o.Quiet && !o.Log:
		p.marks = terminalMarks
		v := &liveView{printer: p}
		r.view = v
		go r.loopLive(v, &screen{style: p.style})
		return r
	default:
		p.marks = plainMarks
		if o.TTY {
			p.marks = terminalMarks
		}
		r.view = &plainView{printer: p}
	}
	go r.loop()
	return r
}

func (r *renderer) Emit(e runner.Event) { r.emit(nil, e) }

// emit shows an event of a run, nil for that of Emit.
func (r *renderer) emit(run *run, e runner.Event) {
	ready := false
	_, line := e.(runner.Line)
	r.locked(func() {
		for line && r.box.tooFull() && !r.hurry && !r.closed && r.err == nil {
			r.room.Wait()
		}
		if r.closed {
			return
		}
		if run == nil {
			run = r.own(e)
		}
		wasEmpty := r.box.empty()
		r.view.event(run, e)
		r.box.commit()
		ready = wasEmpty && !r.box.empty()
	})
	if ready {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// own is the run of Emit: the next one when a run follows another.
func (r *renderer) own(e runner.Event) *run {
	if s, ok := e.(runner.RunStarted); ok && r.first.id != "" && r.first.id != s.Run {
		r.first = r.model.newRun(r.options.Hints)
	}
	return r.first
}

// locked calls f, which handles texts of strangers, under the lock. A mistake
// in it costs the output, never the run.
func (r *renderer) locked(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		if p := recover(); p != nil && r.err == nil {
			r.err = fmt.Errorf("internal error: show events: %v\n%s", p, debug.Stack())
		}
	}()
	f()
}

func (r *renderer) Run(h Hints) runner.Sink {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := r.model.newRun(h)
	run.named = true
	return runner.SinkFunc(func(e runner.Event) { r.emit(run, e) })
}

func (r *renderer) Hurry() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hurry = true
	r.room.Broadcast()
}

func (r *renderer) Close() error {
	r.locked(func() {
		if r.closed {
			return
		}
		r.closed = true
		defer close(r.quit)
		r.room.Broadcast()
		r.view.finish()
		r.box.commit()
	})
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// loop writes what there is as soon as there is something.
func (r *renderer) loop() {
	defer close(r.done)
	for last := false; !last; {
		select {
		case <-r.wake:
		case <-r.quit:
			last = true
		}
		for r.flush() {
		}
	}
}

// flush writes a part of the outbox and tells whether there was one.
func (r *renderer) flush() bool {
	r.mu.Lock()
	chunks, _ := r.box.take(flushBytes)
	failed := r.err != nil
	r.mu.Unlock()
	for _, c := range chunks {
		if failed {
			break // nobody reads any more: only keep the memory small
		}
		if err := write(c.dest, c.data); err != nil {
			r.fail(err)
			failed = true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written(chunks)
	return len(chunks) > 0
}

// written takes back chunks that are out; the caller has the lock.
func (r *renderer) written(chunks []chunk) {
	r.box.recycle(chunks)
	if !r.box.tooFull() {
		r.room.Broadcast()
	}
}

func (r *renderer) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	r.room.Broadcast()
}
