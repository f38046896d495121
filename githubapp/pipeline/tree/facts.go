package tree

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Time is when a commit was made.
func (r *Repository) Time(ctx context.Context, sha string) (time.Time, error) {
	out, err := git(ctx, r.dir, "show", "-s", "--format=%ct", "--end-of-options", sha)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

// Branch is what HEAD is on; empty: no branch.
func (r *Repository) Branch(ctx context.Context) (string, error) {
	out, err := git(ctx, r.dir, "symbolic-ref", "--short", "-q", "HEAD")
	var refused *refusal
	if errors.As(err, &refused) {
		return "", nil
	}
	return strings.TrimSpace(out), err
}

// Tags are the tags at a commit.
func (r *Repository) Tags(ctx context.Context, sha string) ([]string, error) {
	out, err := git(ctx, r.dir, "tag", "--points-at", sha)
	return strings.Fields(out), err // no tag has a space in it (git-check-ref-format)
}

// AllTags are the tags of the repository.
func (r *Repository) AllTags(ctx context.Context) ([]string, error) {
	out, err := git(ctx, r.dir, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags")
	return strings.Fields(out), err
}

// LastTag finds the nearest tag at or before a commit that matches one of the globs,
// and how many commits came since; "" when there is none.
func (r *Repository) LastTag(ctx context.Context, sha string, globs ...string) (tag string, commits int, err error) {
	args := []string{"describe", "--tags", "--abbrev=0"}
	for _, glob := range globs {
		args = append(args, "--match="+glob)
	}
	out, err := git(ctx, r.dir, append(args, sha)...)
	var refused *refusal
	if errors.As(err, &refused) {
		out, err = "", nil
	}
	if err != nil {
		return "", 0, err
	}
	tag = strings.TrimSpace(out)
	since := sha
	if tag != "" {
		since = "refs/tags/" + tag + ".." + sha
	}
	out, err = git(ctx, r.dir, "rev-list", "--count", "--end-of-options", since)
	if err != nil {
		return "", 0, err
	}
	commits, err = strconv.Atoi(strings.TrimSpace(out))
	return tag, commits, err
}
