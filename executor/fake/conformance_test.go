package fake

import (
	"context"
	"fmt"
	"net"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drydock-ci/drydock/executor"
	. "github.com/drydock-ci/drydock/executor/executortest"
)

// The suite's shell scripts, acted out.

func code(n int) Script {
	return func(context.Context, executor.Command, *IO) executor.Exit { return executor.Exit{Code: n} }
}

func truth(ok bool) executor.Exit {
	if ok {
		return executor.Exit{}
	}
	return executor.Exit{Code: 1}
}

func print(text string) Script {
	return func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		io.Printf("%s", text)
		return executor.Exit{}
	}
}

// stopOn says that it is ready and leaves at the first signal of its table.
func stopOn(table map[executor.Signal]executor.Exit, text string) Script {
	return func(ctx context.Context, cmd executor.Command, io *IO) executor.Exit {
		signals := io.Signals()
		io.Printf("ready\n")
		for {
			select {
			case <-ctx.Done():
				return executor.Exit{}
			case s := <-signals:
				if exit, ok := table[s]; ok {
					io.Printf("%s", text)
					return exit
				}
			}
		}
	}
}

var acts = map[string]Script{
	ScriptTrue:    code(0),
	ScriptExit3:   code(3),
	ScriptExit255: code(255),
	ScriptKilled: func(context.Context, executor.Command, *IO) executor.Exit {
		return executor.Exit{Code: 137, Signal: "KILL"}
	},
	ScriptOrder: print("out1\nerr1\nout2\nerr2\nend"),
	ScriptStdin: print("end\n"),
	ScriptHolds: print("early\n"),
	ScriptPwd: func(_ context.Context, cmd executor.Command, io *IO) executor.Exit {
		io.Printf("%s\n", cmd.Dir)
		return executor.Exit{}
	},
	ScriptEnv: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		io.Printf("%s|%s", io.Env()["SPECIAL"], io.Env()["PATH"])
		return executor.Exit{}
	},
	ScriptHome: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		io.Printf("%s", io.Env()["HOME"])
		return executor.Exit{}
	},
	ScriptFiles: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		data, err := io.ReadFile(io.Env()["F"])
		io.Write(data)
		io.AppendFile(io.Env()["G"], "a=b\n")
		io.Remove(io.Env()["D"])
		return truth(err == nil)
	},
	ScriptTest: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		return truth(io.Environment().Exists(io.Env()["F"]))
	},
	ScriptMode: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		e := io.Environment()
		return truth(e.Executable(io.Env()["F"]) && !e.Executable(io.Env()["G"]))
	},
	ScriptBig: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		zeros := make([]byte, 1_000_000)
		for range 50 {
			io.Write(zeros)
		}
		return executor.Exit{}
	},
	ScriptWaitFor: func(ctx context.Context, _ executor.Command, io *IO) executor.Exit {
		io.Printf("waiting\n")
		for !io.Environment().Exists(io.Env()["F"]) {
			if ctx.Err() != nil {
				return executor.Exit{}
			}
			time.Sleep(20 * time.Millisecond)
		}
		io.Printf("found\n")
		return executor.Exit{}
	},
	ScriptTouch: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		io.WriteFile(io.Env()["F"], nil)
		return executor.Exit{}
	},
	ScriptAppend: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		data, _ := io.ReadFile(io.Env()["F"])
		io.AppendFile(io.Env()["F"], "more\n")
		io.Printf("%s%smore\n", data, data)
		return executor.Exit{}
	},
	ScriptLoop: func(ctx context.Context, _ executor.Command, io *IO) executor.Exit {
		io.Printf("ready\n")
		<-ctx.Done()
		return executor.Exit{}
	},
	ScriptOnInt:    stopOn(map[executor.Signal]executor.Exit{executor.Interrupt: {Code: 7}}, "int\n"),
	ScriptOnTerm:   stopOn(map[executor.Signal]executor.Exit{executor.Terminate: {Code: 8}}, "term\n"),
	ScriptStubborn: stopOn(nil, ""),
	ScriptTree:     stopOn(map[executor.Signal]executor.Exit{executor.Interrupt: {Code: 130}}, ""),
	// A function has no children: those of ScriptTree are gone with it, and
	// the daemon, which the suite looks at once, is there.
	ScriptAlive: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		return truth(io.Environment().Exists(io.Env()["F"]))
	},
	ScriptDaemon: func(_ context.Context, _ executor.Command, io *IO) executor.Exit {
		io.WriteFile(io.Env()["F"], []byte("1"))
		io.Printf("started\n")
		return executor.Exit{}
	},
}

func act(ctx context.Context, cmd executor.Command, io *IO) executor.Exit {
	if cmd.Argv[0] == "mytool" {
		io.Printf("my tool %s\n", strings.Join(cmd.Argv[1:], " "))
		return executor.Exit{}
	}
	if path.Base(cmd.Argv[0]) == Visitor {
		if err := Visit(cmd.Argv[1], func() (net.Conn, error) { return io.Dial(cmd.Argv[2]) }, io); err != nil {
			io.Printf("%v\n", err)
			return executor.Exit{Code: 1}
		}
		return executor.Exit{}
	}
	script, ok := acts[cmd.Argv[2]]
	if !ok {
		io.Printf("the fake cannot act %q out", cmd.Argv[2])
		return executor.Exit{Code: 99}
	}
	return script(ctx, cmd, io)
}

// find refuses programs that a machine with nothing but sh would not have.
func find(x **Executor) func(executor.Command) error {
	return func(cmd executor.Command) error {
		if cmd.Argv[0] == "sh" {
			return nil
		}
		for _, e := range (*x).Environments() {
			for _, dir := range append([]string{"/"}, cmd.PrependPath...) {
				if e.Executable(path.Join(dir, cmd.Argv[0])) {
					return nil
				}
			}
		}
		return fmt.Errorf("%s: command not found", cmd.Argv[0])
	}
}

func TestConformance(t *testing.T) {
	var x *Executor
	x = New(Options{Script: act, Start: find(&x)})
	Run(t, func(*testing.T) (executor.Executor, executor.Spec) { return x, executor.Spec{Name: "test"} })
	if left := x.Environments(); len(left) != 0 {
		t.Errorf("%d environments are left", len(left))
	}
}

func TestStopPolicyInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := New(Options{Script: stopOn(nil, "")})
		env, err := x.Create(t.Context(), executor.Spec{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, fmt.Errorf("timed out"))
		defer cancel()
		start := time.Now()
		exit, err := executor.Run(ctx, env, executor.Command{ID: "1", Argv: []string{"sh"}}, nil, executor.DefaultStop)
		if err == nil || err.Error() != "timed out" || exit.Code != 137 || exit.Signal != "KILL" {
			t.Errorf("exit %+v, error %v", exit, err)
		}
		if d := time.Since(start); d != time.Hour+10*time.Second {
			t.Errorf("took %s, want 1h0m10s", d)
		}
		var signals []executor.Signal
		for _, c := range x.Calls("signal") {
			signals = append(signals, c.Signal)
		}
		if fmt.Sprint(signals) != "[INT TERM KILL]" {
			t.Errorf("signals %v", signals)
		}
		if err := env.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestLose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := New(Options{
			Script: func(ctx context.Context, _ executor.Command, io *IO) executor.Exit {
				io.Printf("one\n")
				time.Sleep(time.Minute)
				io.Lose()
				<-ctx.Done()
				return executor.Exit{}
			},
			Create: func(s executor.Spec) error {
				if s.Name == "bad" {
					return executor.Errorf("create", executor.Unhealthy, "service db did not start")
				}
				return nil
			},
		})
		if _, err := x.Create(t.Context(), executor.Spec{Name: "bad"}); !executor.IsKind(err, executor.Unhealthy) {
			t.Errorf("create: %v", err)
		}
		env, err := x.Create(t.Context(), executor.Spec{})
		if err != nil {
			t.Fatal(err)
		}
		var out string
		_, err = executor.Run(t.Context(), env, executor.Command{ID: "1", Argv: []string{"x"}},
			func(_ int64, data []byte) { out += string(data) }, executor.DefaultStop)
		if !executor.IsKind(err, executor.Lost) || out != "one\n" {
			t.Errorf("run: error %v, output %q", err, out)
		}
		if err := env.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(x.Commands()); n != 1 {
			t.Errorf("%d commands recorded", n)
		}
	})
}
