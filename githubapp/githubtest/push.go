package githubtest

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
)

// Push commits the files on a branch, which is made from the default branch if
// need be, and pushes that through git over HTTP, as the owner or octocat. It
// gives the commit.
func (r *Repository) Push(branch string, files Files, message string) string {
	r.gh.t.Helper()
	return r.PushAs("", branch, files, message)
}

// PushAs does so as somebody else.
func (r *Repository) PushAs(login, branch string, files Files, message string) string {
	g := r.gh
	g.t.Helper()
	sha, err := r.prepare(login, branch, files, message)
	if err == nil {
		err = r.PushRefs(login, sha+":refs/heads/"+branch)
	}
	if err != nil {
		g.t.Fatalf("push to %s of %s: %v", branch, r.FullName, err)
	}
	return sha
}

// prepare makes the commit where pushes come from.
func (r *Repository) prepare(login, branch string, files Files, message string) (string, error) {
	g := r.gh
	g.mu.Lock()
	defer g.mu.Unlock()
	by := r.person(login)
	var parents []string
	base := ""
	for _, from := range []string{"refs/heads/" + branch, "refs/heads/" + r.defaultBranch} {
		if c, found := r.git.commit(from); found {
			parents, base = []string{c.sha}, c.tree
			break
		}
	}
	tree, err := r.scratch.writeTree(base, changes(files))
	if err != nil {
		return "", err
	}
	return r.scratch.writeCommit(tree, parents, by, g.now(), message)
}

func (r *Repository) person(login string) *Account {
	if login == "" {
		return r.defaultActor()
	}
	return r.gh.account(login, "User")
}

// PushRefs is git push with these refspecs, of commits that the repository has or
// that were made by a push before: "+SHA:refs/heads/main" forces, ":refs/tags/v1"
// deletes.
func (r *Repository) PushRefs(login string, refspecs ...string) error {
	g := r.gh
	g.mu.Lock()
	by := r.person(login)
	text := g.userToken(by)
	g.mu.Unlock()
	address := strings.Replace(g.here+"/"+r.FullName+".git", "://", "://"+by.Login+":"+text+"@", 1)
	args := append([]string{"-c", "http.extraHeader=X-Githubtest: " + g.bypass, "push", "--quiet", address}, refspecs...)
	cmd := exec.Command("git", args...)
	cmd.Env = gitEnv("GIT_DIR=" + r.scratch.path)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("git push %s: %w: %s", strings.Join(refspecs, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return nil
}

// Tag pushes a tag that points at a commit.
func (r *Repository) Tag(name, sha string) {
	r.gh.t.Helper()
	if err := r.PushRefs("", sha+":refs/tags/"+name); err != nil {
		r.gh.t.Fatalf("tag %s: %v", r.FullName, err)
	}
}

// ForcePush moves a branch to any commit.
func (r *Repository) ForcePush(branch, sha string) {
	r.gh.t.Helper()
	if err := r.PushRefs("", "+"+sha+":refs/heads/"+branch); err != nil {
		r.gh.t.Fatalf("force %s: %v", r.FullName, err)
	}
}

// DeleteBranch removes a branch.
func (r *Repository) DeleteBranch(branch string) {
	r.gh.t.Helper()
	if err := r.PushRefs("", ":refs/heads/"+branch); err != nil {
		r.gh.t.Fatalf("delete branch of %s: %v", r.FullName, err)
	}
}

// Commit puts files on a branch as GitHub's own editor does: without git's wire,
// but with the same events. It is the quick way for thousands of pushes.
func (r *Repository) Commit(branch string, files Files, message string) string {
	g := r.gh
	g.t.Helper()
	r.pushing.Lock()
	defer r.pushing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	sha, err := r.commitOn(branch, files, message, r.defaultActor())
	if err != nil {
		g.t.Fatalf("commit to %s: %v", r.FullName, err)
	}
	return sha
}

// commitOn commits files on a branch and tells of it.
func (r *Repository) commitOn(branch string, files Files, message string, by *Account) (string, error) {
	before, base, ref := zeroSHA, "", "refs/heads/"+branch
	var parents []string
	if c, found := r.git.commit(ref); found {
		before, base, parents = c.sha, c.tree, []string{c.sha}
	} else if c, found := r.git.commit("refs/heads/" + r.defaultBranch); found {
		base, parents = c.tree, []string{c.sha}
	}
	tree, err := r.git.writeTree(base, changes(files))
	if err != nil {
		return "", err
	}
	sha, err := r.git.writeCommit(tree, parents, by, r.gh.now(), message)
	if err == nil {
		err = r.git.setRef(ref, sha)
	}
	if err != nil {
		return "", err
	}
	r.received([]moved{{ref, before, sha}}, by)
	return sha, nil
}
