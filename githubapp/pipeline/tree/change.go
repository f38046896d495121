package tree

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Change is what lies between two states of a repository.
type Change struct {
	Base  string   // SHA of the commit that was compared with; empty: none
	Files []string // sorted; a rename is two files
	// Unknown says why it cannot be told which files changed; every file may have
	// then. Empty: Files are all.
	Unknown string
}

// NoSHA stands for a commit that does not exist, as in GitHub's payloads.
const NoSHA = "0000000000000000000000000000000000000000"

// Push is what a push changed: from what the branch was to what it is now, also
// when it was moved by force. A commit that is not there any more leaves open what
// changed.
func (r *Repository) Push(ctx context.Context, before, after string) (Change, error) {
	if before == "" || strings.Trim(before, "0") == "" {
		return Change{Unknown: "first push: there is nothing before it"}, nil
	}
	base, err := r.Resolve(ctx, before)
	if err != nil {
		if ctx.Err() != nil {
			return Change{}, err
		}
		return Change{Unknown: fmt.Sprintf("the commit before the push, %s, is not here: it was replaced by force or never fetched", short(before))}, nil
	}
	return r.between(ctx, base, after)
}

// PullRequest is what a pull request changes: from where it left its base.
func (r *Repository) PullRequest(ctx context.Context, base, head string) (Change, error) {
	common, unknown, err := r.common(ctx, base, head)
	if err != nil || unknown != "" {
		return Change{Unknown: unknown}, err
	}
	return r.between(ctx, common, head)
}

// common is the merge base. Where there is none it cannot be told what changed:
// the histories are strangers, or the clone is shallow.
func (r *Repository) common(ctx context.Context, base, head string) (sha, unknown string, err error) {
	out, err := git(ctx, r.dir, "merge-base", "--end-of-options", base, head)
	var refused *refusal
	if errors.As(err, &refused) {
		return "", fmt.Sprintf("%s and %s have no commit in common here", short(base), short(head)), nil
	}
	return strings.TrimSpace(out), "", err
}

// between compares two commits that are there. Both are listed: git's own comparison
// keeps all differences before it prints one, and a tree can have ten billion.
func (r *Repository) between(ctx context.Context, base, head string) (Change, error) {
	var old, now []string
	group, within := errgroup.WithContext(ctx)
	group.Go(func() (err error) { old, err = r.entries(within, base); return err })
	group.Go(func() (err error) { now, err = r.entries(within, head); return err })
	if err := group.Wait(); err != nil {
		return Change{}, fmt.Errorf("compare %q with %q: %w", base, head, err)
	}
	only := make(map[string]bool, len(old))
	for _, entry := range old {
		only[entry] = true
	}
	for _, entry := range now {
		if only[entry] {
			delete(only, entry)
		} else {
			only[entry] = true
		}
	}
	var files []string
	for entry := range only {
		_, path, _ := strings.Cut(entry, "\t")
		files = append(files, path)
	}
	slices.Sort(files)
	return Change{Base: base, Files: slices.Compact(files)}, nil
}

// entries are the files of a commit as ls-tree prints them, with any more of its
// options.
func (r *Repository) entries(ctx context.Context, sha string, options ...string) ([]string, error) {
	args := append([]string{"ls-tree", "-r", "-z", "--full-tree"}, options...)
	out, err := git(ctx, r.dir, append(args, "--end-of-options", sha)...)
	if err != nil {
		return nil, fmt.Errorf("list the files of %q: %w", sha, err)
	}
	return records(out), nil
}

func short(sha string) string { return sha[:min(7, len(sha))] }
