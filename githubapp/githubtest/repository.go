package githubtest

import (
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Files are the contents of files by path. Deleted removes one; what begins with
// "#!" is made executable.
type Files map[string]string

// Deleted stands for the content of a file that goes away.
const Deleted = "\x00deleted"

// Repository is one repository. It is on disk, in git's own form.
type Repository struct {
	ID       int64
	FullName string // octo/demo
	Name     string

	gh            *GitHub
	owner         *Account
	private       bool
	deleted       bool
	source        *Repository // it is a fork of
	defaultBranch string
	git           *gitDir
	scratch       *gitDir    // where the test's own pushes come from
	pushing       sync.Mutex // one push at a time, for its events' sake
	made, pushed  time.Time

	collaborators map[string]string // role by lower-case login
	protected     map[string]bool   // branches
	issues        []*issue
	pulls         []*PullRequest
	suites        []*checkSuite
	checks        []*CheckRun
	environments  []*environment
	releases      []*release
	labels        map[string]*label
	activities    []activity
	statuses      []*status
}

// Repository makes a public repository with these files on main, or finds it. Its
// owner is an organisation unless the login is known; the App is installed there.
// Nobody is told: it has been there for long.
func (g *GitHub) Repository(fullName string, files Files) *Repository {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.find(fullName); r != nil {
		return r
	}
	login, name, _ := strings.Cut(fullName, "/")
	owner := g.account(login, "Organization")
	g.install(owner, nil)
	r, err := g.addRepository(owner, name, nil)
	if err == nil && len(files) > 0 {
		err = r.begin(files)
	}
	if err != nil {
		g.t.Fatalf("make repository %q: %v", fullName, err)
	}
	return r
}

func (g *GitHub) addRepository(owner *Account, name string, source *Repository) (*Repository, error) {
	r := &Repository{
		ID: g.id("repository"), FullName: owner.Login + "/" + name, Name: name, gh: g, owner: owner, source: source, defaultBranch: "main",
		made: g.now(), pushed: g.now(), collaborators: map[string]string{}, protected: map[string]bool{}, labels: map[string]*label{},
	}
	if owner.kind == "Organization" {
		r.collaborators[strings.ToLower(g.somebody().Login)] = "admin"
	}
	path := g.folder(itoa(r.ID) + ".git")
	var borrow []string
	if source != nil {
		borrow = []string{filepath.Join(source.git.path, "objects")}
		r.defaultBranch = source.defaultBranch
	}
	var err error
	if r.git, err = initGit(path, r.defaultBranch, borrow...); err != nil {
		return nil, err
	}
	if r.scratch, err = initGit(g.folder(itoa(r.ID)+"-scratch.git"), "main", append(borrow, filepath.Join(path, "objects"))...); err != nil {
		return nil, err
	}
	g.repositories[strings.ToLower(r.FullName)] = r
	return r, nil
}

// somebody is who does what a test does not name a person for.
func (g *GitHub) somebody() *Account { return g.account("octocat", "User") }

func (r *Repository) begin(files Files) error {
	tree, err := r.git.writeTree("", changes(files))
	if err != nil {
		return err
	}
	sha, err := r.git.writeCommit(tree, nil, r.defaultActor(), r.gh.now(), "Initial commit")
	if err != nil {
		return err
	}
	return r.git.setRef("refs/heads/"+r.defaultBranch, sha)
}

func (r *Repository) defaultActor() *Account {
	if r.owner.kind == "User" {
		return r.owner
	}
	return r.gh.somebody()
}

func changes(files Files) map[string]*string {
	out := map[string]*string{}
	for path, content := range files {
		if content == Deleted {
			out[path] = nil
			continue
		}
		out[path] = &content
	}
	return out
}

// Owner is the login of the owner.
func (r *Repository) Owner() string { return r.owner.Login }

// Head is the commit of a branch, a tag or whatever git understands; "": none.
func (r *Repository) Head(name string) string {
	if c, found := r.git.commit(name); found {
		return c.sha
	}
	return ""
}

// File is a file's content at a commit or branch; false: it is not there.
func (r *Repository) File(at, path string) (string, bool) {
	_, kind, data, found := r.git.object(at + ":" + path)
	return string(data), found && kind == "blob"
}

// CloneURL is where git reads and writes it.
func (r *Repository) CloneURL() string { return r.gh.web("%s.git", r.FullName) }

// SetPrivate hides it from who has no right to it, or shows it.
func (r *Repository) SetPrivate(private bool) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	r.private = private
}

// Collaborator gives a person a role: read, triage, write, maintain, admin.
func (r *Repository) Collaborator(login, role string) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	r.collaborators[strings.ToLower(r.gh.account(login, "User").Login)] = role
}

// Protect puts a branch under protection.
func (r *Repository) Protect(branch string) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	r.protected[branch] = true
}

// SetDefaultBranch changes it.
func (r *Repository) SetDefaultBranch(branch string) {
	r.gh.t.Helper()
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	if _, err := r.git.git("symbolic-ref", "HEAD", "refs/heads/"+branch); err != nil {
		r.gh.t.Fatalf("make %q the default branch: %v", branch, err)
	}
	r.defaultBranch = branch
}

// Delete removes it: it answers 404 from now on.
func (r *Repository) Delete() {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	i := r.gh.installationOf(r)
	r.deleted = true
	if i != nil && i.selected != nil {
		delete(i.selected, r.ID)
	}
	r.gh.emit(delivered{event: "repository", action: "deleted", repo: r, installation: i, by: r.defaultActor()})
}

// Fork copies it to a person, or finds the copy.
func (r *Repository) Fork(login string) *Repository {
	g := r.gh
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	owner := g.account(login, "User")
	if f := g.find(owner.Login + "/" + r.Name); f != nil {
		return f
	}
	f, err := g.addRepository(owner, r.Name, r)
	if err == nil {
		err = copyHeads(r.git, f.git)
	}
	if err != nil {
		g.t.Fatalf("fork %s to %q: %v", r.FullName, login, err)
	}
	f.private = r.private
	return f
}

func copyHeads(from, to *gitDir) error {
	_, err := to.git("fetch", "--quiet", from.path, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
	return err
}
