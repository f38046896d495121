package plan

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// randomWorkflow writes a workflow with up to ten jobs in random order, with
// matrices, conditions, concurrency and calls.
func randomWorkflow(r *rand.Rand, depth int) string {
	var b strings.Builder
	b.WriteString("on: [push, workflow_call]\njobs:\n")
	count := 1 + r.IntN(10)
	order := r.Perm(count)
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	for _, i := range order {
		fmt.Fprintf(&b, "  j%d:\n", i)
		var needs []string
		for k := range i {
			if r.IntN(4) == 0 {
				needs = append(needs, fmt.Sprintf("j%d", k))
			}
		}
		if needs != nil {
			fmt.Fprintf(&b, "    needs: [%s]\n", strings.Join(needs, ", "))
		}
		b.WriteString(pick("", "", "", "    if: always()\n", "    if: failure()\n", "    if: \"!cancelled()\"\n",
			"    if: cancelled() || success()\n", "    if: false\n", "    if: fromJSON('{')\n"))
		b.WriteString(pick("", "", "    strategy: {matrix: {a: [1, 2, 3]}}\n", "    strategy: {max-parallel: 1, matrix: {a: [1, 2]}}\n",
			"    strategy: {fail-fast: false, max-parallel: 2, matrix: {a: [1, 2, 3]}}\n"))
		b.WriteString(pick("", "", "", "    concurrency: g\n", "    concurrency: {group: h, cancel-in-progress: true}\n",
			"    concurrency: {group: g, queue: max}\n", "    concurrency: h\n"))
		if depth > 0 && r.IntN(3) == 0 {
			fmt.Fprintf(&b, "    uses: ./called%d.yml\n", depth-1)
			continue
		}
		b.WriteString(pick("", "", "    continue-on-error: true\n"))
		b.WriteString("    runs-on: x\n    steps: [run: a]\n")
	}
	return b.String()
}

// jobKey tells jobs apart: what a Skip, Fail or Done is about.
func jobKey(d Decision) string { return string(d.Job) }

// TestRandomRuns plays random results and cancellations on random workflows
// and checks what must hold for every run.
func TestRandomRuns(t *testing.T) {
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 7))
		files := []string{randomWorkflow(r, 0), randomWorkflow(r, 1), randomWorkflow(r, 2)}
		p := buildText(t, files[2], func(name string) string {
			if name == "./called0.yml" {
				return files[0]
			}
			return files[1]
		})
		s := NewState(p)
		c := runChecker{t: t, seed: seed, state: s, started: map[LegID]bool{}, closed: map[string]bool{}, needs: map[string][]string{}}
		c.learn(p.Graph, "")
		c.take(s.Start())
		for step := 0; !s.Finished(); step++ {
			running := s.Running()
			if len(running) == 0 || step > 20000 {
				t.Fatalf("seed %d: stuck with %d running after %d steps:\n%s\n%+v", seed, len(running), step, files[2], s.Results())
			}
			if r.IntN(40) == 0 {
				c.take(s.Cancel("by chance"))
				continue
			}
			l := running[r.IntN(len(running))]
			result := []Conclusion{Success, Success, Success, Failure, Cancelled}[r.IntN(5)]
			c.ended = append(c.ended, l.ID)
			c.take(s.Apply(l.ID, result, map[string]string{"o": fmt.Sprint(step)}))
		}
		for _, result := range s.Results() {
			if result.Conclusion == "" || !c.closed[string(result.Path)] {
				t.Fatalf("seed %d: job %s ended as %q, told: %t", seed, result.Path, result.Conclusion, c.closed[string(result.Path)])
			}
		}
		if seed%20 == 0 {
			checkReplay(t, p, s, c.all)
		}
	}
}

type runChecker struct {
	t       *testing.T
	seed    uint64
	state   *State
	started map[LegID]bool
	closed  map[string]bool     // jobs that were skipped, failed or done
	needs   map[string][]string // by pattern of the path, without legs
	ended   []LegID
	all     []Decision
}

func (c *runChecker) learn(g *Graph, prefix string) {
	for _, j := range g.Jobs {
		c.needs[prefix+j.ID] = append(c.needs[prefix+j.ID], j.Needs...)
		if j.Call != nil {
			c.learn(j.Call.Graph, prefix+j.ID+"/")
		}
	}
}

// take checks that each job is decided once and that nothing of a job begins
// before all its needs have ended.
func (c *runChecker) take(decisions []Decision) {
	c.t.Helper()
	for _, d := range decisions {
		c.all = append(c.all, d)
		key := jobKey(d)
		if c.closed[key] {
			c.t.Fatalf("seed %d: %s of %s after its end", c.seed, d.Action, key)
		}
		if d.Action == Start {
			if c.started[d.Leg.ID] {
				c.t.Fatalf("seed %d: %s starts twice", c.seed, d.Leg.ID)
			}
			c.started[d.Leg.ID] = true
		}
		parent, id := "", key
		if i := strings.LastIndex(key, "/"); i >= 0 {
			parent, id = key[:i+1], key[i+1:]
		}
		var pattern []string
		for _, part := range strings.Split(key, "/") {
			if part[0] >= 'a' {
				pattern = append(pattern, part)
			}
		}
		for _, need := range c.needs[strings.Join(pattern, "/")] {
			if !c.closed[parent+need] {
				c.t.Fatalf("seed %d: %s of %s (%s) before %s ended", c.seed, d.Action, key, id, parent+need)
			}
		}
		if d.Action == Done || d.Action == Fail || d.Action == Skip && d.Leg == nil {
			c.closed[key] = true
		}
	}
}

func buildText(t testing.TB, text string, file func(string) string) *Plan {
	t.Helper()
	w, found := workflow.Parse("ci.yml", []byte(text))
	if err := found.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	p, err := Build(context.Background(), w, Source{Path: "ci.yml"}, "push", map[string]expr.Value{},
		func(_ context.Context, _ Source, uses string) (Source, []byte, error) {
			return Source{Path: uses}, []byte(file(uses)), nil
		})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}
