package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
)

// saveEvery is how much output is handled, in bytes, before it is given up in
// the place: that much is printed again at most when another program goes on.
const saveEvery = 256 << 10

// fact is something that a step learnt from its place, or did there. A program
// that goes through the step again takes it from here.
type fact struct {
	Kind  string          `json:"kind"`
	Key   string          `json:"key,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
	Err   string          `json:"err,omitempty"`
}

// processing is a process that was started and whose end nobody has handled.
type processing struct {
	Process executor.ProcessID     `json:"process"`
	Step    string                 `json:"step"`            // id of the process, or of the first try to start it
	Place   executor.EnvironmentID `json:"place,omitempty"` // empty: the job's own
	// Command is set when the checkpoint was taken before the start.
	Command *executor.Command `json:"command,omitempty"`
	Files   map[string]string `json:"files,omitempty"` // the command files, by kind

	Offset  int64                `json:"offset"` // of output that has been handled
	Scanner command.ScannerState `json:"scanner"`
	Told    bool                 `json:"told,omitempty"`
	Product product              `json:"product"`
}

// product is what came of the output and the files of a process.
type product struct {
	Effects Effects `json:"effects"`
	Problem string  `json:"problem,omitempty"`
}

// ended is the value of the fact that a process has ended.
type ended struct {
	product
	Code        int  `json:"code,omitempty"`
	StartFailed bool `json:"startFailed,omitempty"`
}

// errElsewhere says that a step went another way than the first time.
var errElsewhere = errors.New("resume the job: the step does not go the way it went before")

// journaled tells whether what happens in a scope is noted: that of the job's
// own loop, not what runs beside it.
func (x *execution) journaled(sc *scope) bool {
	return x.Checkpoints != nil && (sc == nil || !sc.detached) && x.keep.base != nil
}

// factOf gives what was noted the first time, or computes and notes it.
func factOf[T any](x *execution, sc *scope, kind, key string, compute func() (T, error)) (T, error) {
	if !x.journaled(sc) {
		return compute()
	}
	var v T
	if f, ok, err := x.recall(kind, key); err != nil || ok {
		if err == nil && f.Err != "" {
			err = errors.New(f.Err)
		}
		if err == nil {
			err = json.Unmarshal(f.Value, &v)
		}
		return v, err
	}
	v, err := compute()
	x.note(kind, key, v, err)
	return v, err
}

func (x *execution) note(kind, key string, v any, err error) {
	f := fact{Kind: kind, Key: key}
	if err != nil {
		f.Err = err.Error()
	}
	if data, encodeErr := json.Marshal(v); encodeErr == nil {
		f.Value = data
	}
	x.keep.facts = append(x.keep.facts, f)
	x.keep.unsure = x.keep.unsure || kind == "hashFiles" || kind == "manifest"
}

// recall gives the next fact of the step that is gone through again. Events
// are shown again after the last one, unless a process runs.
func (x *execution) recall(kind, key string) (fact, bool, error) {
	if len(x.replay) == 0 {
		return fact{}, false, nil
	}
	f := x.replay[0]
	if f.Kind != kind || f.Key != key {
		x.replay, x.attach = nil, nil
		x.replaying.Store(false)
		err := executor.Errorf("resume the job", executor.Lost, "the step asks for %s %q, and before it was %s %q", kind, key, f.Kind, f.Key)
		x.noteInfra(err)
		return f, false, errors.Join(errElsewhere, err)
	}
	x.replay = x.replay[1:]
	x.keep.facts = append(x.keep.facts, f)
	if len(x.replay) == 0 && x.attach == nil {
		x.replaying.Store(false)
	}
	return f, true, nil
}

// moment is when something began, the first time.
func (x *execution) moment(sc *scope, what string) time.Time {
	t, err := factOf(x, sc, "time", what, func() (time.Time, error) { return time.Now(), nil })
	if err != nil {
		return time.Now()
	}
	return t
}

// follow runs a process of a step and handles its end.
func (x *execution) follow(ctx context.Context, r *stepRun, env executor.Environment, cmd executor.Command, files map[string]string) (executor.Exit, error) {
	if !x.journaled(r.scope) {
		x.beside(cmd.ID, true)
		defer x.beside(cmd.ID, false)
		exit, err := executor.Run(ctx, env, cmd, r.out.write, x.stopPolicy())
		r.out.exited(files, exit)
		return exit, err
	}
	f, ok, err := x.recall("process", string(cmd.ID))
	if err != nil {
		return executor.Exit{}, err
	}
	if ok {
		return x.recalled(r, f)
	}
	exit, held, err := x.runProcess(ctx, r, env, cmd, files)
	r.out.exited(files, exit)
	x.keep.running = nil
	if err != nil && lostPlace(err) {
		return exit, err
	}
	x.note("process", string(cmd.ID), ended{
		product: r.out.product(), Code: exit.Code, StartFailed: executor.IsKind(err, executor.StartFailed),
	}, err)
	if env.ID() != x.env.ID() { // it goes now, and nobody could ask it again
		x.saveNow()
		return exit, err
	}
	x.save(func() {
		if held != nil {
			held.Forget()
		}
	})
	return exit, err
}

// recalled is a process that had ended before.
func (x *execution) recalled(r *stepRun, f fact) (executor.Exit, error) {
	var e ended
	if err := json.Unmarshal(f.Value, &e); err != nil {
		return executor.Exit{}, fmt.Errorf("read the checkpoint: %w", err)
	}
	r.out.restore(e.product)
	var err error
	switch {
	case e.StartFailed:
		err = executor.Errorf("start the process", executor.StartFailed, "%s", f.Err)
	case f.Err != "":
		err = errors.New(f.Err)
	}
	return executor.Exit{Code: e.Code}, err
}

// goOnBeside is a docker action that had begun when drydock ended: its container
// is there, or its process has ended.
func (x *execution) goOnBeside(ctx context.Context, r *stepRun) (exit executor.Exit, err error, ok bool) {
	if !x.journaled(r.scope) {
		return exit, nil, false
	}
	for id := r.id; len(x.replay) > 0; id = x.nextID(r.scope) {
		f, known, err := x.recall("process", id)
		if err != nil || !known {
			return exit, err, true
		}
		exit, err = x.recalled(r, f)
		goesOn := len(x.replay) > 0 && x.replay[0].Kind == "process" || x.attach != nil && x.attach.Step == r.id
		if !goesOn || !executor.IsKind(err, executor.StartFailed) {
			return exit, err, true
		}
	}
	was := x.attach
	if len(x.replay) > 0 || was == nil || was.Step != r.id || was.Place == "" {
		return exit, nil, false
	}
	env, err := x.executor.Attach(ctx, was.Place)
	if err != nil {
		x.replaying.Store(false)
		return exit, executor.Errorf("resume the job", executor.Lost, "the container of step %q is gone: %w", r.name, err), true
	}
	defer func() { err = errors.Join(err, env.Close(context.WithoutCancel(ctx))) }()
	exit, err = x.follow(ctx, r, env, executor.Command{ID: was.Process}, was.Files)
	return exit, err, true
}

// settle waits until what a step did in its place, without a process, is noted.
func (x *execution) settle(sc *scope) {
	if x.journaled(sc) && !x.replaying.Load() {
		x.saveNow()
	}
}

// runProcess starts a process, or finds the one that runs, and waits for it.
func (x *execution) runProcess(ctx context.Context, r *stepRun, env executor.Environment, cmd executor.Command, files map[string]string) (executor.Exit, executor.Held, error) {
	run := &processing{Process: cmd.ID, Step: r.id, Files: files}
	if env.ID() != x.env.ID() {
		run.Place = env.ID()
	}
	was := x.attach
	x.attach = nil
	if was != nil {
		if was.Process != cmd.ID {
			x.replaying.Store(false)
			return executor.Exit{}, nil, executor.Errorf("resume the job", executor.Lost, "process %q ran when drydock ended, and now %q is to", was.Process, cmd.ID)
		}
		run.Offset = was.Offset
		if was.Command != nil {
			cmd = *was.Command
		}
		r.out.restore(was.Product)
		r.out.scanner.Restore(was.Scanner)
		r.out.lines.told = was.Told
	}
	run.Scanner, run.Told, run.Product = r.out.scanner.State(), r.out.lines.told, r.out.product()
	if was == nil && (run.Place != "" || x.keep.unsure) {
		// The job's own place could not tell of a container beside it, and the
		// process may change what the step was made from.
		intent := *run
		intent.Command, x.keep.running = &cmd, &intent
		x.saveNow()
	}
	ready := make(chan struct{})
	expected, saved := run.Offset, run.Offset
	var held executor.Held
	out := func(offset int64, data []byte) {
		<-ready
		if offset > expected {
			r.out.missing(offset - expected)
		}
		expected = offset + int64(len(data))
		r.out.write(offset, data)
		if held == nil {
			return
		}
		if at, ok := r.out.boundary(expected); ok && at-saved >= saveEvery {
			saved = at
			x.saveOutput(r, run, at, held)
		}
	}
	p, err := x.attachOrStart(ctx, env, cmd, was, out)
	if err != nil {
		close(ready)
		return executor.Exit{}, nil, err
	}
	x.replaying.Store(false) // what comes now has not been seen
	if h, ok := p.(executor.Held); ok {
		h.Hold()
		held = h
	}
	x.keep.running = run
	x.save(nil)
	close(ready)
	exit, err := executor.Finish(ctx, p, x.stopPolicy())
	return exit, held, err
}

// attachOrStart finds a process that an earlier program has started, or starts
// it. The program may have ended after the start and before it was noted.
func (x *execution) attachOrStart(ctx context.Context, env executor.Environment, cmd executor.Command, was *processing, out executor.Output) (executor.Process, error) {
	if x.from != nil && (was != nil || !x.settled) {
		offset := int64(0)
		if was != nil {
			offset = was.Offset
		}
		p, err := env.AttachProcess(context.WithoutCancel(ctx), cmd.ID, offset, out)
		switch {
		case err == nil:
			return p, nil
		case !executor.IsKind(err, executor.NotFound):
			return nil, err
		case was != nil && was.Command == nil:
			return nil, executor.Errorf("resume the job", executor.Lost, "its place does not know the process any more that ran when drydock ended: %w", err)
		}
		x.settled = true // what has never been started is not known further on either
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return env.Start(ctx, cmd, out)
}

// saveOutput notes how far the output is handled. It runs where the output is.
func (x *execution) saveOutput(r *stepRun, run *processing, at int64, held executor.Held) {
	now := *run
	now.Offset, now.Scanner, now.Told, now.Product = at, r.out.scanner.State(), r.out.lines.told, r.out.product()
	x.keep.running = &now
	x.saved(true, func() { held.Taken(at) })
}

// beside notes the processes that run beside the job's own loop.
func (x *execution) beside(id executor.ProcessID, runs bool) {
	if x.Checkpoints == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.keep.stray == nil {
		x.keep.stray = map[executor.ProcessID]bool{}
	}
	if runs {
		x.keep.stray[id] = true
	} else {
		delete(x.keep.stray, id)
	}
}

// product is what came of the output so far.
func (o *output) product() product {
	p := product{Effects: *o.effects}
	p.Effects.Posts = nil
	p.Effects.Outputs, p.Effects.State = maps.Clone(p.Effects.Outputs), maps.Clone(p.Effects.State)
	if o.err != nil {
		p.Problem = o.err.Error()
	}
	return p
}

// restore goes on where product was taken.
func (o *output) restore(p product) {
	posts := o.effects.Posts
	*o.effects = p.Effects
	o.effects.Posts = posts
	o.effects.Outputs, o.effects.State = maps.Clone(p.Effects.Outputs), maps.Clone(p.Effects.State)
	o.err = nil
	if p.Problem != "" {
		o.err = errors.New(p.Problem)
	}
}

// boundary is where the last whole line ends, if end is the end of what was
// read.
func (o *output) boundary(end int64) (at int64, ok bool) {
	return end - int64(len(o.lines.partial)), o.lines.rest == nil
}

// missing says that the place has not kept all.
func (o *output) missing(n int64) {
	o.emit(command.LevelWarning, fmt.Sprintf("%d bytes of output are missing here: the place did not keep them while nobody listened", n))
}
