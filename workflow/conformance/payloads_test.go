package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// TestPayloads gives every webhook payload of GitHub that starts workflows to a
// run, as with -e FILE: the github context has what package event derives (its
// own test reads the payloads by GitHub's table of events), and
// toJSON(github.event) is the payload to the letter. That the command line comes
// to the same has its test in cmd/internal/cli.
func TestPayloads(t *testing.T) {
	dir := shared(t, "webhook-payloads")
	type entry struct{ Event, File string }
	here := strings.Repeat("5", 40)
	repo := &local.Repo{
		Root: t.TempDir(), SHA: here, Branch: "topic", DefaultBranch: "main",
		Owner: "local", Name: "project", Server: "https://github.com", UserName: "Ada",
	}
	whole, err := expr.Parse("toJSON(github.event)", nil)
	if err != nil {
		t.Fatal(err)
	}
	right, total, none := 0, 0, 0
	for _, in := range jsonLines[entry](t, filepath.Join(dir, "index.jsonl")) {
		raw, err := os.ReadFile(filepath.Join(dir, in.File))
		if err != nil {
			t.Fatal(err)
		}
		if len(event.Names(in.Event)) == 0 {
			none++
		}
		for _, name := range event.Names(in.Event) {
			total++
			e, err := local.BuildEvent(t.Context(), repo, name, local.EventOptions{Payload: raw, File: in.File})
			if err != nil {
				t.Errorf("%s as %s: %v", in.File, name, err)
				continue
			}
			contexts := local.Contexts(repo, e, local.RunOptions{Path: "ci.yml"})
			problems := wrongFields(t, contexts["github"], name, raw, here)
			got, err := whole.Eval(expr.Scope{Contexts: contexts})
			if err != nil {
				problems = append(problems, err.Error())
			}
			var want bytes.Buffer
			if err := json.Indent(&want, bytes.TrimSpace(raw), "", "  "); err != nil {
				t.Fatal(err)
			}
			if diff := firstDifference(got.Text(), want.String()); diff != "" {
				problems = append(problems, "toJSON(github.event) differs at"+diff)
			}
			if len(problems) == 0 {
				right++
				continue
			}
			t.Errorf("%s as %s: %s", in.File, name, strings.Join(problems, "; "))
		}
	}
	if total < 90 {
		t.Errorf("only %d payloads start workflows", total)
	}
	score(t, "webhook-payloads", fmt.Sprintf("github context and toJSON(github.event) right for %d of %d events with payload", right, total),
		fmt.Sprintf("%d more payloads start no workflow", none))
}

// wrongFields compares the github context with what the payload says; here is
// the commit that is checked out.
func wrongFields(t *testing.T, github expr.Value, name string, raw []byte, here string) []string {
	t.Helper()
	want, err := event.Payload(name, raw)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case want.SHA != "":
	case name == "pull_request": // not merged yet when the payload was sent
		want.SHA = want.After
	default:
		want.SHA = here // stands for the tip that the payload does not name
	}
	var wrong []string
	for _, field := range [][2]string{
		{"event_name", name}, {"ref", want.Ref}, {"sha", want.SHA}, {"head_ref", want.HeadRef}, {"base_ref", want.BaseRef},
		{"ref_name", want.RefName}, {"ref_type", want.RefType}, {"repository", want.Repository},
		{"repository_owner", strings.Split(want.Repository, "/")[0]}, {"actor", want.Actor}, {"triggering_actor", want.Actor},
	} {
		if v, _ := github.Lookup(field[0]); v.Text() != field[1] {
			wrong = append(wrong, fmt.Sprintf("github.%s is %q, want %q", field[0], v.Text(), field[1]))
		}
	}
	return wrong
}

func firstDifference(got, want string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			cut := func(s string) string { return s[min(max(i-40, 0), len(s)):min(i+40, len(s))] }
			return fmt.Sprintf("\n got %q\nwant %q", cut(got), cut(want))
		}
	}
	return ""
}
