package action

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Commit is what a ref names.
type Commit struct {
	SHA  string // 40 or 64 hexadecimal digits, lower case
	Name string // the full name of the ref: refs/tags/v4; "" when it was a commit id
}

// Fetcher is how a Store reaches repositories; it is the only part that
// touches the network. A Store never calls it for one repository twice at the
// same time.
type Fetcher interface {
	// Commit asks what ref names now.
	Commit(ctx context.Context, repository, ref string) (Commit, error)
	// Fetch brings a commit, without its history, into the bare repository
	// gitDir, which is made if it is not there.
	Fetch(ctx context.Context, repository string, commit Commit, gitDir string) error
}

// Git is the Fetcher that runs the git program.
type Git struct {
	// ServerURL is where owner/repo stands below: https://github.com, a GitHub
	// server edition, or a file:// folder. It holds no credentials.
	ServerURL string
	// Token may give a token that is sent to ServerURL only; nil or "": none.
	Token func(context.Context) string
}

const (
	askTimeout   = time.Minute
	fetchTimeout = 15 * time.Minute
	attempts     = 3
)

// Commit asks with git ls-remote. A tag goes before a branch of the same name.
func (g *Git) Commit(ctx context.Context, repository, ref string) (Commit, error) {
	if err := checkRef(ref); err != nil {
		return Commit{}, &problem{kind: KindInvalid, err: err}
	}
	names := fullNames(ref)
	args := []string{"ls-remote", "--quiet", "--", ""}
	for _, name := range names {
		args = append(args, name, name+"^{}")
	}
	var listed map[string]string
	err := g.network(ctx, repository, askTimeout, func(git gitCommand, address string) error {
		args[3] = address
		out, err := git.run(ctx, args...)
		listed = refsOf(out)
		return err
	})
	if err != nil {
		return Commit{}, err
	}
	for _, name := range names {
		for _, listing := range []string{name + "^{}", name} { // a tag object stands for its commit
			if sha := listed[listing]; IsCommitID(sha) {
				return Commit{SHA: sha, Name: name}, nil
			}
		}
	}
	return Commit{}, &problem{kind: KindNotFound, err: fmt.Errorf("%s has no branch or tag %q", repository, ref), hint: "check the ref after @ in uses (a commit needs all its 40 digits)"}
}

func fullNames(ref string) []string {
	if strings.HasPrefix(ref, "refs/") {
		return []string{ref}
	}
	names := []string{"refs/tags/" + ref, "refs/heads/" + ref}
	if strings.HasPrefix(ref, "heads/") || strings.HasPrefix(ref, "tags/") {
		names = append(names, "refs/"+ref)
	}
	return names
}

func refsOf(out []byte) map[string]string {
	refs := map[string]string{}
	for line := range strings.SplitSeq(string(out), "\n") {
		if sha, name, ok := strings.Cut(line, "\t"); ok {
			refs[name] = sha
		}
	}
	return refs
}

// Fetch asks for the commit itself; servers that give only what a ref names
// are asked for the ref, and at last for everything.
func (g *Git) Fetch(ctx context.Context, repository string, commit Commit, gitDir string) error {
	if !IsCommitID(commit.SHA) {
		return &problem{kind: KindInvalid, err: fmt.Errorf("%q is no commit id", commit.SHA)}
	}
	if err := initBare(ctx, gitDir, commit.SHA); err != nil {
		return err
	}
	err := g.fetch(ctx, repository, gitDir, "--depth=1", "+"+commit.SHA+":refs/drydock/"+commit.SHA)
	var p *problem
	if commit.Name != "" && errors.As(err, &p) && p.kind == KindNotFound {
		err = g.fetch(ctx, repository, gitDir, "--depth=1", "+"+commit.Name+":refs/drydock/asked")
		if err == nil && !hasCommit(ctx, gitDir, commit.SHA) {
			err = &problem{kind: KindUnreachable, err: fmt.Errorf("%s moved away from %s while it was fetched", commit.Name, commit.SHA), hint: "try again"}
		}
	}
	if errors.As(err, &p) && p.unadvertised {
		err = g.fetch(ctx, repository, gitDir, "--force", "+refs/heads/*:refs/drydock/heads/*", "+refs/tags/*:refs/drydock/tags/*")
	}
	if err == nil && !hasCommit(ctx, gitDir, commit.SHA) {
		err = &problem{kind: KindNotFound, err: fmt.Errorf("%s is no commit of %s", commit.SHA, repository), hint: "check the ref after @ in uses"}
	}
	return err
}

func (g *Git) fetch(ctx context.Context, repository, gitDir, option string, refspecs ...string) error {
	return g.network(ctx, repository, fetchTimeout, func(git gitCommand, address string) error {
		git.dir = gitDir
		args := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", option, "--", address}
		_, err := git.run(ctx, append(args, refspecs...)...)
		return err
	})
}

// network does something that talks to the server: again when the network
// fails, and without the token when the server refuses that one.
func (g *Git) network(ctx context.Context, repository string, timeout time.Duration, do func(gitCommand, string) error) error {
	address, allow, err := g.address(repository)
	if err != nil {
		return err
	}
	git := gitCommand{network: true, allow: allow, timeout: timeout}
	if u, err := url.Parse(g.ServerURL); err == nil && u.Host != "" && g.Token != nil {
		git.server, git.token = u.Scheme+"://"+u.Host, g.Token(ctx)
	}
	for attempt := 1; ; attempt++ {
		err := do(git, address)
		var p *problem
		if err == nil || !errors.As(err, &p) || ctx.Err() != nil {
			return err
		}
		switch {
		case p.kind == KindDenied && git.token != "":
			git.token = "" // a stale token is refused even for what everybody may read
		case p.kind != KindUnreachable || attempt >= attempts || strings.Contains(strings.ToLower(p.Error()), "could not resolve"):
			return err
		default:
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Duration(attempt*attempt) * 300 * time.Millisecond):
			}
		}
	}
}

// address is the URL of a repository and the protocols that git may use.
func (g *Git) address(repository string) (address, allow string, err error) {
	owner, repo, _ := strings.Cut(repository, "/")
	if err := checkRepository(owner, repo); err != nil {
		return "", "", &problem{kind: KindInvalid, err: err}
	}
	u, err := url.Parse(g.ServerURL)
	if err != nil || u.Path != "" && !strings.HasPrefix(u.Path, "/") {
		return "", "", &problem{kind: KindInvalid, err: fmt.Errorf("the server URL %q cannot be read", clip(g.ServerURL)), hint: "write it as https://github.example.com"}
	}
	switch u.Scheme {
	case "https", "ssh":
		allow = "https:ssh"
	case "http", "file":
		allow = "https:ssh:" + u.Scheme
	default:
		return "", "", &problem{kind: KindInvalid, err: fmt.Errorf("the server URL %q has no known scheme", clip(g.ServerURL)), hint: "use https, ssh or file"}
	}
	return strings.TrimRight(g.ServerURL, "/") + "/" + repository, allow, nil
}

// initBare makes a bare repository without templates, so without hooks.
func initBare(ctx context.Context, gitDir, sha string) error {
	for _, stale := range []string{"shallow.lock", "config.lock", "packed-refs.lock"} { // of a git that was killed
		_ = os.Remove(filepath.Join(gitDir, stale))
	}
	if _, err := os.Stat(filepath.Join(gitDir, "HEAD")); err == nil {
		return nil
	}
	if err := os.MkdirAll(gitDir, 0o755); err != nil {
		return err
	}
	args := []string{"init", "--quiet", "--bare", "--template="}
	if len(sha) == 64 {
		args = append(args, "--object-format=sha256")
	}
	_, err := gitCommand{timeout: askTimeout}.run(ctx, append(args, "--", gitDir)...)
	return err
}

func hasCommit(ctx context.Context, gitDir, sha string) bool {
	if _, err := os.Stat(filepath.Join(gitDir, "HEAD")); err != nil {
		return false
	}
	out, err := gitCommand{dir: gitDir, timeout: askTimeout}.run(ctx, "cat-file", "-t", sha)
	return err == nil && strings.TrimSpace(string(out)) == "commit"
}

// IsCommitID tells whether s is a whole commit id in lower case.
func IsCommitID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
