package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Resolve finds the commit that ref names and makes sure that its files are
// there and as they were fetched. It asks and fetches once, however many ask
// at the same time, in this process or in others.
func (s *Store) Resolve(ctx context.Context, ref Ref) (Resolved, error) {
	r, err := s.resolve(ctx, ref)
	return r, failed("resolve", ref, err)
}

func (s *Store) resolve(ctx context.Context, ref Ref) (Resolved, error) {
	if err := checkResolvable(ref); err != nil {
		return Resolved{}, err
	}
	if l, ok := s.local(ref); ok {
		return s.resolveLocal(ctx, ref, l)
	}
	r := Resolved{Repository: ref.Repository, Ref: ref.Ref}
	at := s.place(ref.Repository)
	commit, current, err := s.recall(at, ref.Ref)
	if err != nil {
		return r, err
	}
	if commit.SHA != "" && (current || s.o.Offline) && s.intact(at, commit.SHA) == nil {
		r.SHA, r.Dir = commit.SHA, at.tree(commit.SHA)
		return r, nil
	}
	unlock, err := lockFile(ctx, at.lock)
	if err != nil {
		return r, err
	}
	defer unlock()
	// Another may have done it while we waited.
	if commit, current, err = s.recall(at, ref.Ref); err != nil {
		return r, err
	}
	if !current {
		if commit, err = s.ask(ctx, at, ref, commit, &r); err != nil {
			return r, err
		}
	}
	if err := s.bring(ctx, at, ref, commit, &r); err != nil {
		return r, err
	}
	r.SHA, r.Dir = commit.SHA, at.tree(commit.SHA)
	return r, nil
}

// checkResolvable holds a Ref that somebody made by hand against the rules.
func checkResolvable(ref Ref) error {
	if ref.Kind != Repository {
		return &problem{kind: KindInvalid, err: fmt.Errorf("it is a %s reference: only owner/repo@ref can be fetched", ref.Kind)}
	}
	again, err := ParseUses(ref.String())
	if err != nil {
		return &problem{kind: KindInvalid, err: err}
	}
	if again != ref {
		return &problem{kind: KindInvalid, err: errors.New("its parts do not fit together")}
	}
	return nil
}

// recall gives what is known of a ref; current means that nobody needs to be
// asked.
func (s *Store) recall(at place, ref string) (commit Commit, current bool, err error) {
	if id := strings.ToLower(ref); IsCommitID(id) {
		return Commit{SHA: id}, true, nil
	}
	m, err := readMemory(at.memory)
	if err != nil {
		return Commit{}, false, err
	}
	known, ok := m[ref]
	if !ok {
		return Commit{}, false, nil
	}
	age := s.now().Sub(known.Checked)
	current = age >= 0 && age < fresh && (!s.o.Refresh || !known.Checked.Before(s.began))
	return Commit{SHA: known.SHA, Name: known.Name}, current, nil
}

// ask finds out what a ref names now and remembers it. known is what it named
// before; it is used when nobody can be asked.
func (s *Store) ask(ctx context.Context, at place, ref Ref, known Commit, r *Resolved) (Commit, error) {
	if s.o.Offline {
		if known.SHA == "" {
			return Commit{}, s.missing(ref, "it was never resolved here")
		}
		return known, nil
	}
	s.o.Progress(fmt.Sprintf("resolve %s", ref))
	commit, err := s.fetcher.Commit(ctx, ref.Repository, ref.Ref)
	var p *problem
	if err != nil && errors.As(err, &p) && p.kind == KindUnreachable && known.SHA != "" {
		s.warn(r, fmt.Sprintf("%s could not be asked for (%v): the commit %s from last time is used", ref, err, known.SHA))
		return known, nil
	}
	if err != nil {
		return Commit{}, err
	}
	if !IsCommitID(commit.SHA) {
		return Commit{}, &problem{kind: KindInvalid, err: fmt.Errorf("%q is no commit id", commit.SHA)}
	}
	m, err := readMemory(at.memory)
	if err != nil {
		return Commit{}, err
	}
	if old, ok := m[ref.Ref]; ok && old.SHA != commit.SHA && strings.HasPrefix(commit.Name, "refs/tags/") {
		s.warn(r, fmt.Sprintf("the tag %s has moved: it was %s on %s and is %s now; write the commit after @ to keep one",
			ref, old.SHA, old.Checked.Format(time.DateOnly), commit.SHA))
	}
	m[ref.Ref] = remembered{SHA: commit.SHA, Name: commit.Name, Checked: s.now()}
	return commit, writeJSON(at.memory, m)
}

// intact tells whether the files of a commit are there and untouched.
func (s *Store) intact(at place, sha string) error {
	rec, err := readRecord(at.record(sha))
	if err != nil {
		return err
	}
	if rec.SHA != sha {
		return fmt.Errorf("its record is of %q", clip(rec.SHA))
	}
	return rec.check(at.tree(sha))
}

// bring makes the files of a commit be there; the lock is held.
func (s *Store) bring(ctx context.Context, at place, ref Ref, commit Commit, r *Resolved) error {
	bad := s.intact(at, commit.SHA)
	if bad == nil {
		return nil
	}
	rec, err := readRecord(at.record(commit.SHA))
	if err == nil && rec.SHA == commit.SHA {
		if s.restamp(ctx, at, rec) == nil {
			return nil // a copy of the store: the content is right, the times are not
		}
		s.warn(r, fmt.Sprintf("the stored files of %s were changed (%v): they are restored", ref, bad))
	}
	if !hasCommit(ctx, at.git, commit.SHA) {
		if s.o.Offline {
			return s.missing(ref, "the commit "+commit.SHA+" was never fetched")
		}
		if err := s.fetch(ctx, at, ref, commit); err != nil {
			return err
		}
	}
	return s.unpack(ctx, at, commit.SHA)
}

func (s *Store) fetch(ctx context.Context, at place, ref Ref, commit Commit) error {
	s.o.Progress(fmt.Sprintf("fetch %s (%.8s)", ref, commit.SHA))
	s.o.Log.Info("fetch action", "uses", ref.String(), "sha", commit.SHA)
	err := s.fetcher.Fetch(ctx, ref.Repository, commit, at.git)
	var p *problem
	if err == nil || ctx.Err() != nil || errors.As(err, &p) && p.kind != KindInternal {
		return err
	}
	// The bare repository may be damaged; nothing in it is precious.
	if rerr := os.RemoveAll(at.git); rerr != nil {
		return errors.Join(err, rerr)
	}
	return s.fetcher.Fetch(ctx, ref.Repository, commit, at.git)
}

// restamp accepts files whose times alone have changed.
func (s *Store) restamp(ctx context.Context, at place, rec *record) error {
	dir := at.tree(rec.SHA)
	if err := rec.verify(ctx, dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := rec.stat(root); err != nil {
		return err
	}
	if err := rec.check(dir); err != nil {
		return err
	}
	return writeJSON(at.record(rec.SHA), rec)
}

// unpack writes the files into a folder beside the right one, then moves it
// there; the record comes last and makes it count.
func (s *Store) unpack(ctx context.Context, at place, sha string) (err error) {
	if err := os.MkdirAll(at.snapshots, 0o755); err != nil {
		return err
	}
	if left, _ := filepath.Glob(filepath.Join(at.snapshots, ".tmp-*")); len(left) > 0 {
		for _, dir := range left { // of a process that was killed: we hold the lock
			_ = os.RemoveAll(dir)
		}
	}
	tmp, err := os.MkdirTemp(at.snapshots, ".tmp-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	dir := filepath.Join(tmp, "new")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	rec, err := unpackCommit(ctx, at.git, sha, dir, limits{bytes: s.o.MaxBytes, files: s.o.MaxFiles})
	if err != nil {
		return err
	}
	if err := os.Rename(at.tree(sha), filepath.Join(tmp, "old")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir, at.tree(sha)); err != nil {
		return err
	}
	return writeJSON(at.record(sha), rec)
}

func (s *Store) warn(r *Resolved, text string) {
	r.Warnings = append(r.Warnings, text)
	s.o.Log.Warn("action store", "warning", text)
}

// missing is the answer of an offline store.
func (s *Store) missing(ref Ref, reason string) error {
	return &problem{kind: KindMissing, err: fmt.Errorf("not in the store of actions, and the network is not used: %s", reason), hint: howToGet(ref)}
}

func howToGet(ref Ref) string {
	return fmt.Sprintf("run once without --offline, or give a folder with --local-repository %s@%s=PATH", ref.Repository, ref.Ref)
}
