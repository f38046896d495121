package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// NoSHA stands for a commit that does not exist, as in GitHub's payloads.
const NoSHA = "0000000000000000000000000000000000000000"

// Names for a repository that has no address to take them from.
const (
	defaultServer = "https://github.com"
	localOwner    = "local"
)

// Repo is what a local repository tells about itself. A folder that is in no
// git repository, and a repository without a commit, have a Repo too: its SHA
// is NoSHA, its branch "main" if git names no other, and without an origin its
// owner is "local" and its name the folder's.
type Repo struct {
	Root      string // absolute; the folder itself when it is in no repository
	GitDir    string // "" when it is in no repository
	CommonDir string // GitDir, but for a worktree the main repository's

	SHA    string   // of HEAD
	Branch string   // "" when HEAD is detached
	Tags   []string // that point at HEAD

	Owner, Name   string
	Server        string // https://github.com
	Remote        string // name of the remote that the above is from; ""
	DefaultBranch string
	UserName      string
	UserEmail     string

	heads    map[string]string // branch -> commit
	remotes  map[string]string // remote-tracking name, "origin/main" -> commit
	upstream map[string]string // branch -> its upstream, "origin/main"
	initial  string            // init.defaultBranch
	head     string            // the remote's HEAD, a branch
}

// FullName is owner/name.
func (r *Repo) FullName() string { return r.Owner + "/" + r.Name }

// HasCommit tells whether there is a commit at all.
func (r *Repo) HasCommit() bool { return r.SHA != NoSHA }

// Open reads the facts of the repository that dir is in. It starts a handful
// of git processes at once, so that it takes about as long as the slowest.
func Open(ctx context.Context, dir string) (*Repo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if fi, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	} else if !fi.IsDir() {
		return nil, fmt.Errorf("open repository %q: it is not a folder", dir)
	}
	r := &Repo{Root: dir, SHA: NoSHA, Server: defaultServer, Owner: localOwner, Name: safeName(filepath.Base(dir)), Branch: "main", DefaultBranch: "main"}
	if _, err := exec.LookPath("git"); err != nil {
		if !insideRepository(dir) {
			return r, nil
		}
		return nil, fmt.Errorf("open repository %q: the git program is not found: install git", dir)
	}

	type answer struct {
		out string
		err error
	}
	questions := [][]string{
		{"rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir", "HEAD"},
		{"symbolic-ref", "-q", "HEAD"},
		{"config", "-z", "--get-regexp", `^(remote\..*\.url|url\..*\.insteadof|user\.(name|email)|init\.defaultbranch)$`},
		{"for-each-ref", "--format=%(refname)%00%(objectname)%00%(symref)%00%(upstream)", "refs/heads", "refs/remotes"},
		{"for-each-ref", "--points-at=HEAD", "--sort=-version:refname", "--format=%(refname:lstrip=2)", "refs/tags"},
	}
	answers := make([]answer, len(questions))
	var all sync.WaitGroup
	for i, args := range questions {
		all.Go(func() { answers[i].out, answers[i].err = git(ctx, dir, args...) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}

	r.config(answers[2].out)
	lines := strings.Split(strings.TrimSuffix(answers[0].out, "\n"), "\n")
	if len(lines) < 3 {
		return r, r.notFound(dir, answers[0].err)
	}
	r.Root, r.GitDir, r.CommonDir = filepath.FromSlash(lines[0]), filepath.FromSlash(lines[1]), filepath.FromSlash(lines[2])
	if !filepath.IsAbs(r.CommonDir) {
		r.CommonDir = filepath.Join(dir, r.CommonDir)
	}
	if r.Owner == localOwner {
		r.Name = safeName(filepath.Base(r.Root))
	}
	if answers[0].err == nil && len(lines) > 3 {
		r.SHA = lines[3]
	}
	r.Branch = strings.TrimPrefix(strings.TrimSpace(answers[1].out), "refs/heads/")
	r.references(answers[3].out)
	if tags := strings.TrimSpace(answers[4].out); tags != "" && r.HasCommit() {
		r.Tags = strings.Split(tags, "\n")
	}
	r.DefaultBranch = r.guessDefaultBranch()
	return r, nil
}

// notFound tells a folder that is in no repository from one that git refuses
// to read.
func (r *Repo) notFound(dir string, err error) error {
	var failure *gitFailure
	switch {
	case err == nil:
		return fmt.Errorf("open repository %q: git names no folder", dir)
	case !errors.As(err, &failure):
		return fmt.Errorf("open repository %q: %w", dir, err)
	case strings.Contains(failure.stderr, "dubious ownership"):
		return fmt.Errorf("open repository %q: it belongs to another user and git refuses to read it: run: git config --global --add safe.directory %s", dir, dir)
	case strings.Contains(failure.stderr, "not a git repository"):
		r.Branch = r.DefaultBranch
		return nil
	case strings.Contains(failure.stderr, "must be run in a work tree"):
		return fmt.Errorf("open repository %q: it has no working copy: use a clone that is not bare", dir)
	default:
		return fmt.Errorf("open repository %q: %w", dir, err)
	}
}

// config reads remotes and user, from all levels of git's configuration.
func (r *Repo) config(out string) {
	urls := map[string]string{}
	instead := map[string]string{} // prefix -> what stands for it
	for _, record := range records(out) {
		key, value, _ := strings.Cut(record, "\n")
		switch {
		case key == "user.name":
			r.UserName = value
		case key == "user.email":
			r.UserEmail = value
		case key == "init.defaultbranch":
			r.initial = value
			if value != "" {
				r.Branch, r.DefaultBranch = value, value
			}
		case strings.HasPrefix(key, "remote."):
			name := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".url")
			if _, ok := urls[name]; !ok {
				urls[name] = value // the first is the one that git fetches from
			}
		case strings.HasPrefix(key, "url."):
			instead[value] = strings.TrimSuffix(strings.TrimPrefix(key, "url."), ".insteadof")
		}
	}
	names := make([]string, 0, len(urls))
	for name := range urls {
		names = append(names, name)
	}
	slices.Sort(names)
	if i := slices.Index(names, "origin"); i > 0 {
		names = append([]string{"origin"}, slices.Delete(names, i, i+1)...)
	}
	for _, name := range names {
		// The address as written says more than what it is replaced by: a
		// mirror or an ssh host. Only a short form needs the replacement.
		found, ok := parseRemote(urls[name])
		if prefix := longestPrefix(instead, urls[name]); prefix != "" && (!ok || !strings.Contains(found.server, ".")) {
			found, ok = parseRemote(instead[prefix] + strings.TrimPrefix(urls[name], prefix))
		}
		if ok {
			r.Remote, r.Server, r.Owner, r.Name = name, found.server, found.owner, found.name
			return
		}
	}
	if len(names) > 0 {
		r.Remote = names[0]
	}
}

func longestPrefix(of map[string]string, text string) string {
	longest := ""
	for prefix := range of {
		if strings.HasPrefix(text, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return longest
}

// references reads branches and remote-tracking branches.
func (r *Repo) references(out string) {
	r.heads, r.remotes, r.upstream = map[string]string{}, map[string]string{}, map[string]string{}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 4 {
			continue
		}
		if branch, ok := strings.CutPrefix(f[0], "refs/heads/"); ok {
			r.heads[branch] = f[1]
			if up, ok := strings.CutPrefix(f[3], "refs/remotes/"); ok {
				r.upstream[branch] = up
			}
			continue
		}
		name := strings.TrimPrefix(f[0], "refs/remotes/")
		if f[2] == "" {
			r.remotes[name] = f[1]
		} else if r.Remote != "" && name == r.Remote+"/HEAD" {
			r.head = strings.TrimPrefix(f[2], "refs/remotes/"+r.Remote+"/")
		}
	}
}

// guessDefaultBranch is the remote's HEAD, else the first of
// init.defaultBranch, main and master that exists, else the branch at hand.
func (r *Repo) guessDefaultBranch() string {
	if r.head != "" {
		return r.head
	}
	for _, name := range []string{r.initial, "main", "master"} {
		if name == "" {
			continue
		}
		if _, ok := r.remotes[r.Remote+"/"+name]; ok {
			return name
		}
		if _, ok := r.heads[name]; ok {
			return name
		}
	}
	if r.Branch != "" {
		return r.Branch
	}
	if r.initial != "" {
		return r.initial
	}
	return "main"
}

// Dirty tells whether the working copy differs from HEAD; files that git does
// not know yet count, ignored ones do not.
func (r *Repo) Dirty(ctx context.Context) (bool, error) {
	if r.GitDir == "" {
		return false, nil
	}
	out, err := git(ctx, r.Root, "status", "--porcelain", "-z", "--untracked-files=normal", "--no-renames")
	if err != nil {
		return false, fmt.Errorf("read the state of %q: %w", r.Root, err)
	}
	return out != "", nil
}

// branchTip is the commit of a branch as the remote has it, else the local one.
func (r *Repo) branchTip(branch string) string {
	if sha, ok := r.remotes[r.Remote+"/"+branch]; ok {
		return sha
	}
	return r.heads[branch]
}

// pushed is the commit that the remote has for a branch, as far as is known.
func (r *Repo) pushed(branch string) string {
	if up, ok := r.upstream[branch]; ok {
		if sha, ok := r.remotes[up]; ok && strings.HasSuffix(up, "/"+branch) {
			return sha
		}
	}
	return r.remotes[r.Remote+"/"+branch]
}

// insideRepository looks for .git here and above without git's help.
func insideRepository(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

// safeName is a folder's name as GitHub allows it for a repository.
func safeName(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '-'
	}, name)
	if strings.Trim(name, ".-") == "" {
		return "repository"
	}
	return name
}
