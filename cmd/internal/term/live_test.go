package term

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// stage is a live renderer on a terminal, in a bubble of fake time.
type stage struct {
	*testing.T
	Renderer
	terminal *terminal
}

func onStage(t *testing.T, width, height int, o Options, f func(*stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, terminal: newTerminal(width, height)}
		o.Out, o.TTY, o.Size = s.terminal, true, s.terminal.Size
		s.Renderer = New(o)
		f(s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.terminal.problem(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

// wait lets time pass and looks at the terminal between frames.
func (s *stage) wait(d time.Duration) {
	s.Helper()
	time.Sleep(d)
	synctest.Wait()
	if err := s.terminal.problem(); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) start(workflow string, jobs ...string) {
	s.Emit(runner.RunStarted{Time: time.Now(), Run: "r", Workflow: workflow})
	for _, j := range jobs {
		s.job(j)
	}
}

func (s *stage) job(id string) {
	s.Emit(runner.JobStarted{Time: time.Now(), Job: plan.LegID(id), Name: id, Executor: "host"})
	s.Emit(runner.StepStarted{Time: time.Now(), Job: plan.LegID(id), Step: step(1, "Run "+id)})
}

func (s *stage) line(id, text string) {
	s.Emit(line(time.Now(), plan.LegID(id), 1, command.LevelPlain, text))
}

func (s *stage) end(id string, c plan.Conclusion, reason string) {
	s.Emit(runner.StepFinished{Time: time.Now(), Job: plan.LegID(id), StepResult: result(1, "Run "+id, c, 2, reason)})
	s.Emit(runner.JobFinished{Time: time.Now(), Job: plan.LegID(id), Name: id, Conclusion: c, Seconds: 2})
}

func (s *stage) over() {
	s.Emit(runner.RunFinished{Time: time.Now(), Run: "r", Seconds: 5})
}

func (s *stage) expect(got, want string) {
	s.Helper()
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), got); diff != "" {
		s.Errorf("wrong (-want +got):\n%s", diff)
	}
}

// TestTree shows two jobs side by side, one of which fails.
func TestTree(t *testing.T) {
	for _, color := range []bool{false, true} {
		onStage(t, 60, 20, Options{Color: color}, func(s *stage) {
			s.start("CI", "build", "日本")
			for i := range 30 {
				s.line("build", fmt.Sprintf("\x1b[31mline\x1b[0m %d\x1b[2J\x1b]0;x\x07 end", i))
				s.line("日本", "a\tb 広い文字"+strings.Repeat("長", 40))
			}
			s.wait(1020 * time.Millisecond)
			s.expect(s.terminal.all(), `
CI
⠋ build    1.0 s  Run build
    line 25 end
    line 26 end
    line 27 end
    line 28 end
    line 29 end
⠋ 日本     1.0 s  Run 日本
`+strings.Repeat("    a       b 広い文字"+strings.Repeat("長", 18)+"…\n", 5)+`⠋ 2 running, 1.0 s
`)
			s.end("build", plan.Failure, "Process completed with exit code 1.")
			s.wait(time.Second)
			lines := ""
			for i := 10; i < 30; i++ {
				lines += fmt.Sprintf("  │ line %d end\n", i)
			}
			s.expect(s.terminal.all(), `
CI
✗ build: Run build  2.0 s
`+lines+`✗ build  2.0 s  1 step
⠋ 日本    2.0 s  Run 日本
`+strings.Repeat("    a       b 広い文字"+strings.Repeat("長", 18)+"…\n", 5)+`⠋ 1 running, 1 failed, 2.0 s
`)
			s.end("日本", plan.Success, "")
			s.over()
			s.wait(time.Second)
			s.expect(s.terminal.all(), `
CI
✗ build: Run build  2.0 s
`+lines+`✗ build  2.0 s  1 step
✓ 日本  2.0 s  1 step

`)
		})
	}
}

// TestStream shows the log of a job that is alone, with the status below.
func TestStream(t *testing.T) {
	onStage(t, 40, 12, Options{}, func(s *stage) {
		s.start("CI", "a")
		s.wait(100 * time.Millisecond)
		s.Emit(line(time.Now(), "a", 1, command.LevelGroup, "Fold"))
		s.line("a", "inside")
		s.Emit(line(time.Now(), "a", 1, command.LevelEndGroup, ""))
		s.expect(s.terminal.all(), "CI\n⠙ a    0.1 s  Run a\n")
		s.wait(400 * time.Millisecond)
		s.line("a", strings.Repeat("x", 38)) // as wide as the terminal
		s.line("a", strings.Repeat("y", 50)) // wraps
		s.Emit(runner.Annotated{Time: time.Now(), Job: "a", Step: 1, Annotation: command.Annotation{Level: command.LevelError, Message: "bad", File: "f.go", Line: 3}})
		s.Emit(line(time.Now(), "a", 1, command.LevelError, "bad"))
		s.line("a", "up\x1b[1A\x1b[2K\rover")
		s.Emit(runner.StepStarted{Time: time.Now(), Job: "a", Step: step(2, "Beside")})
		s.wait(520 * time.Millisecond)
		log := `
CI
▶ a  host
▸ Run a
  ▸ Fold
    inside
  ` + strings.Repeat("x", 38) + `
  ` + strings.Repeat("y", 50) + `
  Error: f.go:3: bad
  over
▸ Beside
`
		s.expect(s.terminal.all(), log+"⠋ a    1.0 s  Beside (and 1 more)\n")
		s.end("a", plan.Failure, "Process completed with exit code 1.")
		s.over()
		s.wait(time.Second)
		s.expect(s.terminal.all(), log+`✗ Run a  2.0 s  Process completed with exit code 1.
✗ a  2.0 s  1 step

`)
	})
}

// TestMatrixStart shows that the first leg's log does not scroll by when the
// others start a moment later, and that a job that is joined goes to the tree.
func TestMatrixStart(t *testing.T) {
	onStage(t, 40, 12, Options{}, func(s *stage) {
		s.start("CI", "a")
		s.line("a", "early")
		s.wait(200 * time.Millisecond)
		s.job("b")
		s.wait(320 * time.Millisecond)
		s.expect(s.terminal.all(), `
CI
⠴ a    0.5 s  Run a
    early
⠴ b    0.3 s  Run b
⠴ 2 running, 0.5 s
`)
		s.end("a", plan.Success, "")
		s.end("b", plan.Success, "")
		s.job("c")
		s.wait(time.Second)
		s.line("c", "seen")
		s.wait(100 * time.Millisecond)
		s.job("d")
		s.line("c", "only in the tree")
		s.wait(60 * time.Millisecond)
		s.expect(s.terminal.all(), `
CI
✓ a  2.0 s  1 step
✓ b  2.0 s  1 step
▶ c  host
▸ Run c
  seen
⠦ c    1.1 s  Run c
    seen
    only in the tree
⠦ d    0.0 s  Run d
⠦ 2 running, 2 passed, 1.6 s
`)
	})
}

// TestLowTerminal shows that the region never gets higher than the terminal.
func TestLowTerminal(t *testing.T) {
	for height := 1; height < 16; height++ {
		onStage(t, 30, height, Options{}, func(s *stage) {
			s.start("CI", "a", "b", "c", "d", "e", "f")
			for range 3 {
				for _, j := range []string{"a", "b", "c", "d", "e", "f"} {
					s.line(j, "text of "+j)
					s.wait(70 * time.Millisecond)
				}
			}
			all := s.terminal.all()
			if n := strings.Count(all, "running, "); n != 1 || !strings.HasPrefix(all, "CI\n") {
				t.Errorf("height %d: the region is there %d times:\n%s", height, n, all)
			}
			if n := strings.Count(all, "\n"); n > max(height, 2) {
				t.Errorf("height %d: %d rows:\n%s", height, n, all)
			}
		})
	}
}

// TestResize shows that a terminal that changes keeps no remains of the region,
// as long as the region has room on it.
func TestResize(t *testing.T) {
	onStage(t, 80, 60, Options{}, func(s *stage) {
		s.start("CI", "a", "b")
		for _, size := range [][2]int{{80, 60}, {33, 60}, {12, 50}, {5, 60}, {100, 40}, {61, 30}, {40, 60}} {
			s.terminal.resize(size[0], size[1])
			for range 3 {
				s.line("a", strings.Repeat("wide ", 30))
				s.line("b", strings.Repeat("wide ", 30))
				s.wait(110 * time.Millisecond)
			}
		}
		s.end("a", plan.Success, "")
		s.end("b", plan.Success, "")
		s.over()
		s.wait(time.Second)
		s.expect(s.terminal.all(), "CI\n✓ a  2.0 s  1 step\n✓ b  2.0 s  1 step\n\n")
	})
}

// TestTinyTerminal only asks that sizes nobody can work with do no harm.
func TestTinyTerminal(t *testing.T) {
	onStage(t, 80, 24, Options{}, func(s *stage) {
		s.start("CI", "a", "b")
		for _, size := range [][2]int{{1, 1}, {80, 2}, {2, 24}, {3, 3}, {80, 24}} {
			s.terminal.resize(size[0], size[1])
			s.line("a", "wide 長長長")
			s.wait(110 * time.Millisecond)
		}
		if all := s.terminal.all(); !strings.HasSuffix(all, "2 running, 0.6 s\n") {
			t.Errorf("the region did not recover:\n%s", all)
		}
	})
}

// TestFrames counts what is written: no more than 20 frames a second however
// much happens, and little while nothing does.
func TestFrames(t *testing.T) {
	onStage(t, 80, 20, Options{}, func(s *stage) {
		s.start("CI", "a", "b")
		s.wait(time.Second)
		writes, bytes := s.terminal.written()
		for range 1000 {
			s.line("a", "x")
			time.Sleep(time.Millisecond)
		}
		allWrites, allBytes := s.terminal.written()
		if n := allWrites - writes; n > 20 {
			t.Errorf("%d frames in a second", n)
		}
		if n := allBytes - bytes; n > 20*600 {
			t.Errorf("%d bytes in a second", n)
		}
	})
}

// TestVerbose shows every log, with the running jobs below.
func TestVerbose(t *testing.T) {
	onStage(t, 50, 20, Options{Verbose: true}, func(s *stage) {
		s.start("CI", "a", "long")
		s.line("a", "one")
		s.line("long", "two")
		s.wait(1020 * time.Millisecond)
		s.expect(s.terminal.all(), `
CI
[a] started (host)
[a] > Run a
[long] started (host)
[long] > Run long
[a]    one
[long] two
⠋ a       1.0 s  Run a
⠋ long    1.0 s  Run long
⠋ 2 running, 1.0 s
`)
	})
}

// TestLiveRecording plays the recording and keeps all that remains on the
// terminal.
func TestLiveRecording(t *testing.T) {
	var term *terminal
	onStage(t, 100, 30, Options{Hints: Hints{Rerun: rerun}, Color: true}, func(s *stage) {
		term = s.terminal
		for _, e := range recording() {
			s.Emit(e)
			s.wait(20 * time.Millisecond)
		}
	})
	golden(t, "live.txt", []byte(term.all()))
}
