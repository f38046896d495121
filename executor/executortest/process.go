package executortest

import (
	"context"
	"errors"
	"os"
	"path"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

func testProbe(s *suite) {
	x, _ := s.open(s.T)
	c, err := x.Probe(s.ctx)
	if err != nil || c.OS == "" || c.Arch == "" || x.Name() == "" {
		s.Errorf("probe of %q: %+v, %v", x.Name(), c, err)
	}
}

func testInfo(s *suite) {
	env := s.place()
	i := env.Info()
	if env.ID() == "" || i.OS == "" || i.Arch == "" || i.User == "" || i.Env["PATH"] == "" {
		s.Errorf("id %q, info %+v: something is empty", env.ID(), i)
	}
	for _, dir := range []string{i.Paths.Work, i.Paths.Temp, i.Paths.Actions, i.Paths.ToolCache} {
		if !path.IsAbs(dir) {
			s.Errorf("path %q is not absolute", dir)
			continue
		}
		s.script(env, ScriptTest, "F", dir)
		cmd := s.sh(env, ScriptPwd)
		cmd.Dir = dir
		if exit, out := s.run(env, cmd); exit.Code != 0 || out != dir+"\n" {
			s.Errorf("pwd in %q: %q", dir, out)
		}
	}
}

func testExitCodes(s *suite) {
	env := s.place()
	for _, c := range []struct {
		script string
		code   int
		signal string
	}{{ScriptTrue, 0, ""}, {ScriptExit3, 3, ""}, {ScriptExit255, 255, ""}, {ScriptKilled, 137, "KILL"}} {
		exit, _ := s.run(env, s.sh(env, c.script))
		if exit.Code != c.code || exit.Signal != c.signal || exit.OOM {
			s.Errorf("%q: %+v, want code %d and signal %q", c.script, exit, c.code, c.signal)
		}
	}
}

func testOutputOrder(s *suite) {
	env := s.place()
	for range 5 {
		if out := s.script(env, ScriptOrder); out != "out1\nerr1\nout2\nerr2\nend" {
			s.Fatalf("output %q", out)
		}
	}
	if out := s.script(env, ScriptStdin); out != "end\n" {
		s.Errorf("standard input is not empty: %q", out)
	}
}

func testBigOutput(s *suite) {
	env := s.place()
	var n int64
	var bad bool
	exit, err := executor.Run(s.ctx, env, s.sh(env, ScriptBig), func(offset int64, data []byte) {
		bad = bad || offset != n || strings.Trim(string(data), "\x00") != ""
		n += int64(len(data))
	}, executor.DefaultStop)
	if err != nil || exit.Code != 0 || n != 50_000_000 || bad {
		s.Errorf("%d bytes, wrong ones: %v, exit %+v, error %v", n, bad, exit, err)
	}
}

func testHeldOutput(s *suite) {
	env := s.place()
	start := time.Now()
	if out := s.script(env, ScriptHolds); out != "early\n" {
		s.Errorf("output %q", out)
	}
	if d := time.Since(start); d > time.Minute { // what holds the output stays longer
		s.Errorf("the exit came after %s only", d)
	}
}

func testEnvironment(s *suite) {
	env := s.place()
	special := "a b\n\"c\" 'd' $HOME = ä"
	cmd := s.sh(env, ScriptEnv, "SPECIAL", special)
	cmd.PrependPath = []string{"/first", "/second"}
	_, out := s.run(env, cmd)
	want := special + "|/first:/second:" + env.Info().Env["PATH"]
	if out != want {
		s.Errorf("environment %q, want %q", out, want)
	}
	cmd = s.sh(env, ScriptEnv, "SPECIAL", "", "PATH", "/usr/bin:/bin")
	cmd.PrependPath = []string{"/first"}
	if _, out := s.run(env, cmd); out != "|/first:/usr/bin:/bin" {
		s.Errorf("environment %q: PATH of the command does not count", out)
	}
	if out := s.script(env, ScriptHome); out == "" {
		s.Errorf("HOME is not set")
	}
	if out := s.script(env, ScriptHome, "HOME", "/somewhere"); out != "/somewhere" {
		s.Errorf("HOME %q, want the command's", out)
	}
}

func testPath(s *suite) {
	env := s.place()
	dir := s.temp(env, "bin")
	cmd := s.sh(env, "")
	cmd.Argv = []string{"mytool", "x", "y z"}
	cmd.PrependPath = []string{dir}
	cmd.Files = []executor.File{{Path: dir + "/mytool", Data: []byte(ScriptMyTool), Mode: 0o755}}
	exit, out := s.run(env, cmd)
	if exit.Code != 0 || out != "my tool x y z\n" {
		s.Errorf("exit %+v, output %q", exit, out)
	}
}

func testCannotStart(s *suite) {
	env := s.place()
	plain := s.temp(env, "plain")
	for _, c := range []struct {
		name   string
		change func(*executor.Command)
		want   string
	}{
		{"no such folder", func(c *executor.Command) { c.Dir = "/no/such/folder" }, "/no/such/folder"},
		{"no such program", func(c *executor.Command) { c.Argv = []string{"no-such-program"} }, "no-such-program"},
		{"no such path", func(c *executor.Command) { c.Argv = []string{"/no/such/program"} }, "/no/such/program"},
		{"not executable", func(c *executor.Command) {
			c.Argv = []string{plain}
			c.Files = []executor.File{{Path: plain, Data: []byte("x"), Mode: 0o644}}
		}, plain},
		{"no argv", func(c *executor.Command) { c.Argv = nil }, ""},
	} {
		cmd := s.sh(env, ScriptTrue)
		c.change(&cmd)
		_, err := env.Start(s.ctx, cmd, func(int64, []byte) {})
		s.wantKind(c.name, err, executor.StartFailed)
		if err != nil && !strings.Contains(err.Error(), c.want) {
			s.Errorf("%s: error %q does not name %q", c.name, err, c.want)
		}
	}
	s.script(env, ScriptTrue) // the place still works
}

func testSameID(s *suite) {
	env := s.place()
	cmd := s.sh(env, ScriptLoop)
	p := s.start(env, cmd, s.output(0))
	_, err := env.Start(s.ctx, cmd, func(int64, []byte) {})
	s.wantKind("second process of one id", err, executor.Invalid)
	if err := p.Signal(s.ctx, executor.Kill); err != nil {
		s.Error(err)
	}
	s.wait(p)
	if err := p.Signal(s.ctx, executor.Kill); err != nil {
		s.Errorf("signal to an ended process: %v", err)
	}
}

func testFiles(s *suite) {
	env := s.place()
	in, out, gone := s.temp(env, "sub/in"), s.temp(env, "sub/out"), s.temp(env, "sub/gone")
	cmd := s.sh(env, ScriptFiles, "F", in, "G", out, "D", gone)
	data := "text\x00\xff\n"
	cmd.Files = []executor.File{{Path: in, Data: []byte(data), Mode: 0o600}, {Path: out, Mode: 0o644}, {Path: gone, Mode: 0o644}}
	cmd.Collect = []string{out, gone, s.temp(env, "never")}
	exit, text := s.run(env, cmd)
	if exit.Code != 0 || text != data {
		s.Errorf("exit %+v, output %q", exit, text)
	}
	if len(exit.Files) != 1 || string(exit.Files[out]) != "a=b\n" || len(exit.TooLarge) != 0 {
		s.Errorf("collected %q, too large %q", exit.Files, exit.TooLarge)
	}
	if exit, _ := s.run(env, s.sh(env, ScriptTest, "F", out)); exit.Code == 0 {
		s.Errorf("a collected file is still there")
	}
	if exit, _ := s.run(env, s.sh(env, ScriptTest, "F", in)); exit.Code != 0 {
		s.Errorf("a file that was not collected is gone")
	}
}

func testTwoAtOnce(s *suite) {
	env := s.place()
	flag := s.temp(env, "flag")
	out := s.output(0)
	p := s.start(env, s.sh(env, ScriptWaitFor, "F", flag), out)
	s.script(env, ScriptTouch, "F", flag)
	if exit := s.wait(p); exit.Code != 0 || out.String() != "waiting\nfound\n" {
		s.Errorf("exit %+v, output %q", exit, out)
	}
}

func testWaitContext(s *suite) {
	env := s.place()
	p := s.start(env, s.sh(env, ScriptLoop), s.output(0))
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(s.ctx)
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	if _, err := p.Wait(ctx); !errors.Is(err, cause) {
		s.Errorf("wait: error %v, want the context's cause", err)
	}
	if err := p.Signal(s.ctx, executor.Kill); err != nil {
		s.Error(err)
	}
	if exit := s.wait(p); exit.Code != 137 {
		s.Errorf("exit %+v after KILL", exit)
	}
}

// cancelled runs a command and cancels it once it says that it is ready.
func (s *suite) cancelled(env executor.Environment, cmd executor.Command, stop executor.StopPolicy) (executor.Exit, string) {
	s.Helper()
	cause := errors.New("cancelled by the test")
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	out := s.output(0)
	exit, err := executor.Run(ctx, env, cmd, func(offset int64, data []byte) {
		out.add(offset, data)
		if strings.Contains(out.String(), "ready\n") {
			cancel(cause)
		}
	}, stop)
	if !errors.Is(err, cause) {
		s.Errorf("run: error %v, want the context's cause", err)
	}
	return exit, out.String()
}

func testCancel(s *suite) {
	env := s.place()
	for _, c := range []struct {
		script string
		code   int
		out    string
		stop   executor.StopPolicy
	}{
		{ScriptLoop, 130, "ready\n", patient},
		{ScriptOnInt, 7, "ready\nint\n", patient},
		{ScriptOnTerm, 8, "ready\nterm\n", executor.StopPolicy{Interrupt: quick.Interrupt, Terminate: patient.Terminate}},
		{ScriptStubborn, 137, "ready\n", quick},
	} {
		exit, out := s.cancelled(env, s.sh(env, c.script), c.stop)
		// Shells tell of a child that was signalled with them.
		out = strings.ReplaceAll(out, "Terminated\n", "")
		if exit.Code != c.code || out != c.out {
			s.Errorf("%q: exit %+v, output %q; want code %d, output %q", c.script, exit, out, c.code, c.out)
		}
	}
}

func testTree(s *suite) {
	env := s.place()
	pid := s.temp(env, "pid")
	s.cancelled(env, s.sh(env, ScriptTree, "F", pid), quick)
	Eventually(s, "the child of the cancelled process is gone", func() bool {
		exit, _ := s.run(env, s.sh(env, ScriptAlive, "F", pid))
		return exit.Code != 0
	})
}

func testDaemon(s *suite) {
	env := s.place()
	pid, dir := s.temp(env, "pid"), s.temp(env, "beats")
	if out := s.script(env, ScriptDaemon, "F", pid, "D", dir); out != "started\n" {
		s.Errorf("output %q", out)
	}
	s.script(env, ScriptAlive, "F", pid) // it lives until the job ends
	if err := env.Close(s.ctx); err != nil {
		s.Fatal(err)
	}
	// Where the place's folders are this machine's, a survivor would make
	// them again.
	time.Sleep(150 * time.Millisecond)
	if _, err := os.Stat(dir); err == nil {
		s.Errorf("a daemon of the job lives on")
	}
	_, err := env.Start(s.ctx, s.sh(env, ScriptTrue), func(int64, []byte) {})
	s.wantKind("start in a closed place", err, executor.Lost)
}
