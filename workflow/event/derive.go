package event

import "strings"

// derive fills what depends on the event (GitHub's documentation: events that
// trigger workflows, GITHUB_SHA and GITHUB_REF). Most events happen to the
// default branch and its tip.
func (f *Facts) derive(p map[string]any) {
	e := &f.Event
	if !ownRef[e.Name] {
		f.setRef(f.DefaultBranch)
	}
	switch e.Name {
	case "push":
		f.push(p)
	case "pull_request", "pull_request_review", "pull_request_review_comment", "pull_request_target":
		f.pullRequest(p)
	case "merge_group":
		group := lookup(p, "merge_group")
		f.setRef(text(group, "head_ref"))
		f.SHA, f.Before, f.After = sha(text(group, "head_sha")), sha(text(group, "base_sha")), sha(text(group, "head_sha"))
		e.BaseRef = branch(text(group, "base_ref"))
	case "create":
		ref := text(p, "ref")
		if text(p, "ref_type") == "tag" && ref != "" {
			ref = "refs/tags/" + strings.TrimPrefix(ref, "refs/tags/")
		}
		f.setRef(ref)
	case "deployment", "deployment_status":
		f.deployment(p)
	case "release":
		f.release(p)
	case "registry_package":
		version := lookup(p, "registry_package", "package_version")
		f.setRef(text(version, "target_commitish"))
		if text(p, "registry_package", "ecosystem") != "docker" { // there it is the image's digest
			f.SHA = sha(text(version, "target_oid"))
		}
	case "workflow_dispatch":
		f.setRef(text(p, "ref"))
		f.inputs(p)
	case "repository_dispatch":
		f.setRef(text(p, "branch"))
	case "schedule":
		e.Schedule = text(p, "schedule")
	case "workflow_run":
		e.HeadBranch = text(p, "workflow_run", "head_branch")
		for _, name := range []string{text(p, "workflow", "name"), text(p, "workflow_run", "name"), text(p, "workflow", "path")} {
			if e.WorkflowName == "" {
				e.WorkflowName = name
			}
		}
	case "check_run":
		f.checks(lookup(p, "check_run", "check_suite", "app"), lookup(p, "check_run", "app"))
	case "check_suite":
		f.checks(lookup(p, "check_suite", "app"), nil)
	}
}

// ownRef are the events whose payload says on which ref they happen.
var ownRef = map[string]bool{
	"push": true, "pull_request": true, "pull_request_review": true, "pull_request_review_comment": true,
	"merge_group": true, "create": true, "deployment": true, "deployment_status": true, "release": true,
	"workflow_dispatch": true,
}

// setRef sets the ref unless the payload lacks it.
func (f *Facts) setRef(ref string) {
	if ref != "" {
		f.Ref = FullRef(ref)
	}
}

func (f *Facts) push(p map[string]any) {
	e := &f.Event
	f.setRef(text(p, "ref"))
	e.Ref = f.Ref
	f.SHA = sha(text(p, "after"))
	f.Before, f.After = sha(text(p, "before")), f.SHA
	f.Created = f.Before == "" && f.After != ""
	e.Message = text(p, "head_commit", "message")
	if commits, ok := lookup(p, "commits").([]any); ok {
		e.Commits = len(commits)
	}
	if text(p, "deleted") == "true" {
		e.Inert = "the push deletes the ref"
	}
}

func (f *Facts) pullRequest(p map[string]any) {
	e, pull := &f.Event, lookup(p, "pull_request")
	if f.Number = text(pull, "number"); f.Number == "" {
		f.Number = text(p, "number")
	}
	base := text(pull, "base", "ref")
	e.BaseRef = base
	f.Before, f.After, f.MergeBase = sha(text(pull, "base", "sha")), sha(text(pull, "head", "sha")), true
	if e.Name == "pull_request" || e.Name == "pull_request_target" {
		f.HeadRef, f.BaseRef = text(pull, "head", "ref"), base
	}
	if e.Name == "pull_request_target" {
		// The default branch, whatever the base is (GitHub's change of December
		// 2025); its tip is in the payload when it is the base.
		if base == f.DefaultBranch {
			f.SHA = f.Before
		}
		return
	}
	f.SHA = sha(text(pull, "merge_commit_sha"))
	switch {
	case e.Name == "pull_request" && e.Action == "closed" && text(pull, "merged") == "true" && base != "":
		f.Ref = "refs/heads/" + base
	case f.Number != "":
		f.Ref = "refs/pull/" + f.Number + "/merge"
	}
}

// deployment: a ref that is a commit is none. A payload does not say whether
// it is a branch or a tag: it is taken for a branch.
func (f *Facts) deployment(p map[string]any) {
	ref := text(p, "deployment", "ref")
	f.SHA = sha(text(p, "deployment", "sha"))
	f.NoRef = ref != "" && (ref == f.SHA || sha(ref) != "")
	if !f.NoRef {
		f.setRef(ref)
	}
	if f.Event.Name == "deployment_status" && text(p, "deployment_status", "state") == "inactive" {
		f.Event.Inert = "the deployment's state is inactive"
	}
}

func (f *Facts) release(p map[string]any) {
	e := &f.Event
	if tag := text(p, "release", "tag_name"); tag != "" {
		f.Ref = "refs/tags/" + tag
	}
	f.SHA = sha(text(p, "release", "target_commitish"))
	draft := text(p, "release", "draft") == "true"
	if draft && (e.Action == "created" || e.Action == "edited" || e.Action == "deleted") {
		e.Inert = "the release is a draft"
	}
}

// checks of GitHub Actions itself would start workflows in a circle.
func (f *Facts) checks(apps ...any) {
	for _, app := range apps {
		if text(app, "slug") == "github-actions" {
			f.Event.Inert = "the checks are those of GitHub Actions"
		}
	}
}

// inputs are texts; the form may also send booleans and numbers.
func (f *Facts) inputs(p map[string]any) {
	in, _ := lookup(p, "inputs").(map[string]any)
	for name := range in {
		if f.Inputs == nil {
			f.Inputs = map[string]string{}
		}
		f.Inputs[name] = text(in, name)
	}
}
