package runner

import (
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// steps tells how the steps went, a line each.
func (r *ran) steps() string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%d %s: %s", s.Step.Number, s.Step.Name, s.Outcome)
		if s.Conclusion != s.Outcome {
			fmt.Fprintf(&b, " -> %s", s.Conclusion)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (r *ran) wantSteps(want string) {
	r.t.Helper()
	want = strings.TrimLeft(strings.ReplaceAll(want, "\t", ""), "\n")
	if got := r.steps(); got != want {
		r.t.Errorf("steps are\n%swant\n%s\nlog\n%s", got, want, r.log())
	}
}

func (r *ran) wantConclusion(want plan.Conclusion) {
	r.t.Helper()
	if r.Conclusion != want {
		r.t.Errorf("conclusion %s (%s), want %s\nlog\n%s", r.Conclusion, r.Reason, want, r.log())
	}
}

// log is all lines of the job that are not inside a group.
func (r *ran) log() string {
	var b strings.Builder
	open := map[int]bool{}
	for _, e := range r.events {
		l, ok := e.(Line)
		if !ok {
			continue
		}
		switch {
		case l.Level == "group":
			open[l.Step] = true
		case l.Level == "endgroup":
			open[l.Step] = false
		case open[l.Step]:
		case l.Level == "":
			fmt.Fprintf(&b, "%d %s\n", l.Step, l.Text)
		default:
			fmt.Fprintf(&b, "%d [%s]%s\n", l.Step, l.Level, l.Text)
		}
	}
	return b.String()
}

// wantLog wants each line to stand in the log.
func (r *ran) wantLog(lines ...string) {
	r.t.Helper()
	log := r.log()
	for _, l := range lines {
		if !strings.Contains("\n"+log, "\n"+l+"\n") {
			r.t.Errorf("no line %q in the log\n%s", l, log)
		}
	}
}

func (r *ran) wantNotInLog(parts ...string) {
	r.t.Helper()
	for _, p := range parts {
		if strings.Contains(r.log(), p) {
			r.t.Errorf("%q is in the log\n%s", p, r.log())
		}
	}
}

// all is every event as text, for what must never be seen.
func (r *ran) all() string {
	var b strings.Builder
	for _, e := range r.events {
		fmt.Fprintf(&b, "%+v\n", e)
	}
	fmt.Fprintf(&b, "%+v %+v\n", r.Result, r.FirstError)
	return b.String()
}
