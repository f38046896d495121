package local

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// derive fills what GitHub derives from the payload: package event says what,
// the repository what a payload of a user's own lacks. A commit that the payload
// does not name is the one that is checked out.
func (m *maker) derive(e *Event) error {
	f, err := event.Payload(e.Name, []byte(e.Payload.JSON(false)))
	if err != nil {
		return err
	}
	pull := strings.HasPrefix(e.Name, "pull_request")
	if f.Ref == "" && !f.NoRef {
		switch {
		case pull && e.Name != "pull_request_target":
			f.Ref = fmt.Sprintf("refs/pull/%d/merge", m.o.Number)
		default:
			f.Ref = m.ref()
		}
	}
	if e.Name == "push" {
		f.Event.Ref = f.Ref
	}
	e.Facts = f
	e.Ref, e.HeadRef, e.BaseRef = m.tagged(f.Ref), f.HeadRef, f.BaseRef
	e.Actor, e.Repository = m.actor, m.repo.FullName()
	if f.Actor != "" && m.o.Actor == "" {
		e.Actor = f.Actor
	}
	if _, _, ok := cutFullName(f.Repository); ok {
		e.Repository = f.Repository
	}
	e.SHA = m.repo.SHA
	switch {
	case f.SHA != "":
		e.SHA = f.SHA
	case e.Name == "pull_request_target":
		if tip := m.repo.branchTip(f.DefaultBranch); tip != "" {
			e.SHA = tip
		}
	case pull && f.After != "": // GitHub has not merged it yet
		e.SHA = f.After
	}
	if m.o.Payload != nil || e.Name != "push" { // a push that was made up says more than its payload
		m.compared(e)
	}
	return nil
}

// compared are the commits that the path filters look at.
func (m *maker) compared(e *Event) {
	f := e.Facts
	if e.Base, e.Head = f.Before, f.After; e.Head == "" {
		e.Head = e.SHA
	}
	if f.MergeBase {
		e.Compare = MergeBase
		if f.After == "" {
			e.Head = m.repo.SHA
		}
		if e.Base == "" {
			e.Base = m.repo.branchTip(f.Event.BaseRef)
		}
	}
	if e.Base == "" {
		e.Base = NoSHA
	}
}

// tagged corrects the ref of a payload that does not say whether it names a
// branch or a tag.
func (m *maker) tagged(ref string) string {
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	if ok && (m.name == "deployment" || m.name == "deployment_status" || m.name == "registry_package") &&
		m.repo.branchTip(name) == "" && slices.Contains(m.repo.Tags, name) {
		return "refs/tags/" + name
	}
	return ref
}

// ref is what HEAD is on: a branch, else a tag, else a branch of the remote
// that is there too, else the default branch.
func (m *maker) ref() string {
	if m.o.Ref != "" {
		return event.FullRef(m.o.Ref)
	}
	if m.repo.Branch == "" && len(m.repo.Tags) > 0 {
		return "refs/tags/" + m.repo.Tags[0]
	}
	return "refs/heads/" + m.repo.currentBranch()
}

// currentBranch is the branch that HEAD is on, else one of the remote that
// points at the same commit, else the default branch.
func (r *Repo) currentBranch() string {
	if r.Branch != "" {
		return r.Branch
	}
	found := ""
	for name, sha := range r.remotes {
		branch, ok := strings.CutPrefix(name, r.Remote+"/")
		if !ok || sha != r.SHA {
			continue
		}
		if branch == r.DefaultBranch {
			return branch
		}
		if found == "" || branch < found {
			found = branch
		}
	}
	if found == "" {
		return r.DefaultBranch
	}
	return found
}

func orNoSHA(sha string) string {
	if sha == "" {
		return NoSHA
	}
	return sha
}

// cutFullName splits owner/name.
func cutFullName(full string) (owner, name string, ok bool) {
	owner, name, ok = strings.Cut(full, "/")
	return owner, name, ok && owner != "" && name != "" && !strings.Contains(name, "/")
}

// field follows keys into an object; what is absent is null.
func field(v expr.Value, keys ...string) expr.Value {
	for _, key := range keys {
		v, _ = v.Lookup(key)
	}
	return v
}
