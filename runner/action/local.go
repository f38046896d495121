package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// LocalRepository puts a folder of this machine in the place of a repository.
type LocalRepository struct {
	Repository string // owner/repo
	Ref        string // "" and "*" stand for every ref
	Dir        string
}

// ParseLocalRepository reads owner/repo@ref=PATH; @ref may be left out. As in
// act, a server's address may go before owner/repo.
func ParseLocalRepository(s string) (LocalRepository, error) {
	wrong := func(why string) (LocalRepository, error) {
		return LocalRepository{}, fmt.Errorf("read local repository %q: %s: write owner/repo@ref=PATH", clip(s), why)
	}
	name, dir, ok := strings.Cut(s, "=")
	if !ok || dir == "" {
		return wrong("no path follows \"=\"")
	}
	if scheme := strings.Index(name, "://"); scheme >= 0 {
		u, err := url.Parse(name)
		if err != nil {
			return wrong("the address cannot be read")
		}
		name = strings.TrimPrefix(u.Path, "/")
	}
	name, ref, _ := strings.Cut(name, "@")
	owner, repo, ok := strings.Cut(name, "/")
	if !ok {
		return wrong("expected owner/repo")
	}
	if err := checkRepository(owner, repo); err != nil {
		return wrong(err.Error())
	}
	if ref != "" && ref != "*" {
		if err := checkRef(ref); err != nil {
			return wrong(err.Error())
		}
	}
	return LocalRepository{Repository: name, Ref: ref, Dir: dir}, nil
}

// local gives the folder for ref, the one for just this ref first.
func (s *Store) local(ref Ref) (LocalRepository, bool) {
	var any LocalRepository
	found := false
	for _, l := range s.o.Local {
		if !strings.EqualFold(l.Repository, ref.Repository) {
			continue
		}
		switch {
		case l.Ref == ref.Ref:
			return l, true
		case (l.Ref == "" || l.Ref == "*") && !found:
			any, found = l, true
		}
	}
	return any, found
}

// resolveLocal uses the folder as it is; the folder is never copied into the
// store nor compared with anything.
func (s *Store) resolveLocal(ctx context.Context, ref Ref, l LocalRepository) (Resolved, error) {
	unusable := func(err error) (Resolved, error) {
		return Resolved{}, &problem{kind: KindMissing, err: fmt.Errorf("the local repository %q cannot be used: %w", l.Dir, err),
			hint: fmt.Sprintf("check --local-repository %s@%s=PATH", ref.Repository, ref.Ref)}
	}
	dir, err := filepath.Abs(l.Dir)
	if err != nil {
		return unusable(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return unusable(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return unusable(err)
	}
	if !info.IsDir() {
		return unusable(errors.New("it is no folder"))
	}
	sha, err := s.localSHA(ctx, dir)
	if err != nil {
		return unusable(err)
	}
	return Resolved{Repository: ref.Repository, Ref: ref.Ref, SHA: sha, Dir: dir, Local: true}, nil
}

// localSHA is the commit that is checked out, else the hash of the content. A
// folder inside a repository has no commit of its own.
func (s *Store) localSHA(ctx context.Context, dir string) (string, error) {
	s.mu.Lock()
	sha, known := s.hashes[dir]
	s.mu.Unlock()
	if known {
		return sha, nil
	}
	gitDir := filepath.Join(dir, ".git")
	switch _, err := os.Stat(gitDir); {
	case err == nil:
		sha, _ = headCommit(ctx, dir) // an empty repository has none
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	case isBare(dir):
		return "", errors.New("it is a bare git repository: give a folder with the files checked out")
	}
	if sha == "" {
		var err error
		if sha, err = ContentHash(ctx, dir); err != nil {
			return "", err
		}
	}
	s.mu.Lock()
	s.hashes[dir] = sha
	s.mu.Unlock()
	return sha, nil
}

func headCommit(ctx context.Context, dir string) (string, error) {
	out, err := gitCommand{timeout: askTimeout}.run(ctx, "-C", dir, "rev-parse", "--verify", "--end-of-options", "HEAD^{commit}")
	sha := strings.TrimSpace(string(out))
	if err != nil || !IsCommitID(sha) {
		return "", err
	}
	return sha, nil
}

func isBare(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
