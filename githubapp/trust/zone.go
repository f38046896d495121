package trust

import "strings"

// Zone is a degree of trust.
type Zone string

// The zones, the least trusted first.
const (
	// Fork: the code comes from a fork, or from a repository that is gone.
	Fork Zone = "fork"
	// ForkTarget: our own code runs, because of something of a stranger that it may
	// look at: pull_request_target of a fork, workflow_run after such a run or a
	// fork's, an issue or a comment of somebody without ties to the repository.
	// It has a token and secrets, as on GitHub. If it checks out or executes what
	// the stranger gave, those are lost; but nothing stays for later runs.
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
	// Stranger: the words of somebody without ties to the repository take part, or
	// what a run of Fork or ForkTarget left.
	Stranger bool
	Ref      string // github.ref
	// Protected: GitHub protects the branch Ref.
	Protected bool
}

// Ties tells whether somebody has ties to a repository, by GitHub's word for it
// (author_association). A CONTRIBUTOR has not: one merged typo makes one.
func Ties(association string) bool {
	switch strings.ToUpper(association) {
	case "OWNER", "MEMBER", "COLLABORATOR":
		return true
	}
	return false
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
		if f.Fork || f.Stranger {
			return ForkTarget
		}
	case "schedule", "workflow_dispatch", "repository_dispatch":
		if !f.Fork && !f.Stranger {
			return Schedule
		}
	}
	switch {
	case f.Fork:
		return Fork
	case f.Stranger:
		return ForkTarget
	case f.Event == "merge_group":
		return PullRequest // it is still to be merged
	case strings.HasPrefix(f.Ref, "refs/tags/"), f.Protected && strings.HasPrefix(f.Ref, "refs/heads/"):
		return Protected
	}
	return Branch
}
