package cli

import (
	"bufio"
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
)

func parsed(t *testing.T, src string) file {
	t.Helper()
	w, problems := workflow.Parse("ci.yml", []byte(src))
	if problems.HasErrors() {
		t.Fatal(problems.Err())
	}
	return file{path: "ci.yml", workflow: w}
}

func TestWantedAction(t *testing.T) {
	const jobs = "\njobs: {a: {runs-on: x, steps: [{run: echo}]}}\n"
	for _, tc := range []struct {
		on   []string
		want string
	}{
		{[]string{"release"}, ""},
		{[]string{"{release: {types: [published]}}"}, ""},
		{[]string{"{release: {types: [created, edited]}}"}, "created"},
		{[]string{"{release: {types: [created]}}", "{release: {types: [edited, published]}}"}, ""},
		{[]string{"{release: {types: [created]}}", "release"}, ""},
		{[]string{"push"}, ""},
	} {
		var files []file
		for _, on := range tc.on {
			files = append(files, parsed(t, "on: "+on+jobs))
		}
		if got := wantedAction(files, "release", "published"); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.on, got, tc.want)
		}
	}
}

func TestBelow(t *testing.T) {
	files := []string{"README.md", "app/main.go", "application/x", "app/docs/a"}
	for _, tc := range []struct {
		project string
		want    []string
	}{
		{"/repo", files},
		{"/repo/app", []string{"main.go", "docs/a"}},
		{"/repo/none", nil},
		{"/elsewhere", files},
	} {
		if got := below("/repo", tc.project, files); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.project, got, tc.want)
		}
	}
}

func TestAskInput(t *testing.T) {
	level := workflow.Input{ID: "level", Description: "How loud", Options: []*workflow.Node{workflow.Str("low"), workflow.Str("high")}}
	for _, tc := range []struct {
		in        workflow.Input
		typed     string
		want      string
		questions int
	}{
		{workflow.Input{ID: "who"}, "\r\n\nAda Lovelace\r\n", "Ada Lovelace", 3},
		{level, "loud\nhigh\n", "high", 2},
		{level, "low", "low", 1},
		{level, "loud", "", 1},
	} {
		var out bytes.Buffer
		got, err := askInput(bufio.NewReader(strings.NewReader(tc.typed)), &out, tc.in)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q: got %q, %v", tc.typed, got, err)
		}
		if n := strings.Count(out.String(), "Input "+tc.in.ID); n != tc.questions {
			t.Errorf("%q: asked %d times: %s", tc.typed, n, out.String())
		}
	}
}

// TestAskInputsWithoutTerminal: nobody is asked, and the run says what is missing.
func TestAskInputsWithoutTerminal(t *testing.T) {
	f := parsed(t, "on: {workflow_dispatch: {inputs: {who: {required: true}}}}\njobs: {a: {runs-on: x, steps: [{run: echo}]}}\n")
	var out bytes.Buffer
	a := &app{stdin: strings.NewReader("me\n"), stderr: &out}
	g := given{inputs: map[string]string{}}
	if err := a.askInputs([]file{f}, "workflow_dispatch", g); err != nil || len(g.inputs) != 0 || out.Len() != 0 {
		t.Fatalf("got %v %v %q", err, g.inputs, out.String())
	}
	_, err := a.inputs(f, "workflow_dispatch", nil, nil, true)
	if err == nil || !strings.Contains(err.Error(), `input "who" is required: give it with --input who=VALUE`) {
		t.Fatalf("got %v", err)
	}
	if _, err := a.inputs(f, "workflow_dispatch", nil, nil, false); err != nil {
		t.Fatal(err)
	}
}

func TestInputs(t *testing.T) {
	f := parsed(t, `
on:
  workflow_call:
    inputs:
      who: {type: string, default: "${{ github.actor }}"}
      n: {type: number, default: 3}
      sure: {type: boolean}
jobs: {a: {runs-on: x, steps: [{run: echo}]}}
`)
	var out bytes.Buffer
	a := &app{stderr: &out}
	v, err := a.inputs(f, "workflow_call", map[string]string{"N": "4", "other": "x"}, nil, true)
	if got := v.JSON(false); err != nil || got != `{"who":"","n":4,"sure":false}` {
		t.Fatalf("got %s %v", got, err)
	}
	if v, err := a.inputs(f, "push", map[string]string{"N": "4"}, nil, true); err != nil || v.JSON(false) != "{}" {
		t.Fatalf("got %s %v", v.JSON(false), err)
	}
}

func TestReaderGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if readerGone(w) {
		t.Error("it is still there")
	}
	r.Close()
	if !readerGone(w) {
		t.Error("it is gone")
	}
	if readerGone(&bytes.Buffer{}) {
		t.Error("a buffer has no reader")
	}
}
