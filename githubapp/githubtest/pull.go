package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PullRequest is a pull request of a repository.
type PullRequest struct {
	ID     int64
	Number int

	repo, from           *Repository
	branch, base         string // of head and base
	head, baseSHA, merge string // commits; merge "" if it cannot be
	issue                *issue
	draft                bool
	merged               time.Time
	mergedBy             *Account
	mergedAs             string
	drawn                *comparison
}

// comparison is what a pull request changes; it is worked out once for two commits.
type comparison struct {
	base, head, fork string
	commits          []string // the oldest first, at most 250
	files            []object
}

// Pull says what to open.
type Pull struct {
	Head  string // branch, or owner:branch of a fork
	Base  string // "": the default branch
	Title string
	Body  string
	By    string // "": the owner of the head's repository
	Draft bool
}

// PullRequest opens one.
func (r *Repository) PullRequest(p Pull) *PullRequest {
	g := r.gh
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	pull, err := r.open(p)
	if err != nil {
		g.t.Fatalf("open a pull request of %q at %s: %v", p.Head, r.FullName, err)
	}
	return pull
}

func (r *Repository) open(p Pull) (*PullRequest, error) {
	g := r.gh
	pull := &PullRequest{repo: r, from: r, branch: p.Head, base: p.Base, draft: p.Draft}
	if login, branch, found := strings.Cut(p.Head, ":"); found {
		pull.branch = branch
		if !r.owner.is(login) {
			pull.from = g.find(login + "/" + r.Name)
		}
	}
	if pull.base == "" {
		pull.base = r.defaultBranch
	}
	if pull.from == nil {
		return nil, fmt.Errorf("there is no such fork")
	}
	if _, found := pull.from.git.commit("refs/heads/" + pull.branch); !found {
		return nil, fmt.Errorf("there is no branch %q at %s", pull.branch, pull.from.FullName)
	}
	if _, found := r.git.commit("refs/heads/" + pull.base); !found {
		return nil, fmt.Errorf("there is no branch %q", pull.base)
	}
	by := pull.from.person(p.By)
	title := p.Title
	if title == "" {
		title = pull.branch
	}
	pull.issue = r.addIssue(title, p.Body, by)
	pull.ID, pull.Number, pull.issue.pull = g.id("pull"), pull.issue.number, pull
	if err := pull.refresh(); err != nil {
		return nil, err
	}
	r.pulls = append(r.pulls, pull)
	pull.emit("opened", by, nil)
	return pull, nil
}

// refresh puts refs/pull/N/head and merge where they belong.
func (p *PullRequest) refresh() error {
	head, found := p.from.git.commit("refs/heads/" + p.branch)
	base, there := p.repo.git.commit("refs/heads/" + p.base)
	if !found || !there {
		return nil // its branch is gone: GitHub keeps what was
	}
	if p.from != p.repo && head.sha != p.head {
		if _, err := p.repo.git.git("fetch", "--quiet", p.from.git.path, head.sha); err != nil {
			return err
		}
	}
	p.head, p.baseSHA, p.merge = head.sha, base.sha, ""
	names := fmt.Sprintf("refs/pull/%d/", p.Number)
	if err := p.repo.git.setRef(names+"head", p.head); err != nil {
		return err
	}
	tree, clean := p.repo.git.merged(base.sha, head.sha)
	if !clean {
		return nil // the merge ref stays where it was, as at GitHub
	}
	var err error
	p.merge, err = p.repo.git.writeCommit(tree, []string{base.sha, head.sha}, p.issue.by, p.repo.gh.now(), "Merge "+head.sha+" into "+base.sha)
	if err != nil {
		return err
	}
	return p.repo.git.setRef(names+"merge", p.merge)
}

// merged is the tree of a merge, if there is no conflict.
func (d *gitDir) merged(base, head string) (tree string, clean bool) {
	tree, err := d.git("merge-tree", "--write-tree", "--no-messages", base, head)
	return tree, err == nil
}

// branchMoved looks for the pull requests that a push concerns.
func (g *GitHub) branchMoved(r *Repository, branch string, m moved, by *Account) {
	for _, other := range g.byID() {
		for _, p := range other.pulls {
			if p.issue.state != "open" {
				continue
			}
			switch {
			case p.from == r && p.branch == branch && m.after == zeroSHA:
				p.close(by)
			case p.from == r && p.branch == branch:
				if p.refresh() == nil {
					p.emit("synchronize", by, object{"before": m.before, "after": m.after})
				}
			case other == r && p.base == branch:
				_ = p.refresh()
			}
		}
	}
}

// byID are all repositories in their order.
func (g *GitHub) byID() []*Repository {
	all := make([]*Repository, 0, len(g.repositories))
	for _, r := range g.repositories {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Repository) int { return int(a.ID - b.ID) })
	return all
}

func (p *PullRequest) emit(action string, by *Account, more object) {
	p.issue.updated = p.repo.gh.now()
	body := object{"number": p.Number, "pull_request": p.json(true)}
	for k, v := range more {
		body[k] = v
	}
	p.repo.gh.emit(delivered{event: "pull_request", action: action, repo: p.repo, by: by, body: body})
}

func (p *PullRequest) close(by *Account) {
	p.issue.state, p.issue.closed = "closed", p.repo.gh.now()
	p.emit("closed", by, nil)
}

// Head is the commit that is to be merged.
func (p *PullRequest) Head() string {
	p.repo.gh.mu.Lock()
	defer p.repo.gh.mu.Unlock()
	return p.head
}

// MergeCommit is what refs/pull/N/merge leads to; "": there are conflicts.
func (p *PullRequest) MergeCommit() string {
	p.repo.gh.mu.Lock()
	defer p.repo.gh.mu.Unlock()
	return p.merge
}

// Close closes it without merging.
func (p *PullRequest) Close() {
	p.repo.gh.mu.Lock()
	defer p.repo.gh.mu.Unlock()
	p.close(p.repo.defaultActor())
}

// Reopen opens it again.
func (p *PullRequest) Reopen() {
	p.repo.gh.mu.Lock()
	defer p.repo.gh.mu.Unlock()
	p.issue.state, p.issue.closed = "open", time.Time{}
	p.emit("reopened", p.repo.defaultActor(), nil)
}

// Ready says that it is no draft any more.
func (p *PullRequest) Ready() {
	p.repo.gh.mu.Lock()
	defer p.repo.gh.mu.Unlock()
	p.draft = false
	p.emit("ready_for_review", p.repo.defaultActor(), nil)
}

// Label puts a label on it.
func (p *PullRequest) Label(name string) {
	p.repo.gh.mu.Lock()
	defer p.repo.gh.mu.Unlock()
	p.issue.addLabel(name, p.repo.defaultActor())
}

// Merge merges it with a merge commit and tells of the push.
func (p *PullRequest) Merge() string {
	g := p.repo.gh
	g.t.Helper()
	p.repo.pushing.Lock()
	defer p.repo.pushing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := p.refresh(); err != nil || p.merge == "" {
		g.t.Fatalf("merge pull request %d of %s: it has conflicts (%v)", p.Number, p.repo.FullName, err)
	}
	by, ref := p.repo.defaultActor(), "refs/heads/"+p.base
	before, sha := p.baseSHA, p.merge
	if err := p.repo.git.setRef(ref, sha); err != nil {
		g.t.Fatalf("merge pull request %d of %s: %v", p.Number, p.repo.FullName, err)
	}
	p.merged, p.mergedBy, p.mergedAs = g.now(), by, sha
	p.close(by)
	p.repo.received([]moved{{ref, before, sha}}, by)
	return sha
}

func (c *call) pullAsked() (*PullRequest, *answer) {
	n, _ := strconv.Atoi(c.r.PathValue("pull_number"))
	for _, p := range c.repo.pulls {
		if p.Number == n {
			return p, nil
		}
	}
	return nil, fail2(http.StatusNotFound, "Not Found")
}
