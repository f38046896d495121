package executortest

import (
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor"
)

func testAttachProcess(s *suite) {
	env := s.place()
	flag := s.temp(env, "flag")
	cmd := s.sh(env, ScriptWaitFor, "F", flag)
	first := s.output(0)
	p := s.start(env, cmd, first)
	Eventually(s, "first line", func() bool { return strings.HasSuffix(first.String(), "\n") })
	attach := func(offset int64) (executor.Process, *output) {
		out := s.output(offset)
		q, err := env.AttachProcess(s.ctx, cmd.ID, offset, out.add)
		if err != nil {
			s.Fatalf("attach at offset %d: %v", offset, err)
		}
		return q, out
	}
	q, rest := attach(3)
	_, err := env.AttachProcess(s.ctx, "no-such-process", 0, func(int64, []byte) {})
	s.wantKind("attach to an unknown process", err, executor.NotFound)
	s.script(env, ScriptTouch, "F", flag)
	if exit := s.wait(q); exit.Code != 0 || rest.String() != "ting\nfound\n" {
		s.Errorf("attached: exit %+v, output %q", exit, rest)
	}
	if exit := s.wait(p); exit.Code != 0 || first.String() != "waiting\nfound\n" {
		s.Errorf("the first follower: exit %+v, output %q", exit, first)
	}
	// A program that stopped right after the end asks again.
	q, rest = attach(8)
	if exit := s.wait(q); exit.Code != 0 || rest.String() != "found\n" {
		s.Errorf("attached after the end: exit %+v, output %q", exit, rest)
	}
}

// testHold: of a process that is held nothing is given up before somebody says
// so, however much it printed and how many came after it.
func testHold(s *suite) {
	env := s.place()
	const size = 50_000_000 // of ScriptBig
	big := s.sh(env, ScriptBig)
	ready := make(chan struct{})
	got := int64(0)
	p, err := env.Start(s.ctx, big, func(_ int64, data []byte) {
		<-ready
		got += int64(len(data))
	})
	if err != nil {
		s.Fatal(err)
	}
	held, ok := p.(executor.Held)
	if !ok {
		close(ready)
		s.Fatal("processes cannot be held")
	}
	held.Hold()
	close(ready)
	if exit := s.wait(p); exit.Code != 0 || got != size {
		s.Fatalf("exit %+v after %d bytes", exit, got)
	}
	for range 10 { // more than are kept of those that are not held
		s.script(env, ScriptTrue)
	}
	for _, from := range []int64{0, size - 1000} {
		again, first := int64(0), int64(-1)
		q, err := env.AttachProcess(s.ctx, big.ID, from, func(offset int64, data []byte) {
			if first < 0 {
				first = offset
			}
			again += int64(len(data))
		})
		if err != nil {
			s.Fatalf("attach at %d: %v", from, err)
		}
		if h, ok := q.(executor.Held); ok {
			h.Hold()
		}
		if exit := s.wait(q); exit.Code != 0 || first != from || again != size-from {
			s.Errorf("attached at %d: exit %+v, %d bytes from %d on", from, exit, again, first)
		}
	}
	held.Taken(size - 500)
	held.Forget()
}

func testAttach(s *suite) {
	x, env := s.create("run-1")
	_, err := x.Attach(s.ctx, "no-such/environment")
	s.wantKind("attach to an unknown environment", err, executor.NotFound)

	flag := s.temp(env, "flag")
	cmd := s.sh(env, ScriptWaitFor, "F", flag)
	cmd.Files = []executor.File{{Path: s.temp(env, "file"), Data: []byte("x"), Mode: 0o644}}
	s.start(env, cmd, s.output(0))

	y, _ := s.open(s.T)
	again, err := y.Attach(s.ctx, env.ID())
	if err != nil {
		s.Fatalf("attach: %v", err)
	}
	s.Cleanup(func() {
		if err := again.Close(s.ctx); err != nil {
			s.Errorf("close what was attached to: %v", err)
		}
	})
	if again.ID() != env.ID() {
		s.Errorf("id %q, want %q", again.ID(), env.ID())
	}
	if a, b := again.Info(), env.Info(); a.Paths != b.Paths || a.User != b.User || a.Libc != b.Libc || a.Arch != b.Arch {
		s.Errorf("info %+v, want %+v", a, b)
	}
	out := s.output(0)
	p, err := again.AttachProcess(s.ctx, cmd.ID, 0, out.add)
	if err != nil {
		s.Fatalf("attach to the process: %v", err)
	}
	s.script(again, ScriptTest, "F", s.temp(env, "file"))
	s.script(again, ScriptTouch, "F", flag)
	if exit := s.wait(p); exit.Code != 0 || out.String() != "waiting\nfound\n" {
		s.Errorf("exit %+v, output %q", exit, out)
	}
	if err := again.Close(s.ctx); err != nil {
		s.Errorf("close: %v", err)
	}
	_, err = x.Attach(s.ctx, env.ID())
	s.wantKind("attach to a closed environment", err, executor.NotFound)
}

func testCloseTwice(s *suite) {
	env := s.place()
	p := s.start(env, s.sh(env, ScriptStubborn), s.output(0))
	for range 2 {
		if err := env.Close(s.ctx); err != nil {
			s.Errorf("close: %v", err)
		}
	}
	// Either is true: it was killed, and its place is lost.
	if exit, err := p.Wait(s.ctx); err == nil && exit.Code != 137 || err != nil && !executor.IsKind(err, executor.Lost) {
		s.Errorf("wait after close: exit %+v, error %v", exit, err)
	}
}

func testSweep(s *suite) {
	x, kept := s.create("run-kept")
	_, dead := s.create("run-dead")
	owner := s.owner
	s.owner += "-other"
	_, other := s.create("run-other")
	s.start(dead, s.sh(dead, ScriptStubborn), s.output(0))

	y, _ := s.open(s.T)
	var asked []executor.RunID
	swept, err := y.Sweep(s.ctx, owner, func(r executor.RunID) bool {
		asked = append(asked, r)
		return r == "run-kept"
	})
	if err != nil || len(swept.Removed) == 0 {
		s.Errorf("sweep: %+v, %v", swept, err)
	}
	if slices.Contains(asked, "run-other") {
		s.Errorf("sweep asked about another owner's run: %q", asked)
	}
	_, err = x.Attach(s.ctx, dead.ID())
	s.wantKind("attach to what was swept", err, executor.NotFound)
	s.script(kept, ScriptTrue)
	s.script(other, ScriptTrue)
	swept, err = y.Sweep(s.ctx, owner, func(r executor.RunID) bool { return r == "run-kept" })
	if err != nil || len(swept.Removed) != 0 {
		s.Errorf("second sweep: %+v, %v", swept, err)
	}
}
