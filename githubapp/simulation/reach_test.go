package simulation

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/rpc"

	"github.com/drydock-ci/drydock/executor"
)

// reach is the yard as the server sees it: a back end at the other end of a socket.
type reach struct{ client *rpc.Client }

func (x *reach) ask(method string, ask Ask) (Answer, error) {
	var answer Answer
	if err := x.client.Call("Yard."+method, ask, &answer); err != nil {
		return answer, executor.Errorf("ask the yard", executor.Unavailable, "%w", err)
	}
	if f := answer.Fault; f != nil {
		e := executor.Errorf(f.Op, f.Kind, "%s", f.Text)
		e.Reason, e.Hint = f.Reason, f.Hint
		return answer, e
	}
	return answer, nil
}

func (x *reach) Name() string { return "yard" }

func (x *reach) Probe(context.Context) (executor.Capabilities, error) {
	return executor.Capabilities{Version: "1", OS: "linux", Arch: "amd64"}, nil
}

func (x *reach) Create(_ context.Context, spec executor.Spec) (executor.Environment, error) {
	spec.Log = nil
	return x.place(x.ask("Create", Ask{Spec: spec}))
}

func (x *reach) Attach(_ context.Context, id executor.EnvironmentID) (executor.Environment, error) {
	return x.place(x.ask("Attach", Ask{Env: id}))
}

func (x *reach) place(a Answer, err error) (executor.Environment, error) {
	if err != nil {
		return nil, err
	}
	return &place{x, a.Env, a.Info}, nil
}

func (x *reach) Sweep(ctx context.Context, owner executor.OwnerID, keep func(executor.RunID) bool) (executor.Swept, error) {
	var swept executor.Swept
	a, err := x.ask("List", Ask{Spec: executor.Spec{Labels: executor.Labels{Owner: owner}}})
	for _, s := range a.Envs {
		if err != nil || keep(s.Labels.Run) {
			continue
		}
		if err := (&place{x: x, id: s.Env}).Close(ctx); err != nil {
			return swept, err
		}
		swept.Removed = append(swept.Removed, string(s.Env))
	}
	return swept, err
}

type place struct {
	x    *reach
	id   executor.EnvironmentID
	info executor.Info
}

func (p *place) ID() executor.EnvironmentID { return p.id }
func (p *place) Info() executor.Info        { return p.info }

func (p *place) Start(_ context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	if _, err := p.x.ask("Start", Ask{Env: p.id, Command: cmd}); err != nil {
		return nil, err
	}
	return p.followed(cmd.ID, 0, out), nil
}

func (p *place) AttachProcess(_ context.Context, id executor.ProcessID, offset int64, out executor.Output) (executor.Process, error) {
	if _, err := p.x.ask("Find", Ask{Env: p.id, Process: id}); err != nil {
		return nil, err
	}
	return p.followed(id, offset, out), nil
}

func (p *place) followed(id executor.ProcessID, offset int64, out executor.Output) *process {
	q := &process{place: p, id: id, done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for {
			a, err := p.x.ask("Read", Ask{Env: p.id, Process: id, Offset: offset})
			if err != nil || a.Ended {
				q.exit, q.err = a.Exit, err
				return
			}
			if out != nil {
				out(offset, a.Data)
			}
			offset += int64(len(a.Data))
		}
	}()
	return q
}

func (p *place) CopyIn(_ context.Context, dir string, tar io.Reader) error {
	data, err := io.ReadAll(tar)
	if err == nil {
		_, err = p.x.ask("CopyIn", Ask{Env: p.id, Path: dir, Data: data})
	}
	return err
}

// The jobs of the simulation copy nothing out and expose nothing.
var errNever = executor.Errorf("use the yard", executor.Unsupported, "it has no such power")

func (p *place) CopyOut(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(nil)), errNever
}

func (p *place) Expose(context.Context, int, func(net.Conn)) (string, error) { return "", errNever }

func (p *place) HashFiles(_ context.Context, q executor.HashQuery) (string, error) {
	a, err := p.x.ask("Hash", Ask{Env: p.id, Hash: q})
	return a.Text, err
}

func (p *place) Close(context.Context) error {
	_, err := p.x.ask("Close", Ask{Env: p.id})
	return err
}

// process keeps all it printed in the yard until it is forgotten: executor.Held.
type process struct {
	*place
	id   executor.ProcessID
	done chan struct{}
	exit executor.Exit
	err  error
}

var _ executor.Held = (*process)(nil)

func (q *process) ID() executor.ProcessID { return q.id }
func (q *process) Hold()                  {}
func (q *process) Taken(int64)            {}
func (q *process) Forget()                { _, _ = q.x.ask("Forget", Ask{Env: q.place.id, Process: q.id}) }

func (q *process) Signal(_ context.Context, s executor.Signal) error {
	_, err := q.x.ask("Kill", Ask{Env: q.place.id, Process: q.id, Signal: s})
	return err
}

func (q *process) Wait(ctx context.Context) (executor.Exit, error) {
	select {
	case <-q.done:
		return q.exit, q.err
	case <-ctx.Done():
		return executor.Exit{}, context.Cause(ctx)
	}
}
