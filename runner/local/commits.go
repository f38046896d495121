package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCommits is how many commits a push payload lists (GitHub's documentation
// of the push event).
const maxCommits = 2048

// commit is a commit as a push payload shows it.
type commit struct {
	sha, tree string
	parents   []string
	author    person
	committer person
	message   string
	added     []string
	removed   []string
	modified  []string
}

type person struct {
	name, email, date string // date as in ISO 8601, with the person's offset
}

// subject is the first line of the message.
func (c commit) subject() string {
	line, _, _ := strings.Cut(c.message, "\n")
	return line
}

// body is what follows the first line.
func (c commit) body() string {
	_, rest, _ := strings.Cut(c.message, "\n")
	return strings.TrimSpace(rest)
}

const commitFormat = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"

// commits lists commits, newest first, with the files that each changed
// against its first parent; renames count as a removal and an addition.
func (r *Repo) commits(ctx context.Context, limit int, revisions ...string) ([]commit, error) {
	args := []string{"log", "-z", "-n", strconv.Itoa(limit), "--format=" + commitFormat, "--name-status", "--no-renames", "--diff-merges=first-parent", "--no-color", "--no-ext-diff"}
	args = append(append(append(args, "--end-of-options"), revisions...), "--")
	out, err := git(ctx, r.Root, args...)
	if err != nil {
		return nil, fmt.Errorf("read commits of %q: %w", r.Root, err)
	}
	return parseCommits(out), nil
}

func parseCommits(out string) []commit {
	var all []commit
	f := strings.Split(out, "\x00")
	for len(f) >= 10 {
		c := commit{
			sha: f[0], tree: f[1], parents: strings.Fields(f[2]),
			author:    person{f[3], f[4], f[5]},
			committer: person{f[6], f[7], f[8]},
			message:   strings.TrimRight(f[9], "\n"),
		}
		f = f[10:]
		for len(f) >= 2 {
			status := strings.TrimPrefix(f[0], "\n")
			if len(status) != 1 {
				break // the next commit
			}
			switch status {
			case "A":
				c.added = append(c.added, f[1])
			case "D":
				c.removed = append(c.removed, f[1])
			default:
				c.modified = append(c.modified, f[1])
			}
			f = f[2:]
		}
		all = append(all, c)
	}
	return all
}

// Compare says how two commits are compared.
type Compare string

// The ways of comparison: a push is compared commit with commit, a pull
// request from where it left its base.
const (
	Direct    Compare = "direct"
	MergeBase Compare = "merge-base"
)

// ChangedFiles lists the files that differ between two commits, as the path
// filters of `on:` see them: a rename is two files. An unknown base (NoSHA)
// is compared with the parent of head, or with nothing.
func ChangedFiles(ctx context.Context, r *Repo, base, head string, how Compare) ([]string, error) {
	if !r.HasCommit() || head == NoSHA || head == "" {
		return nil, nil
	}
	if base == NoSHA || base == "" {
		only, err := r.commits(ctx, 1, head)
		if err != nil || len(only) == 0 {
			return nil, err
		}
		return slices.Sorted(slices.Values(slices.Concat(only[0].added, only[0].removed, only[0].modified))), nil
	}
	out, err := r.diff(ctx, base, head, how, "--name-only", "--no-renames", "-z")
	return records(out), err
}

// diff compares two commits. Without a common ancestor, as in a shallow clone,
// a comparison from there is a direct one.
func (r *Repo) diff(ctx context.Context, base, head string, how Compare, options ...string) (string, error) {
	args := append([]string{"diff", "--no-ext-diff", "--no-color", "--ignore-submodules=none"}, options...)
	if how == MergeBase {
		out, err := git(ctx, r.Root, append(args, "--end-of-options", base+"..."+head, "--")...)
		var failure *gitFailure
		if err == nil || !errors.As(err, &failure) || !strings.Contains(failure.stderr, "no merge base") {
			return out, describeDiff(err, base, head)
		}
	}
	out, err := git(ctx, r.Root, append(args, "--end-of-options", base, head, "--")...)
	return out, describeDiff(err, base, head)
}

func describeDiff(err error, base, head string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("compare %q with %q: %w", base, head, err)
}

// size is what a pull request counts.
type size struct{ files, additions, deletions int }

func (r *Repo) diffSize(ctx context.Context, base, head string) (size, error) {
	out, err := r.diff(ctx, base, head, MergeBase, "--shortstat")
	return parseShortstat(out), err
}

// parseShortstat reads " 3 files changed, 10 insertions(+), 2 deletions(-)".
func parseShortstat(out string) size {
	var s size
	for part := range strings.SplitSeq(strings.TrimSpace(out), ", ") {
		number, what, _ := strings.Cut(part, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		switch {
		case strings.HasPrefix(what, "file"):
			s.files = n
		case strings.HasPrefix(what, "insertion"):
			s.additions = n
		case strings.HasPrefix(what, "deletion"):
			s.deletions = n
		}
	}
	return s
}
