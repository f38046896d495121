package workflow

import (
	"fmt"
	"strconv"
	"strings"
)

func (r *report) jobs(n *Node) []*Job {
	if n.Kind != Mapping {
		return nil
	}
	var jobs []*Job
	for _, e := range n.Entries {
		if e.Key.HasExpression() || e.Value.Kind != Mapping {
			continue // reported
		}
		r.checkID(e.Key)
		jobs = append(jobs, r.job(e.Key, e.Value))
	}
	if len(n.Entries) == 0 {
		r.add(n.Pos, "no-jobs", "The workflow must contain at least one job with no dependencies.", "add a job")
	}
	// A job that is not there because of an error would make its dependants
	// look wrong.
	if len(jobs) == len(n.Entries) {
		r.checkNeeds(n, jobs)
	}
	return jobs
}

func (r *report) job(id, n *Node) *Job {
	j := &Job{ID: id.Text, Pos: id.Pos}
	for _, e := range n.Entries {
		v := e.Value
		switch e.Key.Text {
		case "name":
			j.Name = v
		case "needs":
			j.Needs = names(v)
		case "if":
			j.If = v
		case "runs-on":
			j.RunsOn = r.runsOn(v)
		case "strategy":
			j.Strategy = r.strategy(v)
		case "env":
			j.Env = v
		case "defaults":
			j.Defaults = defaults(v)
		case "container":
			r.checkContainer(v, false)
			j.Container = v
		case "services":
			for _, s := range v.Entries {
				r.checkContainer(s.Value, true)
			}
			j.Services = v
		case "outputs":
			j.Outputs = outputs(v)
		case "steps":
			j.Steps = r.steps(v)
		case "permissions":
			j.Permissions = permissions(v)
		case "concurrency":
			j.Concurrency = r.concurrency(v)
		case "environment":
			j.Environment = v
		case "snapshot":
			r.checkSnapshot(v)
			j.Snapshot = v
		case "cache-mode":
			j.CacheMode = v
		case "timeout-minutes":
			j.TimeoutMinutes = v
		case "cancel-timeout-minutes":
			j.CancelTimeout = v
		case "continue-on-error":
			j.ContinueOnError = v
		case "uses":
			r.checkCall(v)
			j.Uses = v
		case "with":
			j.With = v
		case "secrets":
			if v.Kind == Mapping {
				j.Secrets = v
			} else {
				j.InheritSecrets = v.ScalarText() == "inherit"
			}
		}
	}
	if j.RunsOn != nil && r.withoutSteps(n) {
		// GitHub runs such a job: it does nothing and succeeds.
		r.warn(id.Pos, "no-steps", fmt.Sprintf("Job '%s' has no steps", j.ID), "add `steps`")
	}
	return j
}

// withoutSteps tells whether a job has no steps and nothing that was meant as
// such and is reported.
func (r *report) withoutSteps(n *Node) bool {
	if steps := n.Lookup("steps"); steps != nil {
		return steps.Kind == Sequence && len(steps.Items) == 0
	}
	return !r.misspelt(n, "steps")
}

// list gives the items of a sequence; nil has none.
func (n *Node) list() []*Node {
	if n == nil {
		return nil
	}
	return n.Items
}

func (r *report) runsOn(n *Node) *RunsOn {
	on := &RunsOn{Pos: n.Pos}
	if n.Kind != Mapping {
		on.Labels = n
		return on
	}
	on.Group, on.Labels = n.Lookup("group"), n.Lookup("labels")
	r.checkGroup(on.Group)
	return on
}

// checkGroup checks the name of a runner group: plain, or with a prefix for
// who owns it (actions/runner: WorkflowTemplateConverter.cs).
func (r *report) checkGroup(n *Node) {
	if n == nil || n.HasExpression() {
		return
	}
	name := n.ScalarText()
	owner, group, prefixed := strings.Cut(name, "/")
	if !prefixed {
		return
	}
	message := fmt.Sprintf("Invalid runs-on group name '%s'.", name)
	switch owner {
	case "org", "organization", "ent", "enterprise":
		if group != "" && !strings.Contains(group, "/") {
			return
		}
		if group == "" {
			r.add(n.Pos, "runner-group", message, "")
			return
		}
	}
	r.add(n.Pos, "runner-group", message+" Please use 'organization/' or 'enterprise/' prefix to target a single runner group.", "")
}

// checkContainer refuses a container without an image; `container: ”` means
// that there is none (actions/runner: WorkflowTemplateConverter.cs).
func (r *report) checkContainer(n *Node, service bool) {
	if n.Expressions() || n.Kind == Sequence {
		return
	}
	image := n.ScalarText()
	if n.Kind == Mapping {
		image = n.Lookup("image").ScalarText()
	}
	bare, docker := strings.CutPrefix(image, "docker://")
	if bare == "" && (docker || service) {
		r.add(n.Pos, "container", "Container image cannot be empty", "set `image`")
	}
}

func (r *report) checkSnapshot(n *Node) {
	v := n.Lookup("version")
	if v == nil || v.HasExpression() {
		return
	}
	major, rest, _ := strings.Cut(v.ScalarText(), ".")
	if _, err := strconv.ParseUint(major, 10, 31); err != nil || rest != "*" {
		r.add(n.Pos, "snapshot", fmt.Sprintf("Expected format '{major-version}.*' Actual '%s'", v.ScalarText()), "")
	}
}

// checkCall checks the form of a reference to a reusable workflow.
func (r *report) checkCall(n *Node) {
	uses := n.ScalarText()
	if n.Kind != String || uses == "" || n.HasExpression() {
		return
	}
	if strings.HasPrefix(uses, "./") || strings.HasPrefix(uses, "$/") {
		if strings.Contains(uses, "@") {
			r.add(n.Pos, "uses", fmt.Sprintf("Invalid workflow reference '%s': a file of the same repository has no '@ref'", uses), "remove what follows the @")
		}
		return
	}
	path, ref, _ := strings.Cut(uses, "@")
	if ref == "" || len(strings.Split(path, "/")) < 3 {
		r.add(n.Pos, "uses", fmt.Sprintf("Invalid workflow reference '%s'", uses),
			"expected owner/repo/.github/workflows/file.yml@ref or ./.github/workflows/file.yml")
	}
}

func (r *report) strategy(n *Node) *Strategy {
	s := &Strategy{Pos: n.Pos}
	if n.Kind != Mapping {
		s.Expr = n
		return s
	}
	s.Matrix, s.FailFast, s.MaxParallel = n.Lookup("matrix"), n.Lookup("fail-fast"), n.Lookup("max-parallel")
	r.checkMatrix(s.Matrix)
	return s
}

// checkMatrix finds what is wrong in a matrix whatever the expressions in it
// give (actions/runner: WorkflowTemplateConverter.cs, MatrixBuilder.cs).
func (r *report) checkMatrix(n *Node) {
	if n == nil || n.Kind != Mapping {
		return
	}
	vectors := map[string]bool{}
	open, combinations := false, false
	for _, e := range n.Entries {
		switch {
		case e.Key.HasExpression():
			open = true
		case e.Key.Text == "include":
			combinations = combinations || e.Value.Expressions() || len(e.Value.Items) > 0
			for _, item := range e.Value.Items {
				if item.Kind == Mapping && len(item.Entries) == 0 {
					r.add(item.Pos, "matrix", "Matrix include mapping does not contain any values", "")
				}
			}
		case e.Key.Text == "exclude":
		default:
			vectors[strings.ToLower(e.Key.Text)] = true
			if e.Value.Kind == Sequence && len(e.Value.Items) == 0 {
				r.add(e.Value.Pos, "matrix", fmt.Sprintf("Matrix vector '%s' does not contain any values", e.Key.Text), "add a value or remove the key")
			}
		}
	}
	if len(vectors) == 0 && !open && !combinations {
		r.add(n.Pos, "matrix", "Matrix must define at least one vector", "add a key with a list of values, or `include`")
		return
	}
	if !open {
		r.checkExclude(n.Lookup("exclude"), vectors)
	}
}

func (r *report) checkExclude(n *Node, vectors map[string]bool) {
	for _, item := range n.list() {
		if item.Kind != Mapping {
			continue
		}
		if len(item.Entries) == 0 {
			r.add(item.Pos, "matrix", "Matrix exclude filter must not be empty", "")
		}
		for _, e := range item.Entries {
			if !e.Key.HasExpression() && !vectors[strings.ToLower(e.Key.Text)] {
				r.add(e.Key.Pos, "matrix", fmt.Sprintf("Matrix exclude key '%s' does not match any key within the matrix", e.Key.Text), "")
			}
		}
	}
}
