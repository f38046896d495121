package service

import (
	"fmt"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service/oidc"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// copied are the claims that are fields of the github context; all are texts,
// as on GitHub.
var copied = []string{
	"ref", "ref_type", "ref_protected", "sha", "repository", "repository_owner", "repository_id", "repository_owner_id",
	"repository_visibility", "run_id", "run_number", "run_attempt", "actor", "actor_id", "workflow", "workflow_ref",
	"workflow_sha", "event_name", "head_ref", "base_ref",
}

// claims are what the job's identity token says of it.
func claims(job *runner.Job, scope expr.Scope) (map[string]any, error) {
	gh := job.Leg.Contexts["github"]
	c := map[string]any{"runner_environment": "self-hosted"}
	for _, name := range copied {
		c[name] = field(gh, name)
	}
	c["job_workflow_ref"], c["job_workflow_sha"] = definedBy(job)
	environment, err := environment(job, scope)
	if err != nil {
		return nil, err
	}
	if environment != "" {
		c["environment"] = environment
	}
	c["sub"] = oidc.Subject(field(gh, "repository"), field(gh, "event_name"), environment, field(gh, "ref"))
	return c, nil
}

// definedBy is the file that the job stands in, which may be a called workflow.
func definedBy(job *runner.Job) (ref, sha string) {
	gh, source := job.Leg.Contexts["github"], job.Leg.Source
	repository, at, sha := source.Repository, source.Ref, source.SHA
	if repository == "" {
		repository, at, sha = field(gh, "repository"), field(gh, "ref"), field(gh, "workflow_sha")
	}
	return repository + "/" + source.Path + "@" + at, sha
}

// environment is the name of the job's environment; "" if it has none.
func environment(job *runner.Job, scope expr.Scope) (string, error) {
	v, err := template.Eval(job.Leg.Job.Environment, scope)
	if err != nil {
		return "", fmt.Errorf("the environment of job %q: %w", job.Leg.Name, err)
	}
	if v.Kind() == expr.KindObject {
		v, _ = v.Lookup("name")
	}
	if v.Kind() == expr.KindArray || v.Kind() == expr.KindObject {
		return "", fmt.Errorf("the environment of job %q is no name", job.Leg.Name)
	}
	return v.Text(), nil
}
