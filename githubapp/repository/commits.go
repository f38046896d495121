package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

func decodeJSON(data []byte, out any) error { return json.Unmarshal(data, out) }

// Commit is a commit as git has it.
type Commit struct {
	SHA     string
	Message string
	Parents []string
}

// Commit reads a commit; one that was force-pushed away is a NoCommit.
func (r *Reader) Commit(ctx context.Context, ref Ref, sha string) (Commit, error) {
	doing := fmt.Sprintf("read commit %q of %q", sha, ref.FullName())
	if !isHash(sha) {
		return Commit{}, &Error{Doing: doing, Kind: NoCommit}
	}
	key := fmt.Sprintf("commit %d %s %s", ref.Installation, strings.ToLower(ref.FullName()), sha)
	if v, ok := r.cache.value(key); ok {
		return v.(Commit), nil
	}
	var got struct {
		SHA     string
		Message string
		Parents []struct{ SHA string }
	}
	if res, err := r.decode(ctx, ref, "git/commits/"+sha, &got); err != nil {
		return Commit{}, r.whyNot(ctx, doing, ref, NoCommit, refused(doing, NoCommit, res, err))
	}
	c := Commit{SHA: got.SHA, Message: got.Message}
	for _, p := range got.Parents {
		c.Parents = append(c.Parents, p.SHA)
	}
	r.cache.keep(key, c, len(c.Message)+64*(1+len(c.Parents)), 0)
	return c, nil
}

// whyNot tells a missing thing from a missing repository, for which GitHub's
// answer is the same.
func (r *Reader) whyNot(ctx context.Context, doing string, ref Ref, missing Kind, err error) error {
	if KindOf(err) != missing {
		return err
	}
	if _, errAbout := r.ask(ctx, ref); KindOf(errAbout) == Gone || KindOf(errAbout) == NoAccess {
		return &Error{Doing: doing, Kind: KindOf(errAbout)}
	}
	return err
}

// Message is the message of a commit.
func (r *Reader) Message(ctx context.Context, ref Ref, sha string) (string, error) {
	c, err := r.Commit(ctx, ref, sha)
	return c.Message, err
}

// Resolve is the commit that a ref is at: refs/heads/x, refs/tags/x (also an
// annotated one), refs/pull/7/merge, or what people write after @: a tag, a
// branch or a commit.
func (r *Reader) Resolve(ctx context.Context, ref Ref, name string) (string, error) {
	doing := fmt.Sprintf("find %q of %q", name, ref.FullName())
	if name == "" || strings.ContainsAny(name, "\x00\n\r") {
		return "", &Error{Doing: doing, Kind: NoCommit}
	}
	body, res, err := r.get(ctx, ref, "commits/"+escape(strings.TrimPrefix(name, "refs/")), asSHA, 1<<10)
	if err != nil {
		return "", r.whyNot(ctx, doing, ref, NoCommit, refused(doing, NoCommit, res, err))
	}
	sha := strings.TrimSpace(string(body))
	if !isHash(sha) {
		return "", fmt.Errorf("%s: GitHub's answer is no commit", doing)
	}
	return sha, nil
}

// Changed lists the files whose changes path filters look at: those of head
// since it left base when fork is true (three dots), else all that differ between
// the two. known is false when GitHub cannot tell: then filters let everything
// pass. GitHub gives at most the 300 first files, and looks at no others itself.
// GitHub docs: workflow-syntax: on.<push|pull_request>.paths, git diff comparisons
func (r *Reader) Changed(ctx context.Context, ref Ref, base, head string, fork bool) (files []string, known bool, err error) {
	if base == head && isHash(head) {
		return nil, true, nil
	}
	first, err := r.compare(ctx, ref, base, head)
	if err != nil || first == nil {
		return nil, false, err
	}
	files = first.names()
	if fork || first.Status == "ahead" || first.Status == "identical" {
		return files, true, nil
	}
	// The API knows three dots alone. Of a branch that was set back or aside, what
	// differs is what either side changed: at worst a file that both changed alike.
	second, err := r.compare(ctx, ref, head, base)
	if err != nil || second == nil {
		return nil, false, err
	}
	seen := map[string]bool{}
	for _, f := range files {
		seen[f] = true
	}
	for _, f := range second.names() {
		if !seen[f] {
			files = append(files, f)
		}
	}
	return files, true, nil
}

type comparison struct {
	Status string
	Files  []struct {
		Filename string
		Previous string `json:"previous_filename"`
	}
}

// names holds both names of a file that was renamed.
func (c *comparison) names() []string {
	var names []string
	for _, f := range c.Files {
		names = append(names, f.Filename)
		if f.Previous != "" && f.Previous != f.Filename {
			names = append(names, f.Previous)
		}
	}
	return names
}

// compare is nil when GitHub cannot compare: a commit is gone, or it took too long.
func (r *Reader) compare(ctx context.Context, ref Ref, base, head string) (*comparison, error) {
	doing := fmt.Sprintf("compare %q with %q in %q", base, head, ref.FullName())
	if !isHash(base) || !isHash(head) {
		return nil, nil
	}
	key := fmt.Sprintf("compare %d %s %s %s", ref.Installation, strings.ToLower(ref.FullName()), base, head)
	if v, ok := r.cache.value(key); ok {
		return v.(*comparison), nil
	}
	c := &comparison{}
	// All files come with the first page, whatever its number of commits.
	res, err := r.decode(ctx, ref, "compare/"+base+"..."+head+"?"+url.Values{"per_page": {"1"}}.Encode(), c)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case res != nil && res.StatusCode >= http.StatusInternalServerError:
		return nil, nil // GitHub docs: a diff that is not made in time lets the workflow run
	default:
		err = r.whyNot(ctx, doing, ref, NoCommit, refused(doing, NoCommit, res, err))
		if KindOf(err) == NoCommit {
			return nil, nil
		}
		return nil, err
	}
	cost := 0
	for _, f := range c.Files {
		cost += 64 + len(f.Filename) + len(f.Previous)
	}
	r.cache.keep(key, c, cost, 0)
	return c, nil
}
