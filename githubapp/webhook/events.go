package webhook

import "slices"

// Events are those that mean something to the server: they start workflows, tell
// of installations, or are buttons that were pressed. Others are stored as ignored.
// GitHub docs: actions/reference/workflows-and-actions/events-that-trigger-workflows
func Events() []string { return slices.Clone(events) }

var events = []string{
	"branch_protection_rule", "check_run", "check_suite", "create", "delete", "deployment", "deployment_status",
	"discussion", "discussion_comment", "fork", "gollum", "image_version", "issue_comment", "issues", "label", "merge_group",
	"milestone", "page_build", "public", "pull_request", "pull_request_review", "pull_request_review_comment",
	"push", "registry_package", "release", "repository_dispatch", "status", "watch",
	"workflow_dispatch", "workflow_run",

	"deployment_protection_rule", "github_app_authorization", "installation", "installation_repositories", "installation_target",
	"member", "membership", "organization", "repository", "team", "team_add",
}
