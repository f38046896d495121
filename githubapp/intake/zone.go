package intake

import (
	"encoding/json"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
)

// dependabot acts on what strangers publish. GitHub docs: troubleshooting
// Dependabot on GitHub Actions: its runs are treated as those of a fork
const dependabot = "dependabot[bot]"

// trusted gives a run its zone of trust, and says why it waits for approval.
func (i *Intake) trusted(c *cause, out *queue.Planned) {
	zone := trust.ZoneOf(trust.Facts{
		Event: c.name, Fork: c.fork || c.Sender.Login == dependabot, Stranger: c.tainted || stranger(c.name, c.raw),
		Ref: c.ref, Protected: c.protected,
	})
	out.Run.Zone = string(zone)
	if c.fork {
		out.Approval = i.o.Policy.Of(zone).NeedsApproval(c.pull.Author)
	}
}

// stranger tells whether an event is what somebody said or did who has no ties to
// the repository, or nobody can tell.
func stranger(name string, raw []byte) bool {
	type written struct {
		Association string `json:"author_association"`
	}
	var p struct{ Issue, Comment, Discussion written }
	switch name {
	case "fork", "watch", "gollum": // everybody may, in a public repository
		return true
	case "issues", "issue_comment", "discussion", "discussion_comment":
		_ = json.Unmarshal(raw, &p) // what cannot be read is a stranger's
	}
	switch name {
	case "issues":
		return !trust.Ties(p.Issue.Association)
	case "discussion":
		return !trust.Ties(p.Discussion.Association)
	case "issue_comment", "discussion_comment":
		return !trust.Ties(p.Comment.Association)
	}
	return false
}

// foreign tells whether code of a fork takes part in an event, or nobody can tell.
func foreign(name string, raw []byte, pull *pullPart, base store.RepositoryID) bool {
	if pull != nil {
		// No head repository: the fork was deleted.
		head, to := pull.Head.Repo, pull.Base.Repo
		return head == nil || to == nil || head.ID != to.ID || to.ID != base
	}
	switch name {
	case "workflow_run", "check_run", "check_suite", "status":
	default:
		return false // what it happens to is in the repository
	}
	type suite struct {
		Branch string `json:"head_branch"` // of a fork's commit there is none
	}
	var p struct {
		Run *struct {
			Head *struct{ ID store.RepositoryID } `json:"head_repository"`
		} `json:"workflow_run"`
		CheckRun struct {
			Suite suite `json:"check_suite"`
		} `json:"check_run"`
		Suite    suite `json:"check_suite"`
		Branches []json.RawMessage
	}
	err := json.Unmarshal(raw, &p)
	switch name {
	case "workflow_run":
		return err != nil || p.Run == nil || p.Run.Head == nil || p.Run.Head.ID != base
	case "check_run":
		return p.CheckRun.Suite.Branch == ""
	case "check_suite":
		return p.Suite.Branch == ""
	}
	return len(p.Branches) == 0 // status: on no branch of the repository
}
