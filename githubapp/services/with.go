package services

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

const (
	// File is where services are declared, and the path of their workflow. No
	// workflow of a repository can have it.
	File = declaration.FileName
	// WorkflowName is what people see of it.
	WorkflowName = "Services"
	// Executor is the place of its jobs.
	Executor = "services"

	uses = "drydock/service@v1" // the one step of a job; there is no such action
)

// JobID is the id of a service's job. Names of services are DNS labels; an id begins
// with a letter or _.
func JobID(service string) plan.LegID {
	if service != "" && service[0] >= '0' && service[0] <= '9' {
		return plan.LegID("_" + service)
	}
	return plan.LegID(service)
}

// With is what the job of a service is told, as the `with` of its step.
type With struct {
	Service  string
	Decision affected.Verdict
	Reason   string   // which file, through which rule
	Problem  string   // why building it will fail; "": nothing is known
	Needs    []string // services that it is made from, also those that are not in the run

	Base string // commit that was compared with; "": none
	Head string // commit that is built: of a pull request its merge commit
	// Ref is what was pushed or dispatched, refs/heads/main or refs/tags/v1, and of
	// a pull request refs/pull/1/merge.
	Ref         string
	PullRequest int    // 0: none
	Publish     string // "true" or "false" by who started it by hand, else ""
}

// Build tells whether the service is to be built.
func (w With) Build() bool { return w.Decision == affected.Build }

// Wants is what the job needs of the mirror: the commit, and the tag that was
// pushed, since versions come of it.
func (w With) Wants() []string {
	if strings.HasPrefix(w.Ref, "refs/tags/") {
		return []string{w.Head, w.Ref}
	}
	return []string{w.Head}
}

// pairs are the entries of `with`.
func (w With) pairs() ([][2]string, error) {
	needs, err := json.Marshal(append([]string{}, w.Needs...))
	if err != nil {
		return nil, err
	}
	return [][2]string{
		{"service", w.Service}, {"decision", string(w.Decision)}, {"reason", w.Reason}, {"problem", w.Problem}, {"needs", string(needs)},
		{"base", w.Base}, {"head", w.Head}, {"ref", w.Ref}, {"pull-request", strconv.Itoa(w.PullRequest)}, {"publish", w.Publish},
	}, nil
}

// ReadWith reads what a job is told.
func ReadWith(job *runner.Job) (With, error) {
	doing := fmt.Sprintf("read the job of service %q", job.ID())
	if job.Leg.Job == nil || len(job.Leg.Job.Steps) != 1 || job.Leg.Job.Steps[0].Uses != uses {
		return With{}, fmt.Errorf("%s: it has no step that uses %s", doing, uses)
	}
	pairs, err := template.StringMap(job.Leg.Job.Steps[0].With, expr.Scope{}, false)
	if err != nil {
		return With{}, fmt.Errorf("%s: %w", doing, err)
	}
	texts := map[string]string{}
	for _, p := range pairs {
		texts[p.Name] = p.Value
	}
	w := With{
		Service: texts["service"], Decision: affected.Verdict(texts["decision"]), Reason: texts["reason"], Problem: texts["problem"],
		Base: texts["base"], Head: texts["head"], Ref: texts["ref"], Publish: texts["publish"],
	}
	if err := json.Unmarshal([]byte(texts["needs"]), &w.Needs); err != nil {
		return With{}, fmt.Errorf("%s: needs %q: %w", doing, texts["needs"], err)
	}
	if w.PullRequest, err = strconv.Atoi(texts["pull-request"]); err != nil {
		return With{}, fmt.Errorf("%s: %w", doing, err)
	}
	if w.Service == "" || w.Head == "" || w.Decision != affected.Build && w.Decision != affected.Skip {
		return With{}, fmt.Errorf("%s: it lacks its service, decision or commit", doing)
	}
	return w, nil
}
