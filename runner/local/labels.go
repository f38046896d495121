package local

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// Placer finds the place for the labels and the group of a runs-on. An error
// says why there is none; see UnknownLabel.
type Placer func(leg *plan.Leg, labels []string, group string) (runner.Place, error)

// PlaceError says that a job cannot be placed.
type PlaceError struct {
	File   string // as messages name it
	Pos    workflow.Pos
	Job    string   // display name
	Labels []string // evaluated
	Err    error
}

// Error names the place in the file, the job and the cause.
func (e *PlaceError) Error() string {
	return fmt.Sprintf("%s:%d:%d: runs-on of job %q: %s", e.File, e.Pos.Line, e.Pos.Column, e.Job, e.Err)
}

// Unwrap is the cause.
func (e *PlaceError) Unwrap() error { return e.Err }

// UnknownLabel is what a Placer says when it has nothing for the labels: which
// they are and what to do about it.
func UnknownLabel(labels []string, group string) error {
	if len(labels) == 0 {
		if group == "" {
			return fmt.Errorf("it is empty: name a label, for example ubuntu-latest")
		}
		return fmt.Errorf("nothing is known for the runner group %q: add a label that is mapped, for example \"labels: ubuntu-latest\"", group)
	}
	label := labels[0]
	fix := fmt.Sprintf("map it with -P %s=IMAGE or -P %s=host, or under \"platforms:\" in drydock.yaml", label, label)
	for _, l := range labels {
		switch lower := strings.ToLower(l); {
		case strings.HasPrefix(lower, "windows"):
			return fmt.Errorf("label %q asks for Windows, which no Linux container can be: leave the job out, run it on GitHub, or if its steps work on Linux too, map it with -P %s=IMAGE or under \"platforms:\" in drydock.yaml", l, l)
		case strings.HasPrefix(lower, "macos"):
			return fmt.Errorf("label %q asks for macOS, which no Linux container can be: leave the job out, run it on GitHub, map it to a Mac that you are on with -P %s=host, or if its steps work on Linux too, with -P %s=IMAGE or under \"platforms:\" in drydock.yaml", l, l, l)
		}
	}
	if len(labels) > 1 {
		return fmt.Errorf("no image and no host is known for the labels %s: %s", quoted(labels), fix)
	}
	return fmt.Errorf("no image and no host is known for the label %q: %s", label, fix)
}

func quoted(list []string) string {
	var all []string
	for _, s := range list {
		all = append(all, fmt.Sprintf("%q", s))
	}
	return strings.Join(all, ", ")
}

// RunsOn evaluates the runs-on of a leg. Its error may mean that other jobs must
// end first.
func RunsOn(leg *plan.Leg) (labels []string, group string, err error) {
	on := leg.Job.RunsOn
	if on == nil {
		return nil, "", fmt.Errorf("it is missing")
	}
	scope := expr.Scope{Contexts: leg.Contexts}
	if group, err = template.String(on.Group, scope); err != nil {
		return nil, "", err
	}
	v, err := template.Eval(on.Labels, scope)
	if err != nil {
		return nil, "", err
	}
	// An expression may yield the mapping as well.
	if v.Kind() == expr.KindObject {
		if g := field(v, "group").Text(); g != "" {
			group = g
		}
		v = field(v, "labels")
	}
	items := []expr.Value{v}
	if v.Kind() == expr.KindArray {
		items = v.Items()
	}
	for _, item := range items {
		if k := item.Kind(); k == expr.KindArray || k == expr.KindObject {
			return nil, "", fmt.Errorf("a label must be a string, not %s", k)
		}
		if label := strings.TrimSpace(item.Text()); label != "" && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels, group, nil
}

// place evaluates runs-on and asks for the place. The error is a *PlaceError.
func place(leg *plan.Leg, ask Placer) (runner.Place, error) {
	failed := &PlaceError{File: leg.Source.String(), Pos: leg.Job.Pos, Job: leg.Name}
	if leg.Job.RunsOn != nil {
		failed.Pos = leg.Job.RunsOn.Pos
	}
	labels, group, err := RunsOn(leg)
	failed.Labels = labels
	if err == nil && len(labels) == 0 && group == "" {
		err = UnknownLabel(nil, "")
	}
	if err != nil {
		failed.Err = err
		return runner.Place{}, failed
	}
	found, err := ask(leg, labels, group)
	if err != nil {
		failed.Err = err
		return runner.Place{}, failed
	}
	if found.Labels == nil {
		found.Labels = labels
	}
	return found, nil
}
