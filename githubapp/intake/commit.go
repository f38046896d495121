package intake

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// ownFiles are the events whose workflow files are those of the commit that they
// happen to; for the others the files of the default branch count. GitHub docs:
// events-that-trigger-workflows: "only if the workflow file exists on the default branch"
var ownFiles = []string{
	"push", "pull_request", "pull_request_review", "pull_request_review_comment", "merge_group", "create",
	"deployment", "deployment_status", "release", "workflow_dispatch",
}

// locate finds the commits of a cause: what GITHUB_SHA is, where the workflow files
// are read, and what check runs belong to.
func (i *Intake) locate(ctx context.Context, c *cause) (err error) {
	f := c.facts
	switch {
	case c.name == "push":
		c.sha = f.SHA
		if strings.HasPrefix(f.Ref, "refs/tags/") {
			// `after` of an annotated tag is the tag, not its commit.
			if c.sha = fieldText(c.payload, "head_commit", "id"); c.sha == "" {
				c.sha, err = i.o.Reader.Resolve(ctx, c.repo, f.Ref)
			}
		}
	case c.name == "pull_request" || c.name == "pull_request_review" || c.name == "pull_request_review_comment":
		c.sha, err = i.merge(ctx, c)
		c.headSHA = c.pull.Head.SHA
	case c.name == "release":
		// The tag is what counts: target_commitish only says where it would be made.
		if c.sha, err = i.o.Reader.Resolve(ctx, c.repo, f.Ref); repository.KindOf(err) == repository.NoCommit {
			c.sha, err = f.SHA, nil
		}
	case slices.Contains(ownFiles, c.name):
		c.sha = f.SHA
		if c.sha == "" {
			c.sha, err = i.o.Reader.Resolve(ctx, c.repo, f.Ref)
		}
	}
	if err != nil {
		return err
	}
	c.files = c.sha
	if c.files == "" || !slices.Contains(ownFiles, c.name) {
		if f.DefaultBranch == "" {
			return ignored("the payload names no default branch")
		}
		// Its tip now, not what the payload says: base.sha of a pull request may be
		// older, and with it a workflow that was repaired since.
		if c.files, err = i.o.Reader.Resolve(ctx, c.repo, "refs/heads/"+f.DefaultBranch); err != nil {
			return err
		}
	}
	switch {
	case c.name == "registry_package" && f.SHA != "":
		c.sha = f.SHA
	case c.sha == "":
		c.sha = c.files
	}
	switch {
	case c.name == "pull_request_target":
		c.headSHA = c.pull.Head.SHA
	case c.headSHA == "":
		c.headSHA = c.sha
	}
	if c.headSHA == "" {
		return ignored("the payload names no commit")
	}
	return nil
}

// mergeWaits are the pauses before GitHub is asked again whether a pull request merges.
var mergeWaits = []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute}

// merge finds the merge commit of a pull request's head with its base. Whatever
// names it, it is used only if the head is its parent: check runs and approvals
// belong to the head, and must say nothing about other code.
// GitHub docs: events-that-trigger-workflows: pull_request: no runs while there is a conflict
func (i *Intake) merge(ctx context.Context, c *cause) (string, error) {
	head, number := c.pull.Head.SHA, c.facts.Number
	if number == "" || head == "" {
		return "", ignored("the payload names no pull request")
	}
	closed := fieldText(c.payload, "pull_request", "state") == "closed"
	if closed && c.pull.Merged && c.name == "pull_request" {
		return c.facts.SHA, nil // a commit of the base branch
	}
	merges := func(sha string) (bool, error) {
		if sha == "" {
			return false, nil
		}
		commit, err := i.o.Reader.Commit(ctx, c.repo, sha)
		if repository.KindOf(err) == repository.NoCommit {
			return false, nil
		}
		return len(commit.Parents) == 2 && commit.Parents[1] == head, err
	}
	if ok, err := merges(c.facts.SHA); err != nil || ok {
		return c.facts.SHA, err
	}
	if closed {
		return head, nil // nothing will make a merge commit any more
	}
	pull, err := i.o.Reader.Pull(ctx, c.repo, number)
	switch {
	case repository.KindOf(err) == repository.NoFile:
		return "", ignored("pull request #%s is gone", number)
	case err != nil:
		return "", err
	case pull.HeadSHA != head:
		return "", ignored("pull request #%s has moved on from %s to %s: that commit's own event is planned instead", number, short(head), short(pull.HeadSHA))
	case !pull.Open:
		return "", ignored("pull request #%s was closed meanwhile", number)
	case pull.Mergeable != nil && !*pull.Mergeable:
		return "", ignored("pull request #%s conflicts with %q: nothing runs until the conflict is resolved", number, pull.BaseRef)
	case pull.Mergeable != nil:
		ok, err := merges(pull.MergeSHA)
		if err != nil || ok {
			return pull.MergeSHA, err
		}
	}
	if c.tries > len(mergeWaits) {
		return "", &ended{fate: store.Failed, reason: fmt.Sprintf("GitHub did not say whether pull request #%s merges", number)}
	}
	return "", &ended{fate: store.Pending, reason: fmt.Sprintf("GitHub is finding out whether pull request #%s merges", number), delay: mergeWaits[max(0, c.tries-1)]}
}

// changed lists the files that path filters look at.
func (i *Intake) changed(ctx context.Context, c *cause) ([]string, bool, error) {
	f := c.facts
	if c.name != "push" {
		if f.Before == "" || f.After == "" {
			return nil, false, nil
		}
		return i.o.Reader.Changed(ctx, c.repo, f.Before, f.After, true)
	}
	if !f.Created {
		return i.o.Reader.Changed(ctx, c.repo, f.Before, f.After, false)
	}
	// A new branch: against the parent of the oldest commit that came with it.
	// GitHub docs: workflow-syntax, git diff comparisons
	if len(c.commits) == 0 && !c.unheard {
		return nil, false, nil
	}
	if len(c.commits) == 0 {
		// No webhook listed what came with the branch: it is what the default branch does not have.
		tip, err := i.o.Reader.Resolve(ctx, c.repo, "refs/heads/"+f.DefaultBranch)
		if err != nil {
			return nil, false, err
		}
		files, known, err := i.o.Reader.Changed(ctx, c.repo, tip, f.After, true)
		return files, known && len(files) > 0, err
	}
	oldest, err := i.o.Reader.Commit(ctx, c.repo, c.commits[0].ID)
	if err != nil {
		if repository.KindOf(err) == repository.NoCommit {
			return nil, false, nil
		}
		return nil, false, err
	}
	if len(oldest.Parents) > 0 {
		return i.o.Reader.Changed(ctx, c.repo, oldest.Parents[0], f.After, false)
	}
	// The very first push: there is nothing to compare with but the commits themselves.
	seen := map[string]bool{}
	var files []string
	for _, commit := range c.commits {
		for _, name := range slices.Concat(commit.Added, commit.Modified, commit.Removed) {
			if !seen[name] {
				seen[name] = true
				files = append(files, name)
			}
		}
	}
	return files, len(files) > 0, nil
}

func short(sha string) string { return sha[:min(len(sha), 7)] }

func digits(n int64) string { return strconv.FormatInt(n, 10) }
