package local

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// derive fills what GitHub derives from the payload, which a user may have
// written and may be incomplete (GitHub's documentation of the events, GITHUB_REF
// and GITHUB_SHA). Events of the default branch have its ref, but the commit
// that is checked out.
func (m *maker) derive(e *Event) {
	p := e.Payload
	e.SHA, e.Ref = m.repo.SHA, "refs/heads/"+m.defaultBranch(p)
	e.Actor, e.Repository = m.actor, m.repo.FullName()
	if sender := field(p, "sender", "login").Text(); sender != "" && m.o.Actor == "" {
		e.Actor = sender
	}
	if full := field(p, "repository", "full_name").Text(); full != "" {
		if _, _, ok := cutFullName(full); ok {
			e.Repository = full
		}
	}
	switch e.Name {
	case "push":
		m.derivePush(e)
	case "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment":
		m.derivePullRequest(e)
	case "workflow_dispatch", "deployment", "deployment_status":
		ref := field(p, "ref").Text()
		if e.Name != "workflow_dispatch" {
			ref = field(p, "deployment", "ref").Text()
			e.SHA = firstSHA(field(p, "deployment", "sha").Text(), e.SHA)
		}
		if ref == "" {
			ref = m.ref()
		}
		e.Ref = fullRef(ref)
	case "release":
		if tag := field(p, "release", "tag_name").Text(); tag != "" {
			e.Ref = "refs/tags/" + tag
		}
	case "create":
		if ref := field(p, "ref").Text(); ref != "" && field(p, "ref_type").Text() == "tag" {
			e.Ref = "refs/tags/" + strings.TrimPrefix(ref, "refs/tags/")
		} else if ref != "" {
			e.Ref = fullRef(ref)
		}
	case "merge_group":
		if ref := field(p, "merge_group", "head_ref").Text(); ref != "" {
			e.Ref = fullRef(ref)
		}
		e.SHA = firstSHA(field(p, "merge_group", "head_sha").Text(), e.SHA)
		e.Base, e.Head, e.Compare = firstSHA(field(p, "merge_group", "base_sha").Text(), NoSHA), e.SHA, MergeBase
	}
	if m.o.Ref != "" && !strings.HasPrefix(e.Ref, "refs/pull/") {
		e.Ref = fullRef(m.o.Ref)
	}
}

func (m *maker) derivePush(e *Event) {
	p := e.Payload
	e.Ref = m.ref()
	if ref := field(p, "ref").Text(); ref != "" {
		e.Ref = fullRef(ref)
	}
	e.SHA = firstSHA(field(p, "after").Text(), e.SHA)
	if m.o.Payload != nil {
		e.Base, e.Head = firstSHA(field(p, "before").Text(), NoSHA), e.SHA
	}
}

func (m *maker) derivePullRequest(e *Event) {
	p := field(e.Payload, "pull_request")
	n := field(p, "number").Text()
	if n == "" {
		n = field(e.Payload, "number").Text()
	}
	if n == "" {
		n = fmt.Sprint(m.o.Number)
	}
	e.HeadRef, e.BaseRef = field(p, "head", "ref").Text(), field(p, "base", "ref").Text()
	head := firstSHA(field(p, "head", "sha").Text(), m.repo.SHA)
	base := firstSHA(field(p, "base", "sha").Text(), "")
	if base == "" && e.BaseRef != "" {
		base = m.repo.branchTip(e.BaseRef)
	}
	e.Ref = "refs/pull/" + n + "/merge"
	e.SHA = firstSHA(field(p, "merge_commit_sha").Text(), head)
	e.Base, e.Head, e.Compare = orNoSHA(base), head, MergeBase
	if e.Name == "pull_request_target" {
		e.Ref = "refs/heads/" + m.defaultBranch(e.Payload)
		if e.BaseRef != "" {
			e.Ref = "refs/heads/" + e.BaseRef
		}
		if base != "" {
			e.SHA = base
		}
	}
}

// defaultBranch is the payload's, else the repository's.
func (m *maker) defaultBranch(p expr.Value) string {
	if branch := field(p, "repository", "default_branch").Text(); branch != "" {
		return branch
	}
	return m.repo.DefaultBranch
}

// ref is what HEAD is on: a branch, else a tag, else a branch of the remote
// that is there too, else the default branch.
func (m *maker) ref() string {
	if m.o.Ref != "" {
		return fullRef(m.o.Ref)
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

// fullRef completes the name of a branch.
func fullRef(ref string) string {
	if strings.HasPrefix(ref, "refs/") {
		return ref
	}
	return "refs/heads/" + ref
}

// splitRef gives github.ref_type and github.ref_name.
func splitRef(ref string) (kind, short string) {
	for _, prefix := range []string{"refs/heads/", "refs/pull/", "refs/tags/", "refs/"} {
		if rest, ok := strings.CutPrefix(ref, prefix); ok {
			if prefix == "refs/tags/" {
				return "tag", rest
			}
			return "branch", rest
		}
	}
	return "branch", ref
}

var shaPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// firstSHA is the text if it names a commit.
func firstSHA(text, otherwise string) string {
	if shaPattern.MatchString(text) && strings.Trim(text, "0") != "" {
		return text
	}
	return otherwise
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
