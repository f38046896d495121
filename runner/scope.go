package runner

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// scope is what a list of steps sees: the steps of a job, or those of a
// composite action.
type scope struct {
	env    *vars
	paths  []string // PATH additions, the first goes first
	steps  *stepStates
	inputs expr.Value
	// artifacts are what the steps so far have declared (GITHUB_ARTIFACTS).
	artifacts []command.Subject
	// action is what the github context says of the action whose steps these
	// are; nil at the level of the job.
	action *actionScope
	// detached: the steps run beside the job's own loop.
	detached bool
	// prefix is the path of step ids that leads here: "" or "outer/".
	prefix string
	// own is the env of the steps that lead here; posts get it again.
	own []Var
}

// actionScope is the composite action that owns a scope.
type actionScope struct {
	step            string // id of the job's own step that leads here: github.action
	dir             string // in the place
	repository, ref string
	depth           int
	status          plan.Conclusion // of the steps so far: github.action_status
	decided         func()          // that of the step that uses the action
}

// clone copies what a background step must not share.
func (s *scope) clone() *scope {
	c := *s
	c.detached = true
	c.env, c.steps = s.env.clone(), s.steps.clone()
	c.paths = append([]string(nil), s.paths...)
	if s.action != nil {
		a := *s.action
		c.action = &a
	}
	return &c
}

// status is job.status: cancelled wins.
func (x *execution) status() plan.Conclusion {
	if x.isCancelled() {
		return plan.Cancelled
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.jobStatus
}

func (x *execution) fail() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.jobStatus = plan.Failure
}

// githubFields are what the github context has beyond the job's own fields
// while one step runs.
type githubFields struct {
	action, actionPath, actionRepository, actionRef, actionStatus string
	files                                                         map[string]string // of fileKinds, and artifacts_list
}

// exprScope is what expressions of a step see.
func (x *execution) exprScope(ctx context.Context, sc *scope, env *vars, gh githubFields, secrets bool) expr.Scope {
	contexts := make(map[string]expr.Value, 12)
	for name, v := range x.job.Leg.Contexts {
		contexts[name] = v
	}
	contexts["github"] = x.githubContext(gh)
	contexts["env"] = env.value()
	contexts["job"] = x.jobContext()
	contexts["runner"] = x.runnerContext
	contexts["steps"] = sc.steps.value()
	if secrets {
		contexts["secrets"] = x.secretsNow()
	}
	if sc.action != nil {
		// A composite action sees its own inputs and none of the job's
		// secrets, needs and vars.
		contexts["inputs"] = sc.inputs
		for _, name := range []string{"secrets", "needs", "vars"} {
			delete(contexts, name)
		}
	}
	return expr.Scope{Contexts: contexts, Functions: x.functions(ctx, sc)}
}

// functions are the ones that depend on where the job stands.
func (x *execution) functions(ctx context.Context, sc *scope) map[string]expr.Func {
	// Within a composite action its own steps count alone, so that one under
	// always() runs whole in a cancelled job (actions/runner: SuccessFunction.cs).
	stepStatus := func() plan.Conclusion {
		if sc != nil && sc.action != nil {
			return sc.action.status
		}
		return x.status()
	}
	is := func(f func() bool) expr.Func {
		return expr.Func{Call: func([]expr.Value) (expr.Value, error) { return expr.Bool(f()), nil }}
	}
	return map[string]expr.Func{
		"always":    is(func() bool { return true }),
		"success":   is(func() bool { return stepStatus() == plan.Success }),
		"failure":   is(func() bool { return stepStatus() == plan.Failure }),
		"cancelled": is(func() bool { return x.status() == plan.Cancelled }),
		"hashfiles": {Min: 1, Max: 255, Call: func(args []expr.Value) (expr.Value, error) {
			return x.hashFiles(ctx, sc, args)
		}},
	}
}

func (x *execution) hashFiles(ctx context.Context, sc *scope, args []expr.Value) (expr.Value, error) {
	q := executor.HashQuery{Workspace: x.workspace}
	for i, a := range args {
		s := a.Text()
		if i == 0 && strings.EqualFold(s, "--follow-symbolic-links") {
			q.FollowSymlinks = true
			continue
		}
		q.Patterns = append(q.Patterns, s)
	}
	if x.env == nil {
		return expr.Value{}, fmt.Errorf("hashFiles: the job has no place yet")
	}
	h, err := factOf(x, sc, "hashFiles", strings.Join(q.Patterns, ", "), func() (string, error) { return x.env.HashFiles(ctx, q) })
	if err != nil {
		return expr.Value{}, fmt.Errorf("hashFiles(%s): %w", strings.Join(q.Patterns, ", "), err)
	}
	return expr.String(h), nil
}

// githubContext is the base of the job with the fields of one step.
func (x *execution) githubContext(gh githubFields) expr.Value {
	v := x.githubNow().
		With("action_repository", expr.String(gh.actionRepository)).
		With("action_ref", expr.String(gh.actionRef))
	// Hooks have no action, and only composite actions have a path and a status.
	for _, f := range []struct{ key, value string }{
		{"action", gh.action}, {"action_path", gh.actionPath}, {"action_status", gh.actionStatus},
	} {
		if f.value != "" {
			v = v.With(f.key, expr.String(f.value))
		}
	}
	for _, k := range append(fileKinds[:len(fileKinds):len(fileKinds)], artifactsList) {
		if p := gh.files[k]; p != "" {
			v = v.With(k, expr.String(p))
		}
	}
	return v
}

func (x *execution) jobContext() expr.Value {
	b := expr.NewObject(false).Set("status", expr.String(string(x.status())))
	if c := x.info.Container; c != nil && x.spec.Kind == executor.Container {
		b.Set("container", expr.NewObject(false).
			Set("id", expr.String(c.ID)).
			Set("network", expr.String(c.Network)).
			Value())
	}
	services := expr.NewObject(false)
	for _, s := range x.spec.Services {
		info, ok := x.info.Services[s.ID]
		if !ok {
			continue
		}
		services.Set(s.ID, expr.NewObject(false).
			Set("id", expr.String(info.ID)).
			Set("network", expr.String(info.Network)).
			Set("ports", expr.StringMap(info.Ports, true)).
			Value())
	}
	b.Set("services", services.Value())
	src := x.job.Leg.Source
	gh := x.job.Leg.Contexts["github"]
	text := func(v, key string) string {
		if v != "" {
			return v
		}
		f, _ := gh.Lookup(key)
		return f.Text()
	}
	repository := text(src.Repository, "repository")
	b.Set("workflow_repository", expr.String(repository))
	b.Set("workflow_file_path", expr.String(src.Path))
	b.Set("workflow_sha", expr.String(text(src.SHA, "workflow_sha")))
	b.Set("workflow_ref", expr.String(repository+"/"+src.Path+"@"+text(src.Ref, "ref")))
	return b.Value()
}

// runnerOS and runnerArch are GitHub's names.
func runnerOS(goos string) string {
	switch goos {
	case "darwin":
		return "macOS"
	case "windows":
		return "Windows"
	}
	return "Linux"
}

func runnerArch(goarch string) string {
	switch goarch {
	case "386":
		return "X86"
	case "arm":
		return "ARM"
	case "arm64":
		return "ARM64"
	}
	return "X64"
}

// hostArch is used when a place does not say what it is.
const hostArch = runtime.GOARCH
