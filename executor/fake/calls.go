package fake

import (
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// Call is one call that was made.
type Call struct {
	Op      string // "create", "start", "signal", "close", ...: the method's name in lower case
	At      time.Time
	Env     executor.EnvironmentID
	Spec    *executor.Spec
	Command *executor.Command // of start
	Process executor.ProcessID
	Signal  executor.Signal
	Path    string // of copyin, copyout
	Hash    *executor.HashQuery
}

type recorder struct {
	mu   sync.Mutex
	list []Call
}

func (r *recorder) add(c Call) {
	c.At = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, c)
}

// Calls gives what was called so far, in order; with ops, those only.
func (x *Executor) Calls(ops ...string) []Call {
	x.calls.mu.Lock()
	defer x.calls.mu.Unlock()
	var out []Call
	for _, c := range x.calls.list {
		match := len(ops) == 0
		for _, op := range ops {
			match = match || c.Op == op
		}
		if match {
			out = append(out, c)
		}
	}
	return out
}

// Commands gives what was started so far, in order.
func (x *Executor) Commands() []executor.Command {
	var out []executor.Command
	for _, c := range x.Calls("start") {
		out = append(out, *c.Command)
	}
	return out
}
