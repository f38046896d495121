package runner

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
)

var errCut = executor.Errorf("reach the place", executor.Lost, "this program is dead")

// program is one start of drydock: when it is dead nothing of it reaches a
// place, and nothing is written.
type program struct {
	mu     sync.Mutex
	dead   chan struct{}
	late   time.Duration // a checkpoint that is not urgent is kept so much later
	events []Event
	count  int // of events when newest was saved
	newest *Checkpoint
	calls  []func()
	kept   []byte // as JSON
	at     int    // how many events it has
	saves  int
	onSave func(n int)
}

func newProgram(late time.Duration, events []Event) *program {
	return &program{dead: make(chan struct{}), late: late, events: events}
}

func (p *program) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

func (p *program) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isDead() {
		close(p.dead)
	}
}

func (p *program) Emit(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isDead() {
		p.events = append(p.events, e)
	}
}

func (p *program) Save(_ *Job, c *Checkpoint, urgent bool, kept func()) {
	p.mu.Lock()
	p.saves++
	n, onSave := p.saves, p.onSave
	dead := p.isDead()
	if !dead {
		p.newest, p.count = c, len(p.events)
		p.calls = append(p.calls, kept)
	}
	p.mu.Unlock()
	switch {
	case dead:
		kept()
		return
	case urgent || p.late == 0:
		p.flush()
	default:
		time.AfterFunc(p.late, p.flush)
	}
	if onSave != nil {
		onSave(n)
	}
}

// flush writes what is newest: it must not have changed since it was saved.
func (p *program) flush() {
	p.mu.Lock()
	calls := p.calls
	if p.isDead() || p.newest == nil {
		p.mu.Unlock()
		return
	}
	p.calls = nil
	data, err := json.Marshal(p.newest)
	if err != nil {
		panic(err)
	}
	p.kept, p.at = data, p.count
	p.mu.Unlock()
	for _, f := range calls {
		f()
	}
}

// cut is an executor as one program sees it.
type cut struct {
	executor.Executor
	p      *program
	beside executor.Executor // of containers

	hearing sync.Mutex
}

type cutPlace struct {
	executor.Environment
	c  *cut
	id string // before the own one
}

func (c *cut) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	if c.p.isDead() {
		return nil, errCut
	}
	env, err := c.Executor.Create(ctx, spec)
	return &cutPlace{env, c, "job-"}, err
}

func (c *cut) Attach(ctx context.Context, id executor.EnvironmentID) (executor.Environment, error) {
	prefix, from := "job-", c.Executor
	if strings.HasPrefix(string(id), "beside-") {
		prefix, from = "beside-", c.beside
	}
	env, err := from.Attach(ctx, executor.EnvironmentID(strings.TrimPrefix(string(id), prefix)))
	return &cutPlace{env, c, prefix}, err
}

func (e *cutPlace) ID() executor.EnvironmentID {
	return executor.EnvironmentID(e.id) + e.Environment.ID()
}

func (e *cutPlace) Container(ctx context.Context, spec executor.ContainerSpec) (executor.Environment, error) {
	if e.c.p.isDead() {
		return nil, errCut
	}
	env, err := e.c.beside.Create(ctx, executor.Spec{})
	if err == nil {
		env.(*fake.Environment).WriteFile("/github/workspace/x", nil, 0o644)
	}
	return &cutPlace{env, e.c, "beside-"}, err
}

func (e *cutPlace) Start(ctx context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	if e.c.p.isDead() {
		return nil, errCut
	}
	p, err := e.Environment.Start(ctx, cmd, e.heard(out))
	if err != nil {
		return nil, err
	}
	return &cutProcess{p.(executor.Held), e.c}, nil
}

func (e *cutPlace) AttachProcess(ctx context.Context, id executor.ProcessID, offset int64, out executor.Output) (executor.Process, error) {
	p, err := e.Environment.AttachProcess(ctx, id, offset, e.heard(out))
	if err != nil {
		return nil, err
	}
	return &cutProcess{p.(executor.Held), e.c}, nil
}

func (e *cutPlace) heard(out executor.Output) executor.Output {
	return func(offset int64, data []byte) {
		e.c.hearing.Lock()
		defer e.c.hearing.Unlock()
		if !e.c.p.isDead() {
			out(offset, data)
		}
	}
}

func (e *cutPlace) CopyIn(ctx context.Context, dir string, tar io.Reader) error {
	if e.c.p.isDead() {
		return errCut
	}
	return e.Environment.CopyIn(ctx, dir, tar)
}

func (e *cutPlace) Expose(ctx context.Context, port int, accept func(net.Conn)) (string, error) {
	return e.Environment.Expose(ctx, port, accept)
}

func (e *cutPlace) Close(ctx context.Context) error {
	if e.c.p.isDead() {
		return errCut
	}
	return e.Environment.Close(ctx)
}

type cutProcess struct {
	executor.Held
	c *cut
}

func (p *cutProcess) Wait(ctx context.Context) (executor.Exit, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-p.c.p.dead:
			cancel(errCut)
		case <-done:
		}
	}()
	exit, err := p.Held.Wait(ctx)
	if p.c.p.isDead() {
		p.c.hearing.Lock() // nothing is heard after it
		defer p.c.hearing.Unlock()
		return executor.Exit{}, errCut
	}
	return exit, err
}

func (p *cutProcess) Signal(ctx context.Context, s executor.Signal) error {
	if p.c.p.isDead() {
		return errCut
	}
	return p.Held.Signal(ctx, s)
}

func (p *cutProcess) Taken(offset int64) {
	if !p.c.p.isDead() {
		p.Held.Taken(offset)
	}
}

func (p *cutProcess) Forget() {
	if !p.c.p.isDead() {
		p.Held.Forget()
	}
}

// survived is a job that was killed, perhaps, and went on.
type survived struct {
	ran
	saves, starts int
	resumed       bool
	fake, beside  *fake.Executor
	first         *program
}

// killAt runs the job, kills the program when at says so, and goes on with
// another one. Nothing may be left then.
type killAt struct {
	after time.Duration
	save  int           // after the n-th checkpoint
	late  time.Duration // see program
	gone  bool          // the place goes meanwhile
	pause time.Duration // until somebody goes on
	again int           // the next program is killed after so many checkpoints, too
}

func (b bench) killed(t *testing.T, at killAt) *survived {
	t.Helper()
	var s *survived
	ok := runBubble(t, func(t *testing.T) { s = b.killedWithin(t, at) })
	if !ok || s == nil {
		t.FailNow()
	}
	s.t = t
	return s
}

func (b bench) killedWithin(t *testing.T, at killAt) *survived {
	t.Helper()
	o := b.options
	o.Script = actOut
	o.Files = map[string]string{}
	for name, text := range b.files {
		o.Files[benchWorkspace+"/"+name] = text
	}
	s := &survived{fake: fake.New(o), beside: fake.New(fake.Options{
		Info: executor.Info{Entrypoint: []string{"/entry"}, Cmd: []string{"image", "cmd"}},
		Script: func(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
			cmd.Files = nil
			cmd.Argv = []string{strings.ReplaceAll(strings.Join(cmd.Argv[1:], " "), " +", "\n")}
			return actOut(ctx, cmd, io)
		},
	})}
	s.t = t
	start := func(p *program) (*Engine, *Job) {
		e := &Engine{
			Executors: map[string]executor.Executor{"fake": &cut{Executor: s.fake, p: p, beside: s.beside}}, Actions: b.actionsIn(t), Checkpoints: p,
			Secrets: func(context.Context, *Job) (map[string]string, error) { return b.secrets, nil },
		}
		j := &Job{Run: "1", Leg: b.leg(t), Place: Place{Executor: "fake", Image: "img", Labels: []string{"ubuntu-latest"}}}
		if b.setup != nil {
			b.setup(e, j)
		}
		return e, j
	}
	p := newProgram(at.late, nil)
	if at.save > 0 {
		p.onSave = func(n int) {
			if n == at.save {
				p.kill()
			}
		}
	}
	if at.after > 0 {
		defer time.AfterFunc(at.after, p.kill).Stop()
	}
	began := time.Now()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if b.cancelAfter > 0 {
		defer time.AfterFunc(b.cancelAfter, func() { cancel(errors.New("stop it")) }).Stop()
	}
	e, j := start(p)
	s.Result = e.Run(ctx, j, p)
	s.first, s.saves = p, p.saves
	for p.isDead() && p.kept != nil {
		s.resumed = true
		time.Sleep(at.pause)
		if at.gone {
			for _, env := range s.fake.Environments() {
				env.Lose()
			}
		}
		var c Checkpoint
		if err := json.Unmarshal(p.kept, &c); err != nil {
			t.Fatal(err)
		}
		before := p
		p = newProgram(at.late, append([]Event(nil), p.events[:p.at]...))
		p.kept, p.at = before.kept, len(p.events)
		if n := at.again; n > 0 {
			at.again = 0
			p.onSave = func(saves int) {
				if saves == n {
					p.kill()
				}
			}
		}
		e, j = start(p)
		s.Result = e.Resume(t.Context(), j, &c, p)
	}
	s.took = time.Since(began)
	s.events = p.events
	s.starts = len(s.fake.Calls("start")) + len(s.beside.Calls("start"))
	if s.resumed || !p.isDead() {
		if left := len(s.fake.Environments()); left != 0 { // containers beside it would go with the place
			t.Errorf("%d places are left", left)
		}
	}
	for _, env := range append(s.fake.Environments(), s.beside.Environments()...) {
		_ = env.Close(context.Background())
	}
	return s
}
