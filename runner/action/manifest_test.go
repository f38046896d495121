package action

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/workflow/plan"
)

const compositeManifest = `name: Build
description: builds
author: somebody
branding: {icon: x, color: red}
inputs:
  Go-Version:
    description: which Go
    required: true
    default: 1.20
    deprecationMessage: use go
    type: string
  token:
    default: ${{ github.token }}
outputs:
  path:
    description: where
    value: ${{ steps.b.outputs.path }}
runs:
  using: COMPOSITE
  steps:
    - run: go build
      shell: bash
    - uses: actions/setup-go@v5
      with: {go-version: x}
    - run: echo
      id: b
      shell: bash
    - uses: ./local
    - uses: docker://alpine:3
    - uses: actions/setup-go@v5
    - run: two
      shell: sh
`

func TestParseManifestComposite(t *testing.T) {
	a, found := ParseManifest("action.yml", []byte(compositeManifest))
	if len(found) != 0 {
		t.Fatal(found)
	}
	if a.Name != "Build" || a.Description != "builds" || a.Runs.Using != Composite {
		t.Errorf("head: %+v", a)
	}
	in := a.Input("GO-VERSION")
	if in == nil || !in.Required || in.Default.ScalarText() != "1.2" || in.Deprecation != "use go" || in.Pos.Line != 6 {
		t.Errorf("input: %+v", in)
	}
	if got := a.Input("token").Default.Text; got != "${{ github.token }}" {
		t.Errorf("default of token is %q", got)
	}
	if a.Input("absent") != nil {
		t.Error("an absent input was found")
	}
	if len(a.Outputs) != 1 || a.Outputs[0].ID != "path" || a.Outputs[0].Value.Text != "${{ steps.b.outputs.path }}" {
		t.Errorf("outputs: %+v", a.Outputs)
	}
	var ids []string
	for _, s := range a.Runs.Steps {
		ids = append(ids, string(s.Kind)+" "+s.ID)
	}
	want := []string{"run __run", "uses __actions_setup-go", "run b", "uses __self", "uses __alpine_3", "uses __actions_setup-go_2", "run __run_2"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
	if s := a.Runs.Steps[0]; s.Kind != plan.Run || s.Script.Text != "go build" || s.Shell.Text != "bash" {
		t.Errorf("step: %+v", s)
	}
	refs := a.Uses()
	if len(refs) != 3 || refs[0].Repository != "actions/setup-go" || refs[1].Kind != Local || refs[2].Image != "alpine:3" {
		t.Errorf("uses: %+v", refs)
	}
}

func TestParseManifestNode(t *testing.T) {
	a, found := ParseManifest("action.yml", []byte("runs:\n  using: 'Node20'\n  main: dist/index.js\n  post: dist/post.js\n  post-if: success()\n"))
	if len(found) != 0 {
		t.Fatal(found)
	}
	want := Runs{Using: Node20, Pos: a.Runs.Pos, Main: "dist/index.js", Post: "dist/post.js", PreIf: "always()", PostIf: "success()"}
	if diff := cmp.Diff(want, a.Runs); diff != "" {
		t.Error(diff)
	}
	if !a.Runs.Using.IsNode() || Docker.IsNode() {
		t.Error("IsNode is wrong")
	}
}

func TestParseManifestDocker(t *testing.T) {
	a, found := ParseManifest("action.yml", []byte(`
runs:
  using: docker
  image: Dockerfile
  entrypoint: /main.sh
  pre-entrypoint: /pre.sh
  post-entrypoint: /post.sh
  pre-if: runner.os == 'Linux'
  args: ["${{ inputs.a }}", 1, true]
  env: {A: "${{ inputs.a }}", B: 2}
`))
	if len(found) != 0 {
		t.Fatal(found)
	}
	r := a.Runs
	if r.Image != "Dockerfile" || r.Entrypoint != "/main.sh" || r.PreEntrypoint != "/pre.sh" || r.PostEntrypoint != "/post.sh" ||
		r.PreIf != "runner.os == 'Linux'" || r.PostIf != "always()" {
		t.Errorf("runs: %+v", r)
	}
	if len(r.Args) != 3 || r.Args[1].ScalarText() != "1" || r.Args[2].ScalarText() != "true" || r.Env.Lookup("B").ScalarText() != "2" {
		t.Errorf("args %+v env %+v", r.Args, r.Env)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"no yaml":         {"a: [", "cannot be read"},
		"list":            {"- a", "must be a mapping"},
		"empty":           {"", "must be a mapping"},
		"no runs":         {"name: a", "'runs' is missing"},
		"no using":        {"runs: {main: a}", "'using' is missing"},
		"plugin":          {"runs: {plugin: checkout}", "'plugin' actions are internal"},
		"using plugin":    {"runs: {using: plugin}", "'using: plugin' is not supported (expected one of composite, docker, node12, node16, node20, node24)"},
		"unknown using":   {"runs:\n  using: node18\n  main: a", "a.yml:2:10: error: 'using: node18' is not supported"},
		"no main":         {"runs: {using: node20}", "needs 'main'"},
		"empty main":      {"runs: {using: node20, main: ''}", "'main' is empty"},
		"no image":        {"runs: {using: docker}", "needs 'image'"},
		"no steps":        {"runs: {using: composite}", "needs a list of 'steps'"},
		"steps no list":   {"runs: {using: composite, steps: {a: b}}", "needs a list of 'steps'"},
		"foreign key":     {"runs: {using: node20, main: a, image: b}", "Unexpected key 'image' in 'runs'"},
		"step no shell":   {"runs: {using: composite, steps: [{run: a}]}", "shell"},
		"input no map":    {"inputs: {a: b}\nruns: {using: node20, main: a}", "input 'a' must be a mapping"},
		"output key":      {"outputs: {a: {required: true}}\nruns: {using: node20, main: a}", "Unexpected key 'required' in 'outputs.a'"},
		"args no list":    {"runs: {using: docker, image: a, args: b}", "'args' must be a list"},
		"inputs repeated": {"inputs: {a: {}, A: {}}\nruns: {using: node20, main: a}", "already defined"},
		"default map":     {"inputs: {a: {default: {}}}\nruns: {using: node20, main: a}", "'default' must be a string"},
	} {
		t.Run(name, func(t *testing.T) {
			a, found := ParseManifest("a.yml", []byte(c.src))
			if err := found.Err(); a != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", a, err, c.want)
			}
		})
	}
}

func TestLoadOrder(t *testing.T) {
	node := &fstest.MapFile{Data: []byte("name: n\nruns: {using: node20, main: a}")}
	other := &fstest.MapFile{Data: []byte("name: o\nruns: {using: node20, main: a}")}
	docker := &fstest.MapFile{Data: []byte("FROM scratch")}
	for _, c := range []struct {
		fsys fstest.MapFS
		dir  string
		file string
	}{
		{fstest.MapFS{"action.yml": node, "action.yaml": other, "Dockerfile": docker}, "", "action.yml"},
		{fstest.MapFS{"x/action.yaml": other, "x/Dockerfile": docker}, "x", "x/action.yaml"},
		{fstest.MapFS{"Dockerfile": docker, "dockerfile": docker}, ".", "Dockerfile"},
		{fstest.MapFS{"a/b/dockerfile": docker, "action.yml/x": docker}, "a/b", "a/b/dockerfile"},
	} {
		a, err := Load(c.fsys, c.dir)
		if err != nil || a.File != c.file {
			t.Errorf("Load(%q) = %+v, %v; want %s", c.dir, a, err, c.file)
			continue
		}
		if strings.Contains(c.file, "ocker") && (a.Runs.Using != Docker || a.Runs.Image != filepath.Base(c.file)) {
			t.Errorf("runs: %+v", a.Runs)
		}
	}
	_, err := Load(fstest.MapFS{"x/y": docker}, "x")
	var none *NoManifestError
	if !errors.As(err, &none) {
		t.Fatal(err)
	}
	for _, want := range append([]string{`"x"`}, FileNames...) {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	if _, err := Load(fstest.MapFS{"action.yml": {Data: make([]byte, maxManifest+1)}}, ""); err == nil || !strings.Contains(err.Error(), "larger than the limit") {
		t.Errorf("a huge manifest: %v", err)
	}
}

func TestNodeVersion(t *testing.T) {
	force, allow := map[string]string{envForceNode24: "true"}, map[string]string{envAllowNode20: "TRUE"}
	both := map[string]string{envForceNode24: "1", envAllowNode20: "1"}
	for _, c := range []struct {
		declared string
		env      map[string]string
		want     string
		warns    int
	}{
		{"node20", nil, "24", 0},
		{"20", force, "24", 0},
		{"node20", allow, "20", 0},
		{"node20", map[string]string{envAllowNode20: "no"}, "24", 0},
		{"node20", both, "24", 1},
		{"node24", allow, "24", 0},
		{"Node16", nil, "24", 0},
		{"node12", allow, "20", 0},
		{"node99", nil, "24", 1},
	} {
		got, warnings := NodeVersion(c.declared, c.env)
		if got != c.want || len(warnings) != c.warns {
			t.Errorf("NodeVersion(%q, %v) = %q, %q; want %q and %d warnings", c.declared, c.env, got, warnings, c.want, c.warns)
		}
	}
}

func shared() string {
	if dir := os.Getenv("DRYDOCK_SHARED"); dir != "" {
		return dir
	}
	return "../../../shared"
}

// TestRealManifests reads the action files of real projects.
func TestRealManifests(t *testing.T) {
	root := filepath.Join(shared(), "suites/real-workflows/actions")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no real workflows: ", err)
	}
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		if a, found := ParseManifest(rel, src); a == nil {
			t.Errorf("%v", found.Err())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 92 {
		t.Errorf("only %d files", files)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(compositeManifest))
	f.Add([]byte("runs: {using: docker, image: a, args: [b], env: {c: d}}"))
	f.Add([]byte("inputs: {a: , b: {default: 1}}\noutputs: {a: , b: {value: x}}\nruns: {using: node24, main: a, post-if: b}"))
	f.Add([]byte("runs: &a {using: *a}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		a, found := ParseManifest("action.yml", src)
		if (a == nil) != found.HasErrors() {
			t.Fatalf("action %v with %v", a, found)
		}
		if a == nil {
			return
		}
		switch {
		case a.Runs.Using.IsNode() && a.Runs.Main == "",
			a.Runs.Using == Docker && a.Runs.Image == "",
			a.Runs.Using == "":
			t.Fatalf("incomplete: %+v", a.Runs)
		}
		a.Uses()
	})
}
