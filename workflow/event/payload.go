package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Facts is what GitHub derives from a payload for the github context.
type Facts struct {
	Event Event // what Match needs; not Files and not a pull request's Message

	// Ref is full, refs/heads/x. It is "" for a deployment of a bare commit,
	// which has none (NoRef), and when the payload lacks what it should say.
	Ref   string
	NoRef bool
	// SHA is "" when the payload does not say it: then it is the tip of Ref, or
	// of the default branch when a push has deleted Ref.
	SHA     string
	RefName string // branch, tag or N/merge
	RefType string // branch or tag
	HeadRef string // of pull_request and pull_request_target
	BaseRef string

	Repository    string // owner/name
	DefaultBranch string
	Actor         string
	Number        string // of the pull request, "" if there is none

	// Before and After are the commits whose difference the path filters look
	// at, "" when the payload does not say. MergeBase: from where After left
	// Before (three dots), else directly (two dots). Created: the push made the
	// ref, so that there is no Before.
	Before, After string
	MergeBase     bool
	Created       bool

	Inputs map[string]string // of workflow_dispatch
}

// Names gives the events of `on:` that a webhook starts: a pull_request also
// starts pull_request_target. None for webhooks that start no workflow.
func Names(webhook string) []string {
	switch {
	case webhook == "pull_request":
		return []string{"pull_request", "pull_request_target"}
	case slices.Contains(webhooks, webhook):
		return []string{webhook}
	}
	return nil
}

// webhooks that start workflows (GitHub's documentation: events that trigger
// workflows).
var webhooks = []string{
	"branch_protection_rule", "check_run", "check_suite", "create", "delete", "deployment", "deployment_status",
	"discussion", "discussion_comment", "fork", "gollum", "issue_comment", "issues", "label", "member", "merge_group",
	"milestone", "page_build", "project", "project_card", "project_column", "public", "pull_request",
	"pull_request_review", "pull_request_review_comment", "pull_request_target", "push", "registry_package", "release",
	"repository_dispatch", "schedule", "status", "watch", "workflow_dispatch", "workflow_run",
}

// Payload derives the facts of an event from its payload, which is JSON that
// nobody vouches for: what is missing or of a wrong type stays empty. name is
// the name in `on:`, see Names.
func Payload(name string, raw []byte) (Facts, error) {
	var top any
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	d.UseNumber()
	if err := d.Decode(&top); err != nil {
		return Facts{}, fmt.Errorf("read the payload of %s: %w", quote(name), err)
	}
	p, ok := top.(map[string]any)
	if !ok {
		return Facts{}, fmt.Errorf("read the payload of %s: it is not a JSON object", quote(name))
	}
	f := Facts{
		Repository:    text(p, "repository", "full_name"),
		DefaultBranch: text(p, "repository", "default_branch"),
		Actor:         text(p, "sender", "login"),
		Event:         Event{Name: name, Action: text(p, "action")},
	}
	f.derive(p)
	f.RefType, f.RefName = SplitRef(f.Ref)
	return f, nil
}

// text follows keys to a scalar; what is not there is "".
func text(v any, keys ...string) string {
	switch v := lookup(v, keys...).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	return ""
}

func lookup(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// FullRef completes the name of a branch; "" stays "".
func FullRef(ref string) string {
	if ref == "" || strings.HasPrefix(ref, "refs/") {
		return ref
	}
	return "refs/heads/" + ref
}

// SplitRef gives github.ref_type and github.ref_name of github.ref.
func SplitRef(ref string) (kind, short string) {
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return "tag", tag
	}
	for _, prefix := range []string{"refs/heads/", "refs/pull/"} {
		if rest, ok := strings.CutPrefix(ref, prefix); ok {
			return "branch", rest
		}
	}
	if ref == "" {
		return "", ""
	}
	return "branch", ref
}

// sha is the text if it names a commit: not a deleted one, all zeros.
func sha(text string) string {
	if (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == "" && strings.Trim(text, "0") != "" {
		return text
	}
	return ""
}
