package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// writes is a process that writes text into a command file; the next steps
// act out.
func writes(kind, text string) fake.Options {
	done := false
	return fake.Options{Script: func(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
		if done {
			return actOut(ctx, cmd, io)
		}
		done = true
		io.AppendFile(io.Env()[kind], text)
		return executor.Exit{}
	}}
}

// tooLong is what only work breaks that grows with the square of the lines, however
// busy the machine is.
const tooLong = 3 * time.Minute

func TestHundredThousandOutputs(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "name_%d=value %d\n", i, i)
	}
	start := time.Now()
	r := bench{options: writes("GITHUB_OUTPUT", b.String()), workflow: job(`
outputs: {last: "${{ steps.one.outputs.name_99999 }}"}
steps:
  - {id: one, run: x}
  - run: echo ${{ steps.one.outputs.name_0 }}, ${{ steps.one.outputs.name_99999 }}
`)}.within(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 value 0, value 99999")
	if r.Outputs["last"] != "value 99999" {
		t.Errorf("outputs %v", r.Outputs)
	}
	if took := time.Since(start); took > tooLong {
		t.Errorf("it took %v", took)
	}
}

func TestManyVariablesAndPaths(t *testing.T) {
	var env, paths strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&env, "NAME_%d=value %d\n", i, i)
		fmt.Fprintf(&paths, "/%d\n", i)
	}
	start := time.Now()
	r := bench{options: writes("GITHUB_ENV", env.String()), workflow: job("steps:\n  - run: x\n  - run: echo $NAME_0, $NAME_99999\n")}.within(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 value 0, value 99999")
	r = bench{options: writes("GITHUB_PATH", paths.String()), workflow: job("steps:\n  - run: x\n  - run: echo $PATH\n")}.within(t)
	if !strings.Contains(r.log(), "3 /99999:/99998:") || !strings.Contains(r.log(), "/1:/0:/usr/bin") {
		t.Error("the paths are not as they were written")
	}
	if took := time.Since(start); took > tooLong {
		t.Errorf("it took %v", took)
	}
}

// TestHostileCommandFiles are files that try to set more than their step may,
// and broken ones: the error says where, and what came before counts.
func TestHostileCommandFiles(t *testing.T) {
	tests := []struct {
		name, kind, text string
		fails            bool
		message          string // of the first error, in part
		then             string // what the next step sees of A
	}{
		{"no end", "GITHUB_ENV", "A=1\nB<<EOF\nx\nA=2\n", true, `"env", line 2: invalid value: matching delimiter not found "EOF"`, "1"},
		{"no newline before the end", "GITHUB_ENV", "A=1\nB<<EOF\nx", true, "has no newline", "1"},
		{"delimiter in the value", "GITHUB_ENV", "B<<EOF\nuser text\nEOF\nA=injected\nEOF\n", true, `line 5: invalid format "EOF"`, "injected"}, // as on GitHub
		{"nested", "GITHUB_ENV", "A<<B<<C\nB<<D\nB<<C\n", false, "", "B<<D"},
		{"no sign", "GITHUB_ENV", "A=1\nB\n", true, `line 2: invalid format "B"`, "1"},
		{"no name", "GITHUB_ENV", "A=1\n=x\n", true, "name must not be empty", "1"},
		{"carriage return in a name", "GITHUB_ENV", "A\rB=1\nA=2\n", false, "", "2"},
		{"NUL in a name", "GITHUB_ENV", "B\x00C=1\nA=2\n", false, "no name of a variable", "2"},
		{"NUL in a value", "GITHUB_ENV", "A=1\nA=x\x00y\n", false, "NUL byte", "1"},
		{"binary", "GITHUB_ENV", "\x89PNG\n\x1a\n", true, "invalid format", ""},
		{"NODE_OPTIONS", "GITHUB_ENV", "node_Options=--require=/evil.js\nA=1\n", false, "node_Options", "1"},
		{"of the runner", "GITHUB_ENV", "GITHUB_SHA=evil\nRUNNER_TEMP=/evil\nGITHUB_ENV=/evil\nA=1\n", false, "", "1"},
		{"broken output", "GITHUB_OUTPUT", "x=1\nnonsense\n", true, `"output", line 2: invalid format "nonsense"`, ""},
		{"broken state", "GITHUB_STATE", "<<EOF\n", true, `"state", line 1`, ""},
		{"large summary", "GITHUB_STEP_SUMMARY", strings.Repeat("x", 1<<20+1), false, "at most 1024 KiB, not 1025 KiB", ""},
		{"summary at the limit", "GITHUB_STEP_SUMMARY", strings.Repeat("x", 1<<20), false, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bench{options: writes(tt.kind, tt.text), workflow: job(`
steps:
  - run: x
  - if: always()
    run: |
      echo [${{ env.A }}]
      echo $GITHUB_SHA $RUNNER_TEMP $CI [$NODE_OPTIONS]
`)}.run(t)
			want := plan.Success
			if tt.fails {
				want = plan.Failure
			}
			r.wantConclusion(want)
			r.wantLog("3 ["+tt.then+"]", "3 c0ffee /home/runner/work/_temp true []")
			switch message := r.message(); {
			case tt.message == "" && message != "":
				t.Errorf("error %q", message)
			case !strings.Contains(message, tt.message):
				t.Errorf("errors %q, want %q", message, tt.message)
			}
		})
	}
}

// message is all error annotations.
func (r *ran) message() string {
	var all []string
	for _, e := range r.events {
		if a, ok := e.(Annotated); ok && a.Level == "error" {
			all = append(all, a.Message)
		}
	}
	return strings.Join(all, "|")
}

// TestCutCommandFile is a file that was larger than what the helper reads.
func TestCutCommandFile(t *testing.T) {
	for kind, fails := range map[string]bool{"output": true, "env": true, "step_summary": false} {
		p := printer()
		paths := map[string]string{kind: "/f"}
		p.exited(paths, executor.Exit{Files: map[string][]byte{"/f": []byte("a=1\nb=cut")}, TooLarge: []string{"/f"}})
		if (p.err != nil) != fails || len(p.effects.Outputs)+len(p.effects.Env) != 0 {
			t.Errorf("%s: error %v, effects %+v", kind, p.err, p.effects)
		}
		if !slices.ContainsFunc(p.lines, func(l Line) bool { return l.Level == "error" && strings.Contains(l.Text, "larger than 8 MiB") }) {
			t.Errorf("%s: lines %+v", kind, p.lines)
		}
	}
}

// TestUsersVariables: CI is the user's if he sets it; what the runner says of
// itself is not.
func TestUsersVariables(t *testing.T) {
	r := bench{workflow: job(`
env: {CI: "no", GITHUB_SHA: evil, RUNNER_OS: evil}
steps:
  - run: echo $CI $GITHUB_SHA $RUNNER_OS $GITHUB_ACTIONS
    env: {GITHUB_ACTIONS: "false"}
`)}.run(t)
	r.wantLog("2 no c0ffee Linux true")
}

// TestStoppedCommands: what a stranger's text in the log cannot do between
// stop-commands and its token.
func TestStoppedCommands(t *testing.T) {
	p := printer()
	p.write(0, []byte("::stop-commands::to::ken\n::set-output name=a::1\n::add-mask::word\n##[error]x\n::to::\n::token::\nword\n::to::ken::\n::set-output name=b::2\n"))
	p.flush()
	if p.err != nil || len(p.effects.Outputs) != 0 {
		t.Errorf("error %v, outputs %v: the token has not come", p.err, p.effects.Outputs)
	}
	p = printer()
	p.write(0, []byte("::stop-commands::abcdefgh\n::set-output name=a::1\n ::ABCDEFGH::\n::set-output name=b::2\nabcdefgh\n"))
	p.flush()
	if got := p.effects.Outputs; len(got) != 1 || got["b"] != "2" {
		t.Errorf("outputs %v", got)
	}
	if texts := p.texts(); texts[0] != "::stop-commands::***" || !slices.Contains(texts, "***") {
		t.Errorf("the token is shown: %q", texts)
	}
	for _, token := range []string{"", "pause-logging", "add-mask", "ERROR"} {
		p = printer()
		p.write(0, []byte("::stop-commands::"+token+"\n::set-output name=a::1\n"))
		p.flush()
		if p.err == nil || !strings.Contains(p.err.Error(), "token") || p.effects.Outputs["a"] != "1" {
			t.Errorf("token %q: error %v, outputs %v", token, p.err, p.effects.Outputs)
		}
	}
}
