package executortest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// limit ends a test of the suite that hangs.
const limit = 5 * time.Minute

// quick is a stop policy that tests do not wait long for, for processes that heed
// no signal; patient is for those that do, however busy the machine is.
var (
	quick   = executor.StopPolicy{Interrupt: 400 * time.Millisecond, Terminate: 400 * time.Millisecond}
	patient = executor.StopPolicy{Interrupt: time.Minute, Terminate: time.Minute}
)

// Open gives a back end and a spec that it can make a place of. Each call
// gives a fresh value, as another program would have it, but all of them must
// reach the same engine, root folder or cluster. The suite sets the labels.
type Open func(t *testing.T) (executor.Executor, executor.Spec)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"probe", testProbe},
		{"info", testInfo},
		{"exit codes", testExitCodes},
		{"output order", testOutputOrder},
		{"big output", testBigOutput},
		{"output held open", testHeldOutput},
		{"environment", testEnvironment},
		{"path", testPath},
		{"cannot start", testCannotStart},
		{"process id in use", testSameID},
		{"files and collect", testFiles},
		{"two at once", testTwoAtOnce},
		{"wait ends with its context", testWaitContext},
		{"cancel", testCancel},
		{"process tree", testTree},
		{"daemon", testDaemon},
		{"copy in and out", testCopy},
		{"copy out one file", testCopyFile},
		{"copy out nothing", testCopyMissing},
		{"evil archives", testEvil},
		{"hashFiles", testHashFiles},
		{"attach to a process", testAttachProcess},
		{"hold a process", testHold},
		{"attach to an environment", testAttach},
		{"expose a port", testExpose},
		{"expose after attaching", testExposeAgain},
		{"exposed ports end with the place", testExposeEnds},
		{"expose to a container beside", testExposeBeside},
		{"close twice", testCloseTwice},
		{"sweep", testSweep},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			t.Cleanup(cancel)
			c.test(&suite{T: t, open: open, ctx: ctx, owner: executor.OwnerID("test-" + strings.ToLower(rand.Text()))})
		})
	}
}

// suite is one test and its helpers.
type suite struct {
	*testing.T
	open  Open
	ctx   context.Context
	owner executor.OwnerID
	count int
}

// create makes a place of a run and closes it at the end.
func (s *suite) create(run executor.RunID) (executor.Executor, executor.Environment) {
	s.Helper()
	x, spec := s.open(s.T)
	spec.Labels = executor.Labels{Owner: s.owner, Run: run, Job: "build"}
	env, err := x.Create(s.ctx, spec)
	if err != nil {
		s.Fatalf("create: %v", err)
	}
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := env.Close(ctx); err != nil {
			s.Errorf("close: %v", err)
		}
	})
	return x, env
}

func (s *suite) place() executor.Environment {
	s.Helper()
	_, env := s.create("run-1")
	return env
}

// sh is a command that runs script; vars are pairs of name and value.
func (s *suite) sh(env executor.Environment, script string, vars ...string) executor.Command {
	s.count++
	cmd := executor.Command{
		ID:   executor.ProcessID("p" + string(rune('a'+s.count%26)) + rand.Text()[:6]),
		Argv: []string{"sh", "-c", script}, Dir: env.Info().Paths.Work, Env: map[string]string{},
	}
	for i := 0; i+1 < len(vars); i += 2 {
		cmd.Env[vars[i]] = vars[i+1]
	}
	return cmd
}

// run runs a command to its end and gives what it printed.
func (s *suite) run(env executor.Environment, cmd executor.Command) (executor.Exit, string) {
	s.Helper()
	out := s.output(0)
	exit, err := executor.Run(s.ctx, env, cmd, out.add, executor.DefaultStop)
	if err != nil {
		s.Fatalf("run %q: %v", cmd.Argv, err)
	}
	return exit, out.String()
}

// script runs a script that must succeed.
func (s *suite) script(env executor.Environment, script string, vars ...string) string {
	s.Helper()
	exit, out := s.run(env, s.sh(env, script, vars...))
	if exit.Code != 0 {
		s.Errorf("%q: exit code %d, output %q", script, exit.Code, out)
	}
	return out
}

func (s *suite) start(env executor.Environment, cmd executor.Command, out *output) executor.Process {
	s.Helper()
	p, err := env.Start(s.ctx, cmd, out.add)
	if err != nil {
		s.Fatalf("start %q: %v", cmd.Argv, err)
	}
	if p.ID() != cmd.ID {
		s.Errorf("process has id %q, want %q", p.ID(), cmd.ID)
	}
	return p
}

func (s *suite) wait(p executor.Process) executor.Exit {
	s.Helper()
	exit, err := p.Wait(s.ctx)
	if err != nil {
		s.Fatalf("wait for %q: %v", p.ID(), err)
	}
	return exit
}

func (s *suite) temp(env executor.Environment, name string) string {
	return path.Join(env.Info().Paths.Temp, name)
}

// output gathers what a process prints and finds gaps and overlaps.
type output struct {
	t    *testing.T
	mu   sync.Mutex
	buf  bytes.Buffer
	base int64
}

func (s *suite) output(base int64) *output { return &output{t: s.T, base: base} }

func (o *output) add(offset int64, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if want := o.base + int64(o.buf.Len()); offset != want {
		o.t.Errorf("output at offset %d, want %d", offset, want)
	}
	o.buf.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (s *suite) wantKind(what string, err error, kind executor.ErrorKind) {
	s.Helper()
	var e *executor.Error
	if !errors.As(err, &e) || !executor.IsKind(err, kind) {
		s.Errorf("%s: error %v, want kind %q", what, err, kind)
	}
}
