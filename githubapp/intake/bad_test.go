package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/event"
)

// deliver puts a delivery into the ledger as if it had been signed.
func (w *world) deliver(event string, body []byte) store.Delivery {
	w.t.Helper()
	id := store.DeliveryID(fmt.Sprintf("test-%d", time.Now().UnixNano()))
	if _, err := w.store.AddDeliveries(w.t.Context(), []store.Delivery{{ID: id, Event: event, Body: body, Received: time.Now()}}); err != nil {
		w.t.Fatal(err)
	}
	w.intake.Wake()
	w.settle()
	d, err := w.store.Delivery(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return *d
}

func (w *world) expectFate(d store.Delivery, fate store.Fate, reason string) {
	w.t.Helper()
	if d.Fate != fate || !strings.Contains(d.Reason, reason) {
		w.t.Errorf("%s: %s %q, want %s %q", d.Event, d.Fate, d.Reason, fate, reason)
	}
}

// TestGone: what GitHub refuses for good ends with a reason, at once.
func TestGone(t *testing.T) {
	w := newWorld(t)
	files := githubtest.Files{folder + "ci.yml": on("[push, issues]")}
	r := w.github.Repository("octo/demo", files)
	gone := strings.Repeat("ab", 20)
	r.Emit("push", "", map[string]any{"ref": "refs/heads/main", "before": gone, "after": gone[:38] + "cd", "head_commit": map[string]any{"id": gone}}, "")
	w.expectFate(w.last("push"), store.Ignored, "there is no such commit any more")

	deleted := w.github.Repository("octo/deleted", files)
	var body []byte
	deleted.Emit("issues", "opened", map[string]any{"issue": map[string]any{"title": "x"}}, "")
	for _, d := range w.github.Deliveries() {
		body = d.Payload
	}
	w.settle()
	deleted.Delete()
	w.settle()
	time.Sleep(10 * time.Millisecond)
	w.expectFate(w.deliver("issues", body), store.Ignored, "the repository was deleted")

	suspended := w.github.Repository("asleep/demo", files)
	suspended.Push("main", githubtest.Files{"a": "1"}, "x")
	w.settle()
	before := len(w.runs())
	for _, d := range w.github.Deliveries() {
		if d.Event == "push" {
			body = d.Payload
		}
	}
	w.github.Suspend("asleep", true)
	w.settle()
	w.app.Forget(w.github.Installation("asleep").ID)
	w.expectFate(w.deliver("push", bytes.ReplaceAll(body, []byte(`"after"`), []byte(`"after" `))), store.Ignored, "the installation is suspended")
	list, err := intake.Repositories(t.Context(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range list {
		want := map[string]string{"octo/deleted": "the repository was deleted", "asleep/demo": "the installation is suspended"}[k.Ref().FullName()]
		if k.Off != want {
			t.Errorf("%s: off %q, want %q", k.Ref().FullName(), k.Off, want)
		}
	}
	if got := len(w.runs()); got != before {
		t.Errorf("%d runs, want %d", got, before)
	}
}

func TestMalformed(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		event, body string
		fate        store.Fate
		reason      string
	}{
		{"push", `{"ref": "refs/heads/main"`, store.Failed, "no JSON object"},
		{"push", `[]`, store.Failed, "no JSON object"},
		{"push", `{}`, store.Ignored, "names no repository"},
		{"push", `{"repository": {"id": 1, "name": "r", "owner": {"login": "o"}}}`, store.Ignored, "names no installation"},
		{"push", `{"repository": {"id": 1, "name": "../..", "owner": {"login": "o"}, "default_branch": "main"}, "installation": {"id": 50001}}`, store.Failed, "no such name"},
		{"push", `{"repository": {"id": 1, "name": "r", "owner": {"login": "o"}, "default_branch": "main"}, "installation": {"id": 9}}`, store.Failed, "no access"},
		{"issues", `{"repository": 5, "installation": "x", "sender": []}`, store.Ignored, "names no repository"},
		{"no_such_event", `{"action": "x"}`, store.Ignored, "starts no workflow"},
		{"schedule", `{"repository": {"id": 1, "name": "r", "owner": {"login": "o"}}, "installation": {"id": 9}}`, store.Ignored, "kept by this server itself"},
		{"installation", `{"action": "deleted"}`, store.Ignored, "names no installation"},
		{"repository", `{"action": "deleted"}`, store.Ignored, "names no repository"},
		{"check_run", `{"action": "rerequested", "check_run": 7}`, store.Ignored, "not one of check_run"},
		{"check_suite", `{"action": "rerequested"}`, store.Ignored, "names no check"},
		{"push", strings.Repeat(`{"a":`, 200_000) + `1` + strings.Repeat(`}`, 200_000), store.Failed, "JSON"},
	} {
		w.github.Repository("octo/demo", nil) // so that installation 50001 exists
		w.expectFate(w.deliver(tc.event, []byte(tc.body)), tc.fate, tc.reason)
	}
}

// TestOddNames: quotes, markup and percent signs are part of a name, no more.
func TestOddNames(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci <b>&\"'%41.yml": on("push")})
	branch := `x"<b>'&#%41/../y`
	branch = strings.ReplaceAll(branch, "/../", "/")
	sha := r.Push(branch, githubtest.Files{"a": "1"}, "\"quoted\" <script>\nline")
	p := w.newest()
	if p.Run.Ref != "refs/heads/"+branch || p.Run.SHA != sha || p.Run.Title != `"quoted" <script>` || p.Run.Workflow != folder+"ci <b>&\"'%41.yml" || p.Plan == nil {
		t.Errorf("%+v", p.Run)
	}
}

// TestHuge: a payload of 8 MB is planned.
func TestHuge(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("issues")})
	r.Emit("issues", "opened", map[string]any{"issue": map[string]any{"title": "x", "body": strings.Repeat("yz", 4<<20)}}, "")
	w.expectFate(w.last("issues"), store.Planned, "1 run")
}

// TestPanic: one bad delivery stops no other.
func TestPanic(t *testing.T) {
	w := newWorld(t, func(o *intake.Options) {
		first := true
		o.Variables = func(context.Context, int64, int64, string) (map[string]string, error) {
			if first {
				first = false
				panic("boom")
			}
			return map[string]string{"REGION": "eu"}, nil
		}
	})
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("[push, issues]")})
	r.Issue("x", "y", "")
	w.expectFate(w.last("issues"), store.Failed, "an error of this program: panic: boom")
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	w.expectFate(w.last("push"), store.Planned, "1 run")
	if got := w.newest().Plan.Contexts["vars"].JSON(false); got != `{"REGION":"eu"}` {
		t.Errorf("vars %s", got)
	}
}

// TestAgain: what may pass is tried again, and then runs once.
func TestAgain(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("push")})
	w.refuse(errors.New("the disk is full"))
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	d := w.last("push")
	if d.Fate != store.Planned || d.Attempts != 2 {
		t.Errorf("%s %q after %d tries", d.Fate, d.Reason, d.Attempts)
	}
	w.expectRuns("push ci.yml")
}

// TestExamples takes each of GitHub's own payload examples to its fate.
func TestExamples(t *testing.T) {
	shared := os.Getenv("DRYDOCK_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	files, err := filepath.Glob(filepath.Join(shared, "suites", "webhook-payloads", "*", "*.payload.json"))
	if err != nil || len(files) == 0 {
		t.Skip("no payload examples: set DRYDOCK_SHARED")
	}
	w := newWorld(t)
	var list []string
	for name := range strings.SplitSeq("branch_protection_rule check_run check_suite create delete deployment deployment_status discussion discussion_comment fork gollum issue_comment issues label merge_group milestone page_build public pull_request pull_request_review pull_request_review_comment pull_request_target push registry_package release repository_dispatch status watch workflow_dispatch", " ") {
		list = append(list, name)
	}
	workflow := on("[" + strings.Join(list, ", ") + "]")
	fates := map[store.Fate]int{}
	starting := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Fatal(err)
		}
		if repository, ok := body["repository"].(map[string]any); ok {
			full, _ := repository["full_name"].(string)
			branch, _ := repository["default_branch"].(string)
			r := w.github.Repository(full, githubtest.Files{folder + "all.yml": workflow})
			if branch != "" && branch != "main" && r.Head("refs/heads/"+branch) == "" {
				r.Commit(branch, githubtest.Files{"a": "1"}, "x")
				r.SetDefaultBranch(branch)
			}
			repository["id"] = r.ID
			body["installation"] = map[string]any{"id": w.github.Installation(r.Owner()).ID}
		}
		name := filepath.Base(filepath.Dir(file))
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		w.settle()
		d := w.deliver(name, data)
		fates[d.Fate]++
		if len(event.Names(name)) > 0 {
			starting++
		}
		if d.Reason == "" || strings.Contains(d.Reason, "error of this program") || d.Fate == store.Failed {
			t.Errorf("%s: %s %q", file, d.Fate, d.Reason)
		}
	}
	if fates[store.Planned] < 50 {
		t.Errorf("only %d of %d examples that can start a workflow did: %v", fates[store.Planned], starting, fates)
	}
}
