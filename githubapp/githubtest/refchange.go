package githubtest

import (
	"net/http"
	"strings"
)

// refInput is what changes references.
type refInput struct {
	Ref   string
	SHA   string
	Force bool
}

// refCreate is POST /repos/{owner}/{repo}/git/refs.
func (c *call) refCreate() answer {
	var in refInput
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	sha, kind, _, found := c.repo.git.object(in.SHA)
	switch _, _, _, taken := c.repo.git.object(in.Ref); {
	case !strings.HasPrefix(in.Ref, "refs/heads/") && !strings.HasPrefix(in.Ref, "refs/tags/") || strings.Contains(in.Ref, ".."):
		return unprocessable("Reference name is invalid")
	case !found || sha != in.SHA:
		return unprocessable("Object does not exist")
	case taken:
		return unprocessable("Reference already exists")
	}
	if bad := c.move(moved{in.Ref, zeroSHA, sha}); bad != nil {
		return *bad
	}
	return created(c.repo.refJSON(entry{mode: kind, name: in.Ref, sha: sha}))
}

// refChange is PATCH /repos/{owner}/{repo}/git/refs/{ref}.
func (c *call) refChange() answer {
	var in refInput
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	name := "refs/" + c.r.PathValue("ref")
	before, _, _, there := c.repo.git.object(name)
	sha, kind, _, found := c.repo.git.object(in.SHA)
	if !there || !found || strings.HasPrefix(name, "refs/pull/") {
		return unprocessable("Reference does not exist")
	}
	if base, _ := c.repo.git.git("merge-base", before, sha); base != before && !in.Force {
		return unprocessable("Update is not a fast forward")
	}
	if bad := c.move(moved{name, before, sha}); bad != nil {
		return *bad
	}
	return ok(c.repo.refJSON(entry{mode: kind, name: name, sha: sha}))
}

// refDelete is DELETE /repos/{owner}/{repo}/git/refs/{ref}.
func (c *call) refDelete() answer {
	name := "refs/" + c.r.PathValue("ref")
	before, _, _, there := c.repo.git.object(name)
	if !there || strings.HasPrefix(name, "refs/pull/") {
		return unprocessable("Reference does not exist")
	}
	if bad := c.move(moved{name, before, zeroSHA}); bad != nil {
		return *bad
	}
	return answer{status: http.StatusNoContent}
}

// move moves a reference and tells of it.
func (c *call) move(m moved) *answer {
	if !c.repo.pushing.TryLock() {
		a := busy()
		return &a
	}
	defer c.repo.pushing.Unlock()
	args := []string{"update-ref", m.ref, m.after}
	if m.after == zeroSHA {
		args = []string{"update-ref", "-d", m.ref}
	}
	if _, err := c.repo.git.git(args...); err != nil {
		return fail2(http.StatusUnprocessableEntity, "Reference cannot be updated")
	}
	c.repo.received([]moved{m}, c.gh.actor(c.who))
	return nil
}
