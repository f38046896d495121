package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/repository"
)

var errTooLarge = errors.New("the mirror grew too large")

// insist fetches, and asks again, with another token, where GitHub refuses: it says so
// of tokens that are seconds old, too, and when it was asked too often.
func (m *Mirror) insist(ctx context.Context, r Repository, w wanted, lock *os.File) error {
	err := m.bring(ctx, r, w, lock)
	for _, pause := range m.o.Again {
		if kind := repository.KindOf(err); kind != repository.NoAccess && kind != repository.Gone {
			return err
		}
		m.o.Log.Debug("a refused fetch is tried again", "repository", r.FullName, "err", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err = m.bring(ctx, r, w, lock)
	}
	return err
}

// bring fetches. The first time that is the whole history: a shallow one has no
// merge base and counts no commits since a tag, and one without files would ask
// GitHub for each file that is read or exported. After that each fetch brings only
// what is new. Branches are left out: most of them nobody ever builds.
func (m *Mirror) bring(ctx context.Context, r Repository, w wanted, lock *os.File) error {
	dir := m.dir(r.ID)
	if err := prepare(ctx, dir, lock); err != nil {
		return err
	}
	if size(dir) > m.o.Limits.Size { // of what nobody needs any more: begin anew
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := prepare(ctx, dir, lock); err != nil {
			return err
		}
	}
	var more [][2]string
	secret := ""
	if m.o.Token != nil {
		token, err := m.o.Token(ctx, r)
		if err != nil {
			return fmt.Errorf("token for %q: %w", r.FullName, err)
		}
		if token != "" {
			secret = token
			more = append(more, login(m.o.Endpoints.Web, token))
		}
	}
	address := strings.TrimSuffix(m.o.Endpoints.Web, "/") + "/" + r.FullName + ".git"
	args := []string{"fetch", "--quiet", "--no-tags", "--prune", "--no-auto-maintenance", "--no-write-fetch-head", "--end-of-options", address, "+refs/tags/*:refs/tags/*"}
	for _, sha := range w.commits {
		args = append(args, "+"+sha+":refs/drydock/"+sha) // the name keeps it, and tells GitHub what is here
	}
	limit, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go watch(limit, dir, m.o.Limits.Size, cancel)
	_, err := run(limit, command(limit, dir, lock, environment(more...), args...), "fetch")
	if errors.Is(err, errTooLarge) {
		m.mu.Lock()
		m.large[r.ID] = m.o.Now().Add(time.Hour)
		m.mu.Unlock()
		return errors.Join(m.tooLarge(r), os.RemoveAll(dir))
	}
	var f *failure
	if errors.As(err, &f) && secret != "" { // git does not say it; a server might
		f.stderr = strings.ReplaceAll(f.stderr, secret, "***")
	}
	if err = meaning(r, err); err != nil {
		return err
	}
	if there, err := has(ctx, dir, wanted{commits: w.commits}); err != nil || !there {
		return errors.Join(err, &repository.Error{Doing: fmt.Sprintf("fetch from %q", r.FullName), Kind: repository.NoCommit, Err: errors.New("no commit has that name")})
	}
	return nil
}

// prepare makes an empty mirror, and removes from an old one what a process left
// that was killed. The lock is ours, so nobody needs it.
func prepare(ctx context.Context, dir string, lock *os.File) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err != nil && d == nil {
			return nil
		}
		if err != nil {
			return err
		}
		name := d.Name()
		if !d.IsDir() && (strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-")) {
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("clean the mirror %q: %w", dir, err)
	}
	cmd := command(ctx, dir, lock, environment(), "init", "--quiet", "--bare", "--template=")
	if _, err := run(ctx, cmd, "init"); err != nil {
		var f *failure
		if errors.As(err, &f) {
			return errors.Join(errDamaged, err)
		}
		return err
	}
	// These go before the repository's .gitattributes, which choose among the programs
	// of the machine's configuration, such as git-lfs.
	if err := os.MkdirAll(filepath.Join(dir, "info"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "info", "attributes"), []byte("* -filter\n"), 0o600)
}

// watch stops a fetch that brings too much.
func watch(ctx context.Context, dir string, limit int64, stop context.CancelCauseFunc) {
	for {
		if size(dir) > limit {
			stop(errTooLarge)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// size is how many bytes the objects of a mirror take.
func size(dir string) (total int64) {
	_ = filepath.WalkDir(filepath.Join(dir, "objects"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() { // what vanishes meanwhile takes nothing
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
