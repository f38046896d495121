package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

func build(t *testing.T, text string, load Loader) (*Plan, error) {
	t.Helper()
	w, found := workflow.Parse("ci.yml", []byte(text))
	if err := found.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return Build(t.Context(), w, Source{Path: "ci.yml"}, "push", map[string]expr.Value{}, load)
}

// chain calls l1.yml, which calls l2.yml and so on; the last has a job.
func chain(length int) Loader {
	return func(_ context.Context, _ Source, uses string) (Source, []byte, error) {
		var n int
		if _, err := fmt.Sscanf(uses, "./l%d.yml", &n); err != nil {
			return Source{}, nil, err
		}
		text := "on: workflow_call\njobs: {j: {runs-on: x, steps: [run: a]}}\n"
		if n < length {
			text = fmt.Sprintf("on: workflow_call\njobs: {j: {uses: ./l%d.yml}}\n", n+1)
		}
		return Source{Path: uses}, []byte(text), nil
	}
}

func TestNestingLimit(t *testing.T) {
	const root = "on: push\njobs: {j: {uses: ./l1.yml}}\n"
	if _, err := build(t, root, chain(10)); err != nil {
		t.Errorf("ten levels: %v", err)
	}
	_, err := build(t, root, chain(11))
	if err == nil || !strings.Contains(err.Error(), "nested deeper than 10 levels") {
		t.Errorf("eleven levels: %v", err)
	}
	var invalid workflow.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Diagnostics) != 1 || invalid.Diagnostics[0].Pos != (workflow.Pos{Line: 2, Column: 18}) {
		t.Errorf("eleven levels: the error does not name the caller: %#v", err)
	}
}

func TestFileLimit(t *testing.T) {
	calls := func(n int) string {
		var b strings.Builder
		b.WriteString("on: push\njobs:\n")
		for i := range n {
			fmt.Fprintf(&b, "  j%d: {uses: ./l%d.yml}\n  k%d: {uses: ./l%d.yml}\n", i, i, i, i)
		}
		return b.String()
	}
	loads := 0
	load := func(ctx context.Context, from Source, uses string) (Source, []byte, error) {
		loads++
		return chain(0)(ctx, from, uses)
	}
	if _, err := build(t, calls(50), load); err != nil || loads != 50 {
		t.Errorf("fifty files: %d loads, %v", loads, err)
	}
	if _, err := build(t, calls(51), load); err == nil || !strings.Contains(err.Error(), "more than 50 different workflows") {
		t.Errorf("fifty-one files: %v", err)
	}
}

// TestExplodingCalls: each level calls the next ten times.
func TestExplodingCalls(t *testing.T) {
	load := func(ctx context.Context, from Source, uses string) (Source, []byte, error) {
		src, text, err := chain(10)(ctx, from, uses)
		line := strings.TrimPrefix(strings.Split(string(text), "\n")[1], "jobs: {j: ")
		var b strings.Builder
		b.WriteString("on: workflow_call\njobs:\n")
		for i := range 10 {
			fmt.Fprintf(&b, "  j%d: %s\n", i, strings.TrimSuffix(line, "}"))
		}
		return src, []byte(b.String()), err
	}
	_, err := build(t, "on: push\njobs: {j: {uses: ./l1.yml}}\n", load)
	if err == nil || !strings.Contains(err.Error(), "more than 4096 jobs") {
		t.Errorf("got %v", err)
	}
	if n := len(err.Error()); n > 1<<16 {
		t.Errorf("the error has %d bytes", n)
	}
}

func TestLoaderErrorIsKept(t *testing.T) {
	down := errors.New("no route")
	load := func(_ context.Context, _ Source, uses string) (Source, []byte, error) {
		if uses == "./l1.yml" {
			return Source{Path: uses}, []byte("on: workflow_call\njobs: {j: {uses: a/b/c.yml@v1}}\n"), nil
		}
		return Source{}, nil, down
	}
	_, err := build(t, "on: push\njobs: {j: {uses: ./l1.yml}}\n", load)
	const want = "ci.yml:2:18: calling './l1.yml': ./l1.yml:2:18: loading reusable workflow 'a/b/c.yml@v1': no route"
	if !errors.Is(err, down) || err.Error() != want {
		t.Errorf("want %s, got %v", want, err)
	}
	if _, err := build(t, "on: push\njobs: {j: {uses: ./l1.yml}}\n", nil); err == nil {
		t.Error("no loader: no error")
	}
}

func TestEarlyMistakes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"on: push\njobs:\n  j:\n    strategy: {matrix: {a: [1], exclude: [{b: 1}]}}\n    runs-on: x\n    steps: [run: a]\n",
			"ci.yml:4:24: error: job 'j': matrix: matrix exclude key 'b' is no key of the matrix"},
		{"on: push\nrun-name: ${{ fromJSON('{') }}\njobs: {j: {runs-on: x, steps: [run: a]}}\n",
			"ci.yml:2:11: error: run-name: "},
		{"on: push\nconcurrency: ${{ github.nothing }}\njobs: {j: {runs-on: x, steps: [run: a]}}\n",
			"ci.yml:2:14: error: concurrency group: its name is empty"},
	} {
		w, found := workflow.Parse("ci.yml", []byte(test.text))
		if w == nil {
			t.Fatal(found.Err())
		}
		_, err := Build(t.Context(), w, Source{Path: "ci.yml"}, "push", nil, nil)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("want %s, got %v", test.want, err)
		}
	}
}

// TestUncheckedNeeds builds a tree that Parse would refuse.
func TestUncheckedNeeds(t *testing.T) {
	job := func(id string, needs ...string) *workflow.Job {
		j := &workflow.Job{ID: id, Pos: workflow.Pos{Line: len(id), Column: 3}}
		for _, need := range needs {
			j.Needs = append(j.Needs, workflow.Need{ID: need, Pos: workflow.Pos{Line: 9, Column: 9}})
		}
		return j
	}
	w := &workflow.Workflow{File: "ci.yml", Jobs: []*workflow.Job{job("ok"), job("a", "OK", "cc"), job("cc", "a"), job("e", "nobody")}}
	_, err := Build(t.Context(), w, Source{Path: "ci.yml"}, "push", nil, nil)
	const want = "ci.yml:9:9: error: job 'e' needs 'nobody', which is no job of this workflow\n" +
		"ci.yml:1:3: error: job 'a' waits for itself through its needs"
	if err == nil || err.Error() != want {
		t.Errorf("want\n%s\ngot\n%v", want, err)
	}
	// A circle in a plan that came from elsewhere ends all the same.
	p := &Plan{Graph: &Graph{Jobs: []*Job{{ID: "a", Needs: []string{"b"}}, {ID: "b", Needs: []string{"a"}}}}}
	s := NewState(p)
	decisions := s.Start()
	if !s.Finished() || s.Conclusion() != Failure || len(decisions) != 2 {
		t.Errorf("circle: %+v", decisions)
	}
}

func FuzzBuild(f *testing.F) {
	f.Add("on: push\njobs:\n  a: {runs-on: x, steps: [run: a]}\n  b: {needs: a, uses: ./l1.yml, with: {a: 1}}\n")
	f.Add("on: push\njobs:\n  a:\n    strategy: {matrix: {a: [1, {b: 2}], include: [{a: 1, c: 2}], exclude: [{a: {b: 2}}]}, max-parallel: 1}\n" +
		"    name: ${{ matrix.a.b }}\n    if: success() || failure()\n    concurrency: g\n    runs-on: x\n    steps: [{parallel: [{run: a}]}]\n")
	f.Add("on: push\nconcurrency: {group: g, queue: max}\npermissions: read-all\njobs:\n  a:\n    strategy: ${{ fromJSON('{}') }}\n    runs-on: x\n    steps: [uses: ./a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		w, found := workflow.Parse("ci.yml", []byte(text))
		if found.HasErrors() {
			return
		}
		p, err := Build(t.Context(), w, Source{Path: "ci.yml"}, "push", nil, chain(2))
		if err != nil {
			return
		}
		s := NewState(p)
		decisions := s.Start()
		for i := 0; !s.Finished(); i++ {
			running := s.Running()
			if len(running) == 0 {
				t.Fatalf("stuck: %+v", s.Results())
			}
			decisions = append(decisions, s.Apply(running[i%len(running)].ID, []Conclusion{Success, Failure}[i%2], nil)...)
		}
		checkReplay(t, p, s, decisions)
	})
}

// BenchmarkWideRun is a run of 16 full matrices, from first to last leg.
func BenchmarkWideRun(b *testing.B) {
	var text strings.Builder
	text.WriteString("on: push\njobs:\n")
	var values []string
	for i := range 16 {
		values = append(values, fmt.Sprint(i))
	}
	list := strings.Join(values, ", ")
	for i := range 16 {
		fmt.Fprintf(&text, "  j%d:\n    strategy: {matrix: {a: [%s], b: [%s]}}\n    runs-on: x\n    steps: [run: a]\n", i, list, list)
	}
	p := buildText(b, text.String(), nil)
	for b.Loop() {
		s := NewState(p)
		decisions := s.Start()
		for _, d := range decisions {
			s.Apply(d.Leg.ID, Success, nil)
		}
		if !s.Finished() {
			b.Fatal("not finished")
		}
	}
}
