package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner/action/node"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// builds provides what it holds, or fails.
type builds struct {
	node.Build
	err   error
	asked *[]string
}

func (b builds) Ensure(_ context.Context, version, goos, arch, libc string) (node.Build, error) {
	*b.asked = append(*b.asked, strings.Join([]string{version, goos, arch, libc}, " "))
	return b.Build, b.err
}

func TestWhichNode(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		provided bool
		host     bool
		own      int // exit code of the place's own node
		want     string
	}{
		{name: "shown", provided: true, want: "/__e/node24/bin/node"},
		{name: "copied", want: "/home/runner/work/_externals/node24/bin/node"},
		{name: "host", host: true, want: "DIR/node24/bin/node"},
		{name: "its own", err: errors.New("no build"), want: "node"},
		{name: "none", err: errors.New("no build"), own: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			program := filepath.Join(dir, "node24", "bin", "node")
			if err := errors.Join(os.MkdirAll(filepath.Dir(program), 0o755), os.WriteFile(program, []byte("elf"), 0o755)); err != nil {
				t.Fatal(err)
			}
			var asked []string
			r := bench{
				actions:  map[string]map[string]string{"a/a@v1": jsAction(withPost)},
				workflow: job("steps:\n  - uses: a/a@v1\n"),
				options: fake.Options{Info: executor.Info{Provided: tt.provided}, Script: func(_ context.Context, cmd executor.Command, _ *fake.IO) executor.Exit {
					if cmd.Argv[1] == "--version" {
						return executor.Exit{Code: tt.own}
					}
					return executor.Exit{}
				}},
				setup: func(e *Engine, j *Job) {
					e.Node, e.Externals = builds{node.Build{Dir: dir, Path: "node24/bin/node"}, tt.err, &asked}, dir
					if tt.host {
						e.Executors["host"], j.Place.Executor = e.Executors["fake"], "host"
					}
				},
			}.run(t)
			if asked[0] != "24 linux amd64 glibc" {
				t.Errorf("asked for %q", asked)
			}
			if p := r.fake.Calls("create")[0].Spec.Provide; len(p) != 1 || p[0].Source != dir || p[0].Target != "/__e" {
				t.Errorf("provided %+v", p)
			}
			if tt.want == "" {
				r.wantConclusion(plan.Failure)
				if !strings.Contains(r.Steps[1].Reason, "no build") {
					t.Errorf("reason %q", r.Steps[1].Reason)
				}
				return
			}
			r.wantConclusion(plan.Success)
			ran := 0
			for _, c := range r.fake.Commands() {
				if c.Argv[1] == "--version" {
					continue
				}
				ran++
				if want := strings.ReplaceAll(tt.want, "DIR", dir); c.Argv[0] != want {
					t.Errorf("ran %q, want %q", c.Argv[0], want)
				}
			}
			if ran != 2 {
				t.Errorf("%d programs ran", ran)
			}
		})
	}
}

func TestActionWithoutItsProgram(t *testing.T) {
	a := jsAction()
	delete(a, "main.js")
	r := bench{actions: map[string]map[string]string{"a/a@v1": a}, workflow: job("steps:\n  - uses: a/a@v1\n")}.run(t)
	r.wantConclusion(plan.Failure)
	if !strings.Contains(r.Steps[1].Reason, `has no "main.js"`) {
		t.Errorf("reason %q", r.Steps[1].Reason)
	}
}

func TestActionBelowTheRoot(t *testing.T) {
	files := map[string]string{}
	for name, text := range jsAction(withName) {
		files["sub/"+name] = text
	}
	r := bench{actions: map[string]map[string]string{"a/a@feature/x": files}, workflow: job("steps:\n  - uses: a/a/sub@feature/x\n  - uses: a/a/sub@feature/x\n    with: {name: again}\n")}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 main of nobody", "3 main of again")
	if p := r.fake.Commands()[0].Argv[1]; p != "/home/runner/work/_actions/a/a/feature-x/sub/main.js" {
		t.Errorf("ran %s", p)
	}
	if n := len(r.fake.Calls("copyin")); n != 2 { // the work folder, the action once
		t.Errorf("%d copies", n)
	}
}

func TestLateActionsInTheBackground(t *testing.T) {
	local := composite("", "- uses: a/a@v1\n")["action.yml"]
	r := bench{
		actions:  map[string]map[string]string{"a/a@v1": jsAction(withPost, withName)},
		files:    map[string]string{"c/action.yml": local},
		workflow: job("steps:\n  - {background: true, uses: ./c}\n  - {background: true, uses: ./c}\n  - {background: true, uses: ./c}\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 main of nobody", "3 main of nobody", "4 main of nobody", "6 post of nobody", "8 post of nobody")
	if n := len(r.fake.Calls("copyin")); n != 2 {
		t.Errorf("%d copies", n)
	}
}

func TestActionOfTheWorkflowsRepository(t *testing.T) {
	self := func(source string) bench {
		return bench{
			actions:  map[string]map[string]string{"octo/shared@5ha": {"act/action.yml": jsAction(withPre)["action.yml"], "act/main.js": "echo theirs", "act/pre.js": "echo first"}},
			files:    map[string]string{"act/action.yml": jsAction()["action.yml"], "act/main.js": "echo ours"},
			workflow: job("steps:\n  - uses: $/act\n"),
			setup: func(_ *Engine, j *Job) {
				j.Leg.Source.Repository, j.Leg.Source.SHA = source, "5ha"
			},
		}
	}
	self("").run(t).wantLog("2 ours")
	self("octo/shared").run(t).wantLog("2 first", "3 theirs")
}
