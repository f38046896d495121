package simulation

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// audit holds all that was said against all that happened.
type audit struct {
	db       store.Store
	gh       *githubtest.GitHub
	ran      map[mark]int
	harmed   map[string]int
	problems []string

	jobs, executed, lost, requeued, cancelled, skipped int
}

func (a *audit) problem(format string, args ...any) {
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

// told is what the events of a job say.
type told struct {
	marks    map[string]int
	requeued []string
	ends     int
	lines    []string // for people
}

func (a *audit) events(ctx context.Context, key store.JobKey) (told, error) {
	got := told{marks: map[string]int{}}
	for after := store.Sequence(0); ; {
		list, err := a.db.EventsSince(ctx, key, after, 100)
		if err != nil || len(list) == 0 {
			return got, err
		}
		for _, e := range list {
			after = e.Sequence
			for line := range bytes.Lines(e.Data) {
				got.lines = append(got.lines, strings.TrimSpace(string(line)))
				event, err := runner.DecodeEvent(line)
				if err != nil {
					return got, err
				}
				switch e := event.(type) {
				case runner.Line:
					if name, ok := strings.CutPrefix(e.Text, "ran "); ok {
						got.marks[name]++
					}
				case runner.JobRequeued:
					got.requeued = append(got.requeued, e.Reason)
				case runner.JobFinished:
					got.ends++
				}
			}
		}
	}
}

// job looks at one execution of a job, and tells whether it is as it should be.
func (a *audit) job(ctx context.Context, r *store.Run, j store.Job) error {
	a.jobs++
	name := jobName(fmt.Sprintf("%d-%d", j.Run, j.Attempt), string(j.Job))
	one, two := a.ran[mark{name, "one"}], a.ran[mark{name, "two"}]
	events, err := a.events(ctx, j.JobKey)
	if err != nil {
		return err
	}
	bad := func(format string, args ...any) {
		a.problem("job %q of run %d (%s %s), attempt %d: %s\n  %s %s, reason %q; marks one %d, two %d; requeued %q; history:\n    %s", j.Job, j.Run, r.RepositoryName, r.Workflow, j.Attempt,
			fmt.Sprintf(format, args...), j.State, j.Conclusion, j.Reason, one, two, events.requeued, strings.Join(events.lines, "\n    "))
	}
	taken := strings.HasPrefix(j.Reason, "taken from attempt ")
	most := 1 + len(events.requeued)
	if one > 0 {
		a.executed++
	}
	if len(events.requeued) > 0 {
		a.requeued++
		if slices.Contains(events.requeued, "") || a.harmed[name] == 0 {
			bad("run again without a reason")
		}
	}
	switch {
	case j.State != store.Completed:
		bad("not over")
	case one > most || two > most:
		bad("ran twice")
	case taken || j.Conclusion == plan.Skipped:
		a.skipped++
		if one+two > 0 {
			bad("ran, and nothing says so")
		}
	case j.Conclusion == plan.Success && (one == 0 || two == 0 || len(events.requeued) == 0 && one+two != 2):
		bad("passed without having run")
	case j.Conclusion == plan.Success:
	case j.Conclusion == plan.Cancelled:
		a.cancelled++
		if j.Reason == "" {
			bad("cancelled without a reason")
		}
	case j.Job == "flaky" && j.Attempt == 1 && one > 0 && two == 0: // as it says
	case j.Conclusion == plan.Failure:
		a.lost++
		if j.Reason == "" || a.harmed[name] == 0 {
			bad("failed, and nothing was wrong with its place")
		}
	default:
		bad("an unknown end")
	}
	if !taken && len(events.requeued) == 0 && (events.marks["one"] != one || events.marks["two"] != two) && j.Conclusion == plan.Success {
		bad("the log tells of %v", events.marks)
	}
	if events.ends > 1 {
		bad("the log ends %d times", events.ends)
	}
	return nil
}

// words are GitHub's for conclusions.
var words = map[plan.Conclusion]string{plan.Success: "success", plan.Failure: "failure", plan.Cancelled: "cancelled", plan.Skipped: "skipped"}

// checks holds GitHub's check runs against the store.
func (a *audit) checks(repositories []*githubtest.Repository, runs []store.Run, jobs map[store.RunID][]store.Job) {
	type wanted struct{ conclusion, who string }
	want := map[int64]wanted{}
	for _, r := range runs {
		if r.CheckRun != 0 {
			want[r.CheckRun] = wanted{"", fmt.Sprintf("run %d", r.ID)}
		}
		for _, j := range jobs[r.ID] {
			who := fmt.Sprintf("job %q of run %d, attempt %d", j.Job, j.Run, j.Attempt)
			switch {
			case strings.HasPrefix(j.Reason, "taken from attempt "):
			case j.CheckRun == 0:
				a.problem("%s has no check run", who)
			case want[j.CheckRun].who != "":
				a.problem("%s has the check run %d of %s", who, j.CheckRun, want[j.CheckRun].who)
			default:
				want[j.CheckRun] = wanted{words[j.Conclusion], who}
			}
		}
	}
	names := map[string]int64{}
	for _, repository := range repositories {
		for _, c := range a.gh.CheckRuns(repository, "") {
			w, known := want[c.ID]
			delete(want, c.ID)
			if other := names[c.ExternalID]; other != 0 {
				a.problem("check runs %d and %d have the same external id %q", other, c.ID, c.ExternalID)
			}
			names[c.ExternalID] = c.ID
			switch {
			case !known:
				a.problem("check run %d %q (%s, %s %s) is of no job", c.ID, c.Name, c.ExternalID, c.Status, c.Conclusion)
			case c.Status != "completed" || c.Conclusion == "action_required":
				a.problem("check run %d of %s is left %s %s", c.ID, w.who, c.Status, c.Conclusion)
			case w.conclusion != "" && w.conclusion != c.Conclusion:
				a.problem("check run %d of %s says %s, the store %s", c.ID, w.who, c.Conclusion, w.conclusion)
			}
		}
	}
	for id, w := range want {
		a.problem("check run %d of %s is not at GitHub", id, w.who)
	}
}

// causes holds what people did against the runs that came of it.
func (a *audit) causes(s *story, runs []store.Run) {
	got := map[string]int{}
	chained := map[string]int{} // attempts, by repository and workflow
	count := map[string]int{}
	for _, r := range runs {
		file := strings.TrimPrefix(r.Workflow, ".github/workflows/")
		chained[r.RepositoryName+" "+file] += r.Attempt
		count[r.RepositoryName+" "+file]++
		if cause := causeOf(r.RepositoryName, r.Workflow, r.Event, r.Ref, r.HeadSHA); cause != "" {
			got[cause]++
		}
		if want := 1 + s.pressed[r.ID]; r.Attempt != want {
			a.problem("run %d (%s %s) has %d attempts, and should have %d", r.ID, r.RepositoryName, r.Workflow, r.Attempt, want)
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(s.expected)) {
		if got[cause] != s.expected[cause] {
			a.problem("%d runs, and not %d, of: %s", got[cause], s.expected[cause], cause)
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(got)) {
		if s.expected[cause] == 0 {
			a.problem("%d runs of what nobody did: %s", got[cause], cause)
		}
	}
	for _, r := range s.repositories {
		for first, second := range map[string]string{"ci.yml": "after.yml", "after.yml": "last.yml"} {
			if want, have := chained[r.FullName+" "+first], count[r.FullName+" "+second]; want != have {
				a.problem("%s: %d runs of %s after %d attempts of %s", r.FullName, have, second, want, first)
			}
		}
	}
}

// remains looks for what should be gone.
func (a *audit) remains(ctx context.Context) error {
	items, err := a.db.ListQueue(ctx, 0, 1000)
	if err != nil {
		return err
	}
	for _, i := range items {
		a.problem("still queued: job %q of run %d, attempt %d, worker %q", i.Key.Job, i.Key.Run, i.Key.Attempt, i.Worker)
	}
	entries, err := a.db.GroupEntries(ctx, 0)
	if err != nil {
		return err
	}
	for _, e := range entries {
		a.problem("still in group %q: %+v, %s", e.Group, e.Holder, e.Standing)
	}
	values, err := a.db.ListValues(ctx, "check/")
	if err != nil {
		return err
	}
	for name, data := range values {
		a.problem("value %q is left: %s", name, data)
	}
	for _, fate := range []store.Fate{store.Pending, store.Failed} {
		list, err := a.db.ListDeliveries(ctx, store.DeliveryFilter{Fate: fate, Limit: 1000})
		if err != nil {
			return err
		}
		for _, d := range list {
			a.problem("delivery %s (%s) is %s after %d tries: %s", d.ID, d.Event, d.Fate, d.Attempts, d.Reason)
		}
	}
	return nil
}
