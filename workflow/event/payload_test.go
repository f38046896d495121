package event

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// suite gives the folder of the webhook payloads, or skips.
func suite(t testing.TB, name string) string {
	root := os.Getenv("DRYDOCK_SHARED")
	if root == "" {
		t.Skip("DRYDOCK_SHARED is not set: the conformance suites are not here")
	}
	return filepath.Join(root, "suites", name)
}

// TestPayloadSuite derives from every payload of a webhook that starts
// workflows. What is expected is read from the payload by the table of GitHub's
// documentation, by another way than Payload's.
func TestPayloadSuite(t *testing.T) {
	dir := suite(t, "webhook-payloads")
	index, err := os.Open(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	n, none := 0, map[string]bool{}
	for lines := bufio.NewScanner(index); lines.Scan(); {
		var entry struct{ Event, File string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, entry.File))
		if err != nil {
			t.Fatal(err)
		}
		if len(Names(entry.Event)) == 0 {
			none[entry.Event] = true
		}
		for _, name := range Names(entry.Event) {
			n++
			f, err := Payload(name, raw)
			if err != nil {
				t.Errorf("%s: %v", entry.File, err)
				continue
			}
			want := expectedFacts(t, name, raw)
			got := [8]string{f.Ref, f.SHA, f.HeadRef, f.BaseRef, f.RefName, f.RefType, f.Repository, f.Actor}
			if got != want {
				t.Errorf("%s as %s:\n got %q\nwant %q", entry.File, name, got, want)
			}
		}
	}
	if n < 90 {
		t.Errorf("only %d payloads start workflows", n)
	}
	for _, name := range []string{"installation", "workflow_job", "package", "repository", "team", "membership", "pull_request_review_thread"} {
		if !none[name] {
			t.Errorf("%s starts workflows, or is not in the suite", name)
		}
	}
}

// expectedFacts: ref, sha, head_ref, base_ref, ref_name, ref_type, repository, actor.
func expectedFacts(t *testing.T, name string, raw []byte) [8]string {
	type branch struct{ Ref, SHA string }
	var p struct {
		Action, Ref, After, Branch string
		RefType                    string `json:"ref_type"`
		Number                     json.Number
		Sender                     struct{ Login string }
		Repository                 struct {
			FullName      string `json:"full_name"`
			DefaultBranch string `json:"default_branch"`
		}
		PullRequest struct {
			Number     json.Number
			Merged     bool
			MergeSHA   string `json:"merge_commit_sha"`
			Head, Base branch
		} `json:"pull_request"`
		MergeGroup struct {
			HeadRef string `json:"head_ref"`
			HeadSHA string `json:"head_sha"`
		} `json:"merge_group"`
		Deployment branch
		Release    struct {
			Tag string `json:"tag_name"`
		}
		Package struct {
			Version struct {
				Branch string `json:"target_commitish"`
			} `json:"package_version"`
		} `json:"registry_package"`
	}
	var loose map[string]json.RawMessage
	if err := json.Unmarshal(raw, &loose); err != nil {
		t.Fatal(err)
	}
	if name != "deployment" && name != "deployment_status" {
		delete(loose, "deployment")
	}
	again, _ := json.Marshal(loose)
	if err := json.Unmarshal(again, &p); err != nil {
		t.Fatal(err)
	}
	ref, sha, head, base := "refs/heads/"+p.Repository.DefaultBranch, "", "", ""
	kind := "branch"
	switch name {
	case "push":
		ref, sha = p.Ref, strings.TrimLeft(p.After, "0")
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		ref, sha = "refs/pull/"+p.PullRequest.Number.String()+"/merge", p.PullRequest.MergeSHA
		if p.Action == "closed" && p.PullRequest.Merged {
			ref = "refs/heads/" + p.PullRequest.Base.Ref
		}
	case "merge_group":
		ref, sha = p.MergeGroup.HeadRef, p.MergeGroup.HeadSHA
	case "create":
		ref = map[string]string{"tag": "refs/tags/", "branch": "refs/heads/"}[p.RefType] + p.Ref
	case "deployment", "deployment_status":
		ref, sha = "refs/heads/"+p.Deployment.Ref, p.Deployment.SHA
	case "release":
		ref = "refs/tags/" + p.Release.Tag
	case "registry_package":
		ref = "refs/heads/" + p.Package.Version.Branch
	case "workflow_dispatch":
		ref = p.Ref
	case "pull_request_target":
		sha = p.PullRequest.Base.SHA // every base of the suite is the default branch
	}
	if name == "pull_request" || name == "pull_request_target" {
		head, base = p.PullRequest.Head.Ref, p.PullRequest.Base.Ref
	}
	short := ref
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/pull/"} {
		short = strings.TrimPrefix(short, prefix)
	}
	if strings.HasPrefix(ref, "refs/tags/") {
		kind = "tag"
	}
	return [8]string{ref, sha, head, base, short, kind, p.Repository.FullName, p.Sender.Login}
}

func TestPayload(t *testing.T) {
	const a, b = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	const none = "0000000000000000000000000000000000000000"
	repository := `"repository": {"full_name": "o/r", "default_branch": "main"}, "sender": {"login": "mona"}`
	for _, tc := range []struct {
		name, event, raw string
		want             func(Facts) bool
	}{
		{"push", "push", `{"ref": "refs/heads/x/y", "before": "` + a + `", "after": "` + b + `", "head_commit": {"message": "Fix [skip ci]"}, "commits": [{}, {}]}`, func(f Facts) bool {
			return f.Ref == "refs/heads/x/y" && f.RefName == "x/y" && f.SHA == b && f.Before == a && !f.Created && !f.MergeBase &&
				f.Event.Ref == f.Ref && f.Event.Message == "Fix [skip ci]" && f.Event.Commits == 2 && f.Event.Inert == ""
		}},
		{"new branch", "push", `{"ref": "refs/heads/x", "before": "` + none + `", "after": "` + b + `"}`, func(f Facts) bool { return f.Created && f.Before == "" && f.After == b }},
		{"deleted branch", "push", `{"ref": "refs/heads/x", "before": "` + a + `", "after": "` + none + `", "deleted": true}`, func(f Facts) bool { return f.SHA == "" && f.Event.Inert != "" && !f.Created }},
		{"pull request", "pull_request", `{"action": "synchronize", "number": 7, "pull_request": {"merge_commit_sha": null, "head": {"ref": "topic", "sha": "` + a + `"}, "base": {"ref": "dev", "sha": "` + b + `"}}}`, func(f Facts) bool {
			return f.Ref == "refs/pull/7/merge" && f.RefName == "7/merge" && f.SHA == "" && f.HeadRef == "topic" && f.BaseRef == "dev" &&
				f.Event.BaseRef == "dev" && f.Event.Action == "synchronize" && f.Before == b && f.After == a && f.MergeBase
		}},
		{"target", "pull_request_target", `{"number": 7, "pull_request": {"merge_commit_sha": "` + a + `", "head": {"ref": "topic"}, "base": {"ref": "dev"}}, ` + repository + `}`, func(f Facts) bool {
			return f.Ref == "refs/heads/main" && f.SHA == "" && f.HeadRef == "topic" && f.BaseRef == "dev" && f.Event.BaseRef == "dev" && f.Repository == "o/r" && f.Actor == "mona"
		}},
		{"target of the default branch", "pull_request_target", `{"number": 7, "pull_request": {"merge_commit_sha": "` + a + `", "head": {"ref": "topic"}, "base": {"ref": "main", "sha": "` + b + `"}}, ` + repository + `}`, func(f Facts) bool {
			return f.Ref == "refs/heads/main" && f.SHA == b
		}},
		{"merged", "pull_request", `{"action": "closed", "pull_request": {"number": 7, "merged": true, "merge_commit_sha": "` + a + `", "base": {"ref": "dev"}}}`, func(f Facts) bool { return f.Ref == "refs/heads/dev" && f.SHA == a }},
		{"workflow_run", "workflow_run", `{"action": "completed", "workflow": {"name": "", "path": ".github/workflows/a.yml"}, "workflow_run": {"name": null, "head_branch": "canary"}, ` + repository + `}`, func(f Facts) bool {
			return f.Event.WorkflowName == ".github/workflows/a.yml" && f.Event.HeadBranch == "canary" && f.Ref == "refs/heads/main"
		}},
		{"repository_dispatch", "repository_dispatch", `{"action": "deploy", "branch": "main", "client_payload": {}}`, func(f Facts) bool { return f.Event.Action == "deploy" && f.Ref == "refs/heads/main" }},
		{"schedule", "schedule", `{"schedule": "0 1 * * *", ` + repository + `}`, func(f Facts) bool { return f.Event.Schedule == "0 1 * * *" && f.Ref == "refs/heads/main" }},
		{"dispatch", "workflow_dispatch", `{"ref": "refs/tags/v1", "inputs": {"a": "x", "b": true, "c": 1.50}}`, func(f Facts) bool {
			return f.RefType == "tag" && f.RefName == "v1" && len(f.Inputs) == 3 && f.Inputs["b"] == "true" && f.Inputs["c"] == "1.50"
		}},
		{"merge group", "merge_group", `{"merge_group": {"head_ref": "refs/heads/gh-readonly-queue/main/pr-1", "head_sha": "` + a + `", "base_ref": "refs/heads/main"}}`, func(f Facts) bool {
			return f.SHA == a && f.Event.BaseRef == "main" && f.BaseRef == ""
		}},
		{"deployment of a commit", "deployment", `{"deployment": {"ref": "` + a + `", "sha": "` + a + `"}, ` + repository + `}`, func(f Facts) bool { return f.Ref == "" && f.NoRef && f.SHA == a && f.RefName == "" && f.RefType == "" }},
		{"deployment of a branch", "deployment", `{"deployment": {"ref": "x", "sha": "` + a + `"}, ` + repository + `}`, func(f Facts) bool { return f.Ref == "refs/heads/x" && !f.NoRef && f.SHA == a }},
		{"push without a ref", "push", `{` + repository + `}`, func(f Facts) bool { return f.Ref == "" && !f.NoRef && f.Event.Ref == "" }},
		{"merged, reviewed", "pull_request_review", `{"action": "submitted", "pull_request": {"number": 7, "merged": true, "head": {"ref": "topic"}, "base": {"ref": "dev"}}, ` + repository + `}`, func(f Facts) bool {
			return f.Ref == "refs/pull/7/merge" && f.HeadRef == "" && f.BaseRef == ""
		}},
		{"inactive deployment", "deployment_status", `{"deployment": {"ref": "x"}, "deployment_status": {"state": "inactive"}}`, func(f Facts) bool { return f.Event.Inert != "" }},
		{"draft", "release", `{"action": "created", "release": {"draft": true, "tag_name": "v1"}}`, func(f Facts) bool { return f.Event.Inert != "" && f.Ref == "refs/tags/v1" }},
		{"published", "release", `{"action": "published", "release": {"draft": false, "tag_name": "v1", "target_commitish": "` + a + `"}}`, func(f Facts) bool { return f.Event.Inert == "" && f.SHA == a }},
		{"own checks", "check_run", `{"action": "completed", "check_run": {"app": {"slug": "github-actions"}}}`, func(f Facts) bool { return f.Event.Inert != "" }},
		{"checks of others", "check_suite", `{"action": "completed", "check_suite": {"app": {"slug": "circleci"}}}`, func(f Facts) bool { return f.Event.Inert == "" }},
		{"nothing", "issues", "\xef\xbb\xbf{}", func(f Facts) bool { return f.Ref == "" && f.RefType == "" && f.SHA == "" }},
		{"wrong types", "push", `{"ref": 5, "after": [], "repository": "x", "sender": {"login": {}}, "commits": {}}`, func(f Facts) bool { return f.SHA == "" && f.Actor == "" }},
	} {
		f, err := Payload(tc.event, []byte(tc.raw))
		if err != nil || !tc.want(f) {
			t.Errorf("%s: got %+v, %v", tc.name, f, err)
		}
	}
	for _, raw := range []string{"", "[]", "null", "{", `{"a":1`} {
		if _, err := Payload("push", []byte(raw)); err == nil || !strings.Contains(err.Error(), "read the payload of 'push'") {
			t.Errorf("%q: got %v", raw, err)
		}
	}
	if got := Names("pull_request"); !slices.Equal(got, []string{"pull_request", "pull_request_target"}) {
		t.Errorf("got %v", got)
	}
}
