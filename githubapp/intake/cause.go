package intake

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// head is what most payloads have.
type head struct {
	Action       string
	Installation struct{ ID int64 }
	Repository   repositoryPart
	Sender       account
	Workflow     json.RawMessage // of workflow_dispatch and schedule: a path; else an object
}

type account struct {
	ID    int64
	Login string
	Type  string
}

func (a account) actor() store.Actor { return store.Actor{ID: a.ID, Login: a.Login} }

type repositoryPart struct {
	ID                          store.RepositoryID
	Name                        string
	FullName                    string `json:"full_name"`
	Owner                       account
	DefaultBranch               string `json:"default_branch"`
	Private, Archived, Disabled bool
}

func (h head) ref() repository.Ref {
	return repository.Ref{Installation: h.Installation.ID, ID: h.Repository.ID, Owner: h.Repository.Owner.Login, Name: h.Repository.Name}
}

// readHead reads fields one by one: a wrong type of one leaves the others.
func readHead(raw []byte) (head, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(raw, &top); err != nil {
		return head{}, fmt.Errorf("the payload is no JSON object: %w", err)
	}
	var h head
	h.Workflow = top["workflow"]
	for key, into := range map[string]any{"action": &h.Action, "installation": &h.Installation, "repository": &h.Repository, "sender": &h.Sender} {
		if part, ok := top[key]; ok {
			_ = json.Unmarshal(part, into) // stays empty, as in event.Payload
		}
	}
	return h, nil
}

// cause is one event of `on:` that happened.
type cause struct {
	head
	delivery store.DeliveryID // "" for a dispatch by hand
	name     string           // github.event_name
	raw      []byte
	payload  expr.Value // github.event
	facts    event.Facts
	repo     repository.Ref
	only     string // path of the one workflow that is meant; "": all
	origin   string // what makes it the same cause when it is told again
	fork     bool   // code of a fork, or of somebody unknown, takes part
	tainted  bool   // it tells of a run that had to do with a stranger
	unheard  bool   // its webhook was lost: what a new branch came with is not known

	protected bool // the ref is a protected branch

	sha     string // GITHUB_SHA
	files   string // commit that the workflow files are read at
	headSHA string // that check runs and approvals belong to
	ref     string // GITHUB_REF

	pull    pullPart
	commits []pushedCommit
	all     []parsed // the workflow files, once they are read
	level   int      // of workflow_run, from 1
	tries   int      // of the delivery
}

type pullPart struct {
	Number   int
	Title    string
	Merged   bool
	MergeSHA string `json:"merge_commit_sha"`
	Author   string `json:"author_association"`
	User     account
	Head     branchPart
	Base     branchPart
}

type branchPart struct {
	Ref, SHA string
	Repo     *struct {
		ID store.RepositoryID
	}
}

// pushedCommit is one commit of a push.
type pushedCommit struct {
	ID                       string
	Added, Removed, Modified []string
}

// newCause reads a payload for one event.
func newCause(name string, d store.Delivery, h head) (*cause, error) {
	c := &cause{head: h, delivery: d.ID, name: name, raw: d.Body, repo: h.ref(), tries: d.Attempts}
	var err error
	if c.facts, err = event.Payload(name, d.Body); err != nil {
		return nil, err
	}
	if c.payload, err = expr.DecodeJSON(d.Body); err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	var more struct {
		Pull       *pullPart `json:"pull_request"`
		HeadCommit struct{ ID string }
		Commits    []pushedCommit
	}
	if name == "push" || strings.HasPrefix(name, "pull_request") {
		_ = json.Unmarshal(d.Body, &more) // what has another type is not there
	}
	c.commits, c.ref = more.Commits, c.facts.Ref
	if more.Pull != nil {
		c.pull = *more.Pull
	}
	c.fork = foreign(name, d.Body, more.Pull, h.Repository.ID)
	if name == "workflow_dispatch" || name == "schedule" {
		_ = json.Unmarshal(h.Workflow, &c.only)
	}
	c.tainted, c.unheard = d.Headers[taint] != "", d.Headers[source] == fromRepair
	c.origin = originOf(c)
	return c, nil
}

// originOf names the cause. A push and what a pull request went through can be
// told by the reconciler, too, so GitHub's facts make the name; all else is told
// by its delivery alone.
func originOf(c *cause) string {
	place := fmt.Sprintf("%d/%s", c.repo.ID, c.name)
	switch {
	case c.name == "push" && c.facts.After != "":
		return fmt.Sprintf("%s/%s/%s..%s", place, c.facts.Ref, c.facts.Before, c.facts.After)
	case c.pull.Number != 0 && (c.name == "pull_request" || c.name == "pull_request_target") && (c.Action == "opened" || c.Action == "synchronize"):
		return fmt.Sprintf("%s/%d/%s/%s..%s", place, c.pull.Number, c.Action, fieldText(c.payload, "before"), c.pull.Head.SHA)
	}
	return place + "/" + string(c.delivery)
}

// field follows keys; what is not there is null.
func field(v expr.Value, keys ...string) expr.Value {
	for _, key := range keys {
		next, ok := v.Lookup(key)
		if !ok {
			return expr.Value{}
		}
		v = next
	}
	return v
}

// fieldText is the text of a string or number, else "".
func fieldText(v expr.Value, keys ...string) string {
	if v = field(v, keys...); v.Kind() == expr.KindString || v.Kind() == expr.KindNumber {
		return v.Text()
	}
	return ""
}
