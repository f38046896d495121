package services

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// through takes jobs the way that they go: written, parsed, planned, stored, started,
// put into a message and read.
func through(t testing.TB, all []With) map[string]With {
	t.Helper()
	src, err := generate(all)
	if err != nil {
		t.Fatal(err)
	}
	w, problems := workflow.Parse(File, src)
	if err := problems.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, src)
	}
	github := expr.NewObject(false).Set("ref", expr.String("refs/heads/main")).Value()
	built, err := plan.Builder{}.Build(t.Context(), w, plan.Source{Path: File}, "push", map[string]expr.Value{"github": github})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(built)
	if err != nil {
		t.Fatal(err)
	}
	again := &plan.Plan{}
	if err := json.Unmarshal(stored, again); err != nil {
		t.Fatal(err)
	}
	if c := again.Concurrency; c == nil || c.Group != "drydock-services-refs/heads/main" || !c.QueueMax || c.CancelInProgress {
		t.Errorf("concurrency %+v", c)
	}
	read := map[string]With{}
	state := plan.NewState(again)
	waiting := state.Start()
	for len(waiting) > 0 {
		d := waiting[0]
		waiting = waiting[1:]
		if d.Action != plan.Start {
			if d.Action != plan.Done {
				t.Errorf("%s of %s: %s", d.Action, d.Job, d.Reason)
			}
			continue
		}
		message, err := json.Marshal(runner.Job{Leg: *d.Leg})
		if err != nil {
			t.Fatal(err)
		}
		var job runner.Job
		if err := json.Unmarshal(message, &job); err != nil {
			t.Fatal(err)
		}
		with, err := ReadWith(&job)
		if err != nil {
			t.Fatal(err)
		}
		if job.Leg.Name != with.Service || job.ID() != JobID(with.Service) {
			t.Errorf("the job of %q is %q, %q", with.Service, job.ID(), job.Leg.Name)
		}
		read[with.Service] = with
		// Also after failures, and for what is left out, the others begin.
		conclusion := []plan.Conclusion{plan.Success, plan.Failure, plan.Skipped}[len(read)%3]
		waiting = append(waiting, state.Apply(d.Leg.ID, conclusion, nil)...)
	}
	return read
}

// nasty are pieces that mean something to somebody on the way.
var nasty = []string{
	`"`, `'`, `\`, "\n", "\r\n", "\t", "${{", "}}", "${{ secrets.TOKEN }}", "$${{", "${{ '$' }}{{", "{{", "$", "#", " # ", ": ", "- ", "|", ">", "&a", "*a", "!!str", "%",
	"\x00", "\x07", "\x1b[31m", "\x7f", "\u0085", "\u00a0", "\u2028", "\u202e", "\ufeff", "\ufffe", "\uffff", "é", "漢字", "🚢", "e\u0301", "null", "~", "true", "1e3", "0o7", "<<", "? ", "...", "---", " ", "",
	"services/a b/Dockerfile", "::set-output name=x::y", "`rm -rf`", "<script>", "@octocat",
}

func nastyText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(6) {
		b.WriteString(nasty[r.IntN(len(nasty))])
	}
	return b.String()
}

// TestSurvives: every text of a job reaches it as it was.
func TestSurvives(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		names := []string{"a", "0", "1api", "true", "null", "no", "on", "x-1", "services", "none", strings.Repeat("z", 63), "12345", "1e3", "always", "github"}
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		names = names[:1+r.IntN(len(names))]
		want := map[string]With{}
		var all []With
		for i, name := range names {
			w := With{
				Service: name, Decision: affected.Build, Reason: nastyText(r), Problem: nastyText(r), Base: nastyText(r),
				Head: strings.Repeat("0a", 20), Ref: "refs/heads/" + nastyText(r), PullRequest: r.IntN(3), Publish: []string{"", "true", "false"}[r.IntN(3)], Needs: []string{},
			}
			if r.IntN(2) == 0 {
				w.Decision = affected.Skip
			}
			for _, earlier := range names[:i] {
				if r.IntN(3) == 0 {
					w.Needs = append(w.Needs, earlier)
				}
			}
			if r.IntN(4) == 0 {
				w.Needs = append(w.Needs, "elsewhere")
			}
			want[name] = w
			all = append(all, w)
		}
		if diff := cmp.Diff(want, through(t, all)); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func FuzzSurvives(f *testing.F) {
	for _, text := range nasty {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, reason, ref string) {
		got := through(t, []With{{Service: "a", Decision: affected.Build, Reason: reason, Head: "1", Ref: ref}})["a"]
		reason, ref = strings.ToValidUTF8(reason, "\uFFFD"), strings.ToValidUTF8(ref, "\uFFFD")
		if got.Reason != reason || got.Ref != ref {
			t.Errorf("%q, %q became %q, %q", reason, ref, got.Reason, got.Ref)
		}
	})
}

// TestBytes: what is no text does no harm.
func TestBytes(t *testing.T) {
	got := through(t, []With{{Service: "a", Decision: affected.Build, Reason: "a\xffb", Head: "1"}})["a"]
	if got.Reason != "a\uFFFDb" {
		t.Errorf("%q", got.Reason)
	}
}

// TestCircle: images that are made from each other are jobs that fail, and those who
// need them still wait for them.
func TestCircle(t *testing.T) {
	of := func(name string, needs ...string) With {
		return With{Service: name, Decision: affected.Build, Head: "1", Needs: needs}
	}
	got := through(t, []With{of("a", "b"), of("b", "a"), of("c", "a"), of("self", "self"), of("free")})
	for name, want := range map[string]bool{"a": true, "b": true, "c": false, "self": true, "free": false} {
		if problem := got[name].Problem; (problem != "") != want {
			t.Errorf("%s: problem %q", name, problem)
		}
	}
}

// TestForeignJobs: a job that is no service's is told from one.
func TestForeignJobs(t *testing.T) {
	for _, step := range []string{"{uses: actions/checkout@v4}", "{run: echo}", "{uses: drydock/service@v1, with: {service: a}}", "{uses: drydock/service@v1, with: {service: a, needs: x, pull-request: 0}}", "{uses: drydock/service@v1, with: {service: a, needs: '[]', pull-request: 0}}"} {
		w, problems := workflow.Parse(File, []byte("on: push\njobs: {a: {runs-on: x, steps: ["+step+"]}}"))
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		built, err := plan.Build(t.Context(), w, plan.Source{Path: File}, "push", map[string]expr.Value{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range plan.NewState(built).Start() {
			if _, err := ReadWith(&runner.Job{Leg: *d.Leg}); err == nil {
				t.Errorf("%q was read", step)
			}
		}
	}
	if _, err := ReadWith(&runner.Job{}); err == nil {
		t.Error("an empty job was read")
	}
}

func TestWants(t *testing.T) {
	for ref, want := range map[string][]string{"refs/heads/main": {"1"}, "refs/tags/v1": {"1", "refs/tags/v1"}, "refs/pull/1/merge": {"1"}} {
		if diff := cmp.Diff(want, With{Head: "1", Ref: ref}.Wants()); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
	}
}
