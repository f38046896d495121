package runner

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// copyOfWork is a Workspace with one file.
type copyOfWork struct{ submodules *bool }

func (c copyOfWork) Pack(_ context.Context, submodules bool, w io.Writer) error {
	*c.submodules = submodules
	t := tar.NewWriter(w)
	err := t.WriteHeader(&tar.Header{Name: "main.c", Mode: 0o644, Size: 3})
	_, werr := t.Write([]byte("int"))
	return errors.Join(err, werr, t.Close())
}

func (copyOfWork) Commit() string { return "abcdef" }

func TestServedCheckout(t *testing.T) {
	const real = "the real action"
	tests := []struct {
		name, with string
		served     string // where main.c is then; "": the action itself runs
		fails      string
	}{
		{name: "plain", with: "{}", served: benchWorkspace},
		{name: "of the same repository", with: "{repository: OCTO/Demo}", served: benchWorkspace},
		{name: "by expression", with: "{repository: '${{ github.repository }}', ref: '${{ github.sha }}'}", served: benchWorkspace},
		{name: "by ref", with: "{ref: refs/heads/main}", served: benchWorkspace},
		{name: "by name", with: "{ref: main}", served: benchWorkspace},
		{name: "by commit", with: "{ref: abcdef}", served: benchWorkspace},
		{name: "empty ref", with: "{ref: '${{ github.head_ref }}'}", served: benchWorkspace},
		{name: "below", with: "{path: sub/dir}", served: benchWorkspace + "/sub/dir"},
		{name: "absolute", with: "{path: '${{ github.workspace }}/sub'}", served: benchWorkspace + "/sub"},
		{name: "outside", with: "{path: ../other}", fails: "is not under"},
		{name: "outside, absolute", with: "{path: /etc}", fails: "is not under"},
		{name: "outside, by prefix", with: "{path: " + benchWorkspace + "-2}", fails: "is not under"},
		{name: "another repository", with: "{repository: octo/other}"},
		{name: "another ref", with: "{ref: v1}"},
		{name: "another path of the action", with: "{ref: main2}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			submodules := true
			r := bench{
				actions:  map[string]map[string]string{"actions/checkout@v4": {"action.yml": "inputs:\n  repository: {}\n  ref: {}\n  path: {}\nruns: {using: node24, main: main.js, post: post.js}\n", "main.js": "echo " + real, "post.js": ""}},
				workflow: job("steps:\n  - id: co\n    uses: actions/checkout@v4\n    with: " + tt.with + "\n  - if: always()\n    run: |\n      echo commit [${{ steps.co.outputs.commit }}] ${{ steps.co.outputs.ref }}\n      echo ${{ hashFiles('**/main.c') != '' }}\n"),
				setup: func(e *Engine, j *Job) {
					e.Workspace, j.Checkout = copyOfWork{&submodules}, Checkout{Repository: "octo/demo", Served: true}
				},
			}.run(t)
			switch {
			case tt.fails != "":
				r.wantConclusion(plan.Failure)
				if !strings.Contains(r.Steps[1].Reason, tt.fails) {
					t.Errorf("reason %q", r.Steps[1].Reason)
				}
			case tt.served == "":
				r.wantConclusion(plan.Success)
				r.wantLog("2 " + real)
			default:
				r.wantConclusion(plan.Success)
				r.wantNotInLog(real)
				r.wantLog("2 Copying the working copy of octo/demo to "+tt.served, "3 commit [abcdef] refs/heads/main", "3 true")
				if submodules {
					t.Error("submodules were packed")
				}
			}
		})
	}
}

func TestServedCheckoutNeedsNoAction(t *testing.T) {
	submodules := false
	b := bench{
		workflow: job("steps:\n  - uses: actions/checkout@v4\n    with: {submodules: recursive}\n"),
		setup: func(e *Engine, j *Job) {
			e.Workspace, j.Checkout = copyOfWork{&submodules}, Checkout{Repository: "octo/demo", Served: true}
		},
	}
	r := b.run(t)
	r.wantConclusion(plan.Success)
	if !submodules {
		t.Error("no submodules were asked for")
	}
	b.workflow = job("steps:\n  - uses: actions/checkout@v4\n    with: {repository: octo/other}\n")
	r = b.run(t)
	r.wantConclusion(plan.Failure)
	b.workflow, b.setup = job("steps:\n  - uses: actions/checkout@v4\n"), nil
	r = b.run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps("1 Set up job: failure\n")
}

func TestRepositoryPathCommand(t *testing.T) {
	line := "echo ::internal-set-repo-path repoFullName=octo/demo,workspaceRepo=True::/w\n"
	a := jsAction()
	a["main.js"] = line
	r := bench{
		actions:  map[string]map[string]string{"actions/checkout@v4": a, "a/a@v1": a},
		workflow: job("steps:\n  - uses: actions/checkout@v4\n  - uses: a/a@v1\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantNotInLog("2 ::internal")
	r.wantLog("3 " + strings.TrimSpace(strings.TrimPrefix(line, "echo ")))
}
