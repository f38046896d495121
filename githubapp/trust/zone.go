package trust

import "strings"

// Zone is a degree of trust.
type Zone string

// The zones, the least trusted first.
const (
	// Fork: the code comes from a fork, or from a repository that is gone.
	Fork Zone = "fork"
	// ForkTarget: our own code runs, because of something in a fork that it may
	// look at: pull_request_target, or workflow_run after a fork's run.
	ForkTarget Zone = "fork-target"
	// PullRequest: code of a branch of the repository that is not merged yet.
	PullRequest Zone = "pull-request"
	// Branch: a branch that is not protected, and whatever else happens on
	// GitHub: issues, comments, labels.
	Branch Zone = "branch"
	// Protected: a protected branch, or a tag.
	Protected Zone = "protected"
	// Schedule: a schedule, or a dispatch by somebody with write access.
	Schedule Zone = "schedule"
)

// Zones are all of them, the least trusted first.
func Zones() []Zone {
	return []Zone{Fork, ForkTarget, PullRequest, Branch, Protected, Schedule}
}

// Facts are what the zone of a run is decided by.
type Facts struct {
	Event string // of `on:`
	// Fork: code of another repository takes part, or nobody can tell whose it is.
	Fork bool
	Ref  string // github.ref
	// Protected: GitHub protects the branch Ref.
	Protected bool
}

// ZoneOf is the zone of a run.
func ZoneOf(f Facts) Zone {
	switch f.Event {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		if f.Fork {
			return Fork
		}
		return PullRequest
	case "pull_request_target", "workflow_run", "check_run", "check_suite", "status":
		if f.Fork {
			return ForkTarget
		}
	case "schedule", "workflow_dispatch", "repository_dispatch":
		if !f.Fork {
			return Schedule
		}
	}
	switch {
	case f.Fork:
		return Fork
	case f.Event == "merge_group":
		return PullRequest // it is still to be merged
	case strings.HasPrefix(f.Ref, "refs/tags/"), f.Protected && strings.HasPrefix(f.Ref, "refs/heads/"):
		return Protected
	}
	return Branch
}
