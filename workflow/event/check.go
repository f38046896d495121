package event

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/workflow"
)

// Check gives what is wrong with the filters and the times of `on:`. It leaves
// out what workflow.Parse says already.
func Check(w *workflow.Workflow) workflow.Diagnostics {
	r := &reader{file: w.File}
	for i := range w.On.Triggers {
		t := &w.On.Triggers[i]
		r.twins(t, "branches", t.Branches, t.BranchesIgnore)
		r.twins(t, "tags", t.Tags, t.TagsIgnore)
		r.twins(t, "paths", t.Paths, t.PathsIgnore)
		r.filter("workflows", t.Workflows)
		r.filter("names", t.Names)
		r.filter("versions", t.Versions)
		if t.Event == "workflow_run" && len(t.Workflows) == 0 {
			r.add(t.Pos, workflow.Error, "workflow-run", "workflow_run names no workflow", "name those to wait for under workflows:")
		}
		for _, c := range t.Cron {
			r.cron(c)
		}
		if t.Event == "workflow_dispatch" && len(t.Inputs) > maxInputs {
			r.add(t.Inputs[maxInputs].Pos, workflow.Error, "input-limit", fmt.Sprintf("workflow_dispatch has %d inputs, more than %d", len(t.Inputs), maxInputs), "")
		}
	}
	slices.SortStableFunc(r.problems, func(a, b workflow.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return r.problems
}

// twins checks a filter and its -ignore twin, of which an event takes one.
func (r *reader) twins(t *workflow.Trigger, name string, only, ignore []*workflow.Node) {
	r.filter(name, only)
	r.filter(name+"-ignore", ignore)
	if only != nil && ignore != nil {
		m := match{t: t}
		r.add(m.pos(ignore), workflow.Error, "filter-twins", fmt.Sprintf("%s has both %s and %s-ignore", t.Event, name, name),
			"keep one of them; patterns of "+name+" that begin with ! take names out")
	}
}

func (r *reader) filter(name string, list []*workflow.Node) {
	ps, bad := compileAll(list)
	if bad != nil {
		r.add(bad.pattern.pos, workflow.Error, "filter-pattern", fmt.Sprintf("%s: %s is no valid pattern: %v", name, quote(bad.pattern.text), bad.err), "")
		return
	}
	negated := 0
	for _, p := range ps {
		if p.negated {
			negated++
		}
		if body := strings.TrimPrefix(p.text, "!"); strings.HasPrefix(name, "paths") && (strings.HasPrefix(body, "./") || strings.HasPrefix(body, "/")) {
			r.add(p.pos, workflow.Advice, "filter-path", fmt.Sprintf("%s: %s matches no file", name, quote(p.text)),
				"paths begin at the root of the repository, without / or ./")
		}
	}
	if negated > 0 && negated == len(ps) {
		r.add(ps[0].pos, workflow.Warning, "filter-negative", fmt.Sprintf("%s: all patterns begin with !, so nothing matches", name),
			"write what is meant before them, as '**'")
	}
}

// cron checks an entry of schedule; the number of fields is workflow.Parse's.
func (r *reader) cron(c workflow.Cron) {
	text := c.Expr.ScalarText()
	if len(strings.Fields(text)) != 5 {
		return
	}
	s, err := ParseCron(text, "")
	if err != nil {
		r.add(cronPos(c), workflow.Error, "cron", err.Error(), "")
		return
	}
	if c.Timezone != nil {
		if s.zone, err = loadZone(c.Timezone.ScalarText()); err != nil {
			r.add(c.Timezone.Pos, workflow.Error, "timezone", err.Error(), "")
			return
		}
	}
	if interval := s.Interval(); interval > 0 && interval < MinInterval {
		r.add(cronPos(c), workflow.Warning, "cron-interval", fmt.Sprintf("the cron %s fires every %s", quote(text), minutes(interval)),
			fmt.Sprintf("GitHub runs a schedule every %s at most", minutes(MinInterval)))
	}
	// Any time does to find that it never fires.
	if s.Next(time.Unix(0, 0)).IsZero() {
		r.add(cronPos(c), workflow.Warning, "cron-never", fmt.Sprintf("the cron %s never fires: no such day exists", quote(text)), "")
	}
}

func minutes(d time.Duration) string {
	if d == time.Minute {
		return "minute"
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}
