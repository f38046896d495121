package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
)

const broken = `on: push
jobs:
  a:
    runs-on: our-machine
    steps:
      - uses: actions/checkout@v4
        with: {no-such-input: 1}
      - run: echo "${{ github.event.head_commit.message }}"
      - run: echo "::set-output name=a::b"
`

func codes(ds workflow.Diagnostics) string {
	var all []string
	for _, d := range ds {
		all = append(all, d.Code)
	}
	return strings.Join(all, " ")
}

func TestCheck(t *testing.T) {
	var l Linter
	found := l.Check("ci.yml", []byte(broken), nil)
	if got := codes(found); got != "actionlint/runner-label actionlint/action actionlint/expression actionlint/deprecated-commands" {
		t.Fatalf("got %s", got)
	}
	for _, d := range found {
		if d.Severity != workflow.Advice || d.File != "ci.yml" || d.Pos.Line == 0 || d.Pos.Column == 0 || d.Message == "" {
			t.Errorf("got %+v", d)
		}
	}
	if found.HasErrors() {
		t.Error("advice stops nothing")
	}
	l.Labels = []string{"our-machine"}
	if got := codes(l.Check("ci.yml", []byte(broken), nil)); strings.Contains(got, "runner-label") {
		t.Errorf("the label is known: %s", got)
	}
	own := workflow.Diagnostics{{Pos: found[1].Pos, Severity: workflow.Warning}}
	if got := codes(l.Check("ci.yml", []byte(broken), own)); got != "actionlint/expression actionlint/deprecated-commands" {
		t.Errorf("what was said is not said again: %s", got)
	}
	own[0].Severity = workflow.Error
	if got := l.Check("ci.yml", []byte(broken), own); len(got) != 0 {
		t.Errorf("an invalid file: %v", got)
	}
	if got := l.Check("ci.yml", []byte(broken+strings.Repeat("# long\n", maxSize/7)), nil); len(got) != 0 {
		t.Errorf("a huge file: %v", got)
	}
}

func TestProject(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("greet/action.yml", "name: Greet\ndescription: Greets\ninputs: {who: {required: true, description: x}}\nruns: {using: composite, steps: [{run: echo, shell: bash}]}\n")
	src := []byte("on: push\njobs: {a: {runs-on: ours, steps: [{uses: ./greet}]}}\n")
	l := Linter{Root: root}
	if got := codes(l.Check("ci.yml", src, nil)); got != "actionlint/runner-label actionlint/action" {
		t.Errorf("a local action lacks its input: %s", got)
	}
	write(".github/actionlint.yaml", "self-hosted-runner: {labels: [ours]}\n")
	l = Linter{Root: root}
	if got := codes(l.Check("ci.yml", src, nil)); got != "actionlint/action" {
		t.Errorf("the project knows the label: %s", got)
	}
	write(".github/actionlint.yaml", "self-hosted-runner: 7\n")
	l = Linter{Root: root}
	if got := codes(l.Check("ci.yml", src, nil)); got != "actionlint/failed" {
		t.Errorf("its configuration is broken: %s", got)
	}
	newer := append(src, "run-name: 1\nx: 2\n"...)
	if got := codes(l.Check("ci.yml", newer, nil)); got != "actionlint/failed act/schema" {
		t.Errorf("act speaks all the same: %s", got)
	}
}

// FuzzCheck: whatever a file holds, there is an answer and no error.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(broken))
	f.Add([]byte("on: [push\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		w, found := workflow.Parse("f.yml", src)
		if w == nil {
			return
		}
		var l Linter
		if l.Check("f.yml", src, found).HasErrors() {
			t.Fatal("advice with errors")
		}
	})
}
