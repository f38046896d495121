package local

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// EventOptions say what git does not know. The zero value is fine.
type EventOptions struct {
	// Payload is the event as JSON (-e FILE); then nothing is made up but what
	// its repository lacks. File is its name, for messages.
	Payload []byte
	File    string

	Actor    string            // login; else made from git's user
	Action   string            // activity type, "opened"; else the event's first
	Ref      string            // refs/heads/x, or a branch; else what HEAD is on
	Base     string            // branch that a pull request goes to; else the default one
	Number   int               // of the pull request or issue; else 1
	Inputs   map[string]string // of workflow_dispatch
	Workflow string            // path of the workflow file, of workflow_dispatch and schedule
	Cron     string            // of schedule
	Public   bool              // the repository is said to be public; else private
	Now      time.Time         // else the time of the call
}

// Event is an event with what GitHub derives from it.
type Event struct {
	Name    string     // github.event_name
	Payload expr.Value // github.event

	Ref              string // "" for a deployment of a bare commit
	SHA              string
	HeadRef, BaseRef string // of pull_request and pull_request_target
	Actor            string
	Repository       string // owner/name
	Public           bool

	// Base and Head are the commits whose difference the path filters look
	// at; Base is NoSHA when there is none.
	Base, Head string
	Compare    Compare

	// Facts are what the payload itself says, and what Match needs: not the
	// changed files and not a pull request's message.
	Facts event.Facts
}

// ChangedFiles lists the files that path filters look at.
func (e *Event) ChangedFiles(ctx context.Context, r *Repo) ([]string, error) {
	return ChangedFiles(ctx, r, e.Base, e.Head, e.Compare)
}

// BuildEvent makes the event that GitHub would have sent for what is checked
// out. A push is the one that would bring HEAD to the remote, or the last
// commit when the remote has it. A pull request goes from the branch at hand
// to the default branch. GitHub's merge commit cannot exist here: sha and
// merge_commit_sha are HEAD. Ids are made from names and stay the same.
//
// workflow_call is no event of its own on GitHub: it gives a push.
func BuildEvent(ctx context.Context, r *Repo, name string, o EventOptions) (*Event, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Number == 0 {
		o.Number = 1
	}
	if name == "workflow_call" {
		name = "push"
	}
	m := maker{repo: r, o: o, name: name, actor: o.Actor}
	if m.actor == "" {
		m.actor = login(r.UserName, r.UserEmail)
	}
	e := &Event{Name: name, Public: o.Public, Base: NoSHA, Head: r.SHA, Compare: Direct}
	var err error
	if o.Payload != nil {
		e.Payload, err = m.fromFile()
	} else {
		e.Payload, err = m.make(ctx, e)
	}
	if err != nil {
		return nil, fmt.Errorf("make the event %q: %w", name, err)
	}
	if err := m.derive(e); err != nil {
		return nil, err
	}
	return e, nil
}

// maker makes one payload.
type maker struct {
	repo  *Repo
	o     EventOptions
	name  string
	actor string
}

func (m *maker) make(ctx context.Context, e *Event) (expr.Value, error) {
	b := expr.NewObject(false)
	switch m.name {
	case "push":
		return m.push(ctx, e)
	case "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment":
		return m.pullRequest(ctx, e)
	case "workflow_dispatch":
		inputs := expr.Value{}
		if len(m.o.Inputs) > 0 {
			inputs = expr.StringMap(m.o.Inputs, false)
		}
		b.Set("inputs", inputs).Set("ref", expr.String(m.ref()))
		m.common(b)
		return b.Set("workflow", expr.String(m.o.Workflow)).Value(), nil
	case "schedule":
		b.Set("schedule", expr.String(m.o.Cron))
		m.common(b)
		return b.Set("workflow", expr.String(m.o.Workflow)).Value(), nil
	case "create", "delete":
		kind, short := event.SplitRef(m.ref())
		b.Set("ref", expr.String(short)).Set("ref_type", expr.String(kind))
		if m.name == "create" {
			b.Set("master_branch", expr.String(m.repo.DefaultBranch)).Set("description", expr.Value{})
		}
		b.Set("pusher_type", expr.String("user"))
	case "merge_group":
		base := m.repo.DefaultBranch
		b.Set("action", expr.String(m.action())).Set("merge_group", expr.NewObject(false).
			Set("head_sha", expr.String(m.repo.SHA)).
			Set("head_ref", expr.String(fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", base, m.o.Number, m.repo.SHA))).
			Set("base_sha", expr.String(orNoSHA(m.repo.branchTip(base)))).
			Set("base_ref", expr.String("refs/heads/"+base)).Value())
	case "release":
		tag := "v0.0.0"
		if len(m.repo.Tags) > 0 {
			tag = m.repo.Tags[0]
		}
		if kind, short := event.SplitRef(m.o.Ref); kind == "tag" {
			tag = short
		}
		b.Set("action", expr.String(m.action())).Set("release", expr.NewObject(false).
			Set("id", number(id("release/"+tag))).
			Set("tag_name", expr.String(tag)).
			Set("target_commitish", expr.String(m.repo.DefaultBranch)).
			Set("name", expr.String(tag)).
			Set("body", expr.String("")).
			Set("draft", expr.Bool(false)).
			Set("prerelease", expr.Bool(false)).
			Set("html_url", expr.String(m.home()+"/releases/tag/"+tag)).
			Set("author", m.user(m.actor)).
			Set("assets", expr.Array()).Value())
	case "repository_dispatch":
		b.Set("action", expr.String(m.action())).Set("branch", expr.String(m.repo.DefaultBranch)).
			Set("client_payload", expr.NewObject(false).Value())
	default:
		if action := m.action(); action != "" {
			b.Set("action", expr.String(action))
		}
	}
	m.common(b)
	return b.Value(), nil
}

// common ends nearly every payload.
func (m *maker) common(b *expr.ObjectBuilder) {
	b.Set("repository", m.repository(m.repo.Owner, m.repo.Name)).Set("sender", m.user(m.actor))
}

// firstActions are the activity types that a made-up event has.
var firstActions = map[string]string{
	"branch_protection_rule": "created", "check_run": "completed", "check_suite": "completed",
	"deployment": "created", "deployment_status": "created", "discussion": "created", "discussion_comment": "created",
	"issue_comment": "created", "issues": "opened", "label": "created", "merge_group": "checks_requested",
	"milestone": "created", "pull_request": "opened", "pull_request_review": "submitted",
	"pull_request_review_comment": "created", "pull_request_target": "opened", "registry_package": "published",
	"release": "published", "repository_dispatch": "drydock", "watch": "started", "workflow_run": "completed",
}

func (m *maker) action() string {
	if m.o.Action != "" {
		return m.o.Action
	}
	return firstActions[m.name]
}

// fromFile reads a payload that the user gave. One of GitHub's stays as it is.
// What the repository of a handwritten one lacks is filled in, since actions rely
// on default_branch and the like (dorny/paths-filter).
func (m *maker) fromFile() (expr.Value, error) {
	v, err := expr.DecodeJSON(bytes.TrimPrefix(m.o.Payload, []byte("\xef\xbb\xbf")))
	if err != nil {
		return v, fmt.Errorf("read %q: %w", m.o.File, err)
	}
	if v.Kind() != expr.KindObject {
		return v, fmt.Errorf("read %q: it must hold a JSON object, not %s: give the payload of the event, {} for an empty one", m.o.File, v.Kind())
	}
	given := field(v, "repository")
	owner, name := m.repo.Owner, m.repo.Name
	o, n, ok := cutFullName(field(given, "full_name").Text())
	if ok {
		owner, name = o, n
	}
	if ok && field(given, "default_branch").Text() != "" && field(given, "node_id").Text() != "" {
		return v, nil
	}
	return v.With("repository", completed(given, m.repository(owner, name))), nil
}

// completed adds to an object what it lacks; anything else is replaced.
func completed(given, whole expr.Value) expr.Value {
	if given.Kind() != expr.KindObject {
		return whole
	}
	for i, key := range whole.Keys() {
		own, ok := given.Lookup(key)
		switch {
		case !ok:
			given = given.With(key, whole.Items()[i])
		case own.Kind() == expr.KindObject && whole.Items()[i].Kind() == expr.KindObject:
			given = given.With(key, completed(own, whole.Items()[i]))
		}
	}
	return given
}
