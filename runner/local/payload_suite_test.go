package local

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// TestPayloadSuite gives every webhook payload of GitHub that starts workflows to
// a run, as with -e FILE: the github context has what package event derives (its
// own test says that this is right), and toJSON(github.event) is the payload to
// the letter.
func TestPayloadSuite(t *testing.T) {
	root := os.Getenv("DRYDOCK_SHARED")
	if root == "" {
		t.Skip("DRYDOCK_SHARED is not set: the conformance suites are not here")
	}
	dir := filepath.Join(root, "suites", "webhook-payloads")
	index, err := os.Open(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	f := newFixture(t)
	sha := f.commit("a", "1", "one")
	r := f.open()
	whole, err := expr.Parse("toJSON(github.event)", nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(index); lines.Scan(); {
		var entry struct{ Event, File string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, entry.File))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range event.Names(entry.Event) {
			n++
			e := build(t, r, name, EventOptions{Payload: raw, File: entry.File})
			contexts := Contexts(r, e, RunOptions{Path: "ci.yml"})
			want, err := event.Payload(name, raw)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case want.SHA != "":
			case name == "pull_request": // not merged yet when the payload was sent
				want.SHA = want.After
			default:
				want.SHA = sha // what is checked out stands for a tip that the payload does not name
			}
			for key, text := range map[string]string{
				"event_name": name, "ref": want.Ref, "sha": want.SHA, "head_ref": want.HeadRef, "base_ref": want.BaseRef,
				"ref_name": want.RefName, "ref_type": want.RefType, "repository": want.Repository,
				"repository_owner": strings.Split(want.Repository, "/")[0], "actor": want.Actor, "triggering_actor": want.Actor,
			} {
				if got := field(contexts["github"], key).Text(); got != text {
					t.Errorf("%s as %s: github.%s is %q, want %q", entry.File, name, key, got, text)
				}
			}
			got, err := whole.Eval(expr.Scope{Contexts: contexts})
			if err != nil {
				t.Errorf("%s: %v", entry.File, err)
			}
			if diff := firstDifference(got.Text(), indented(t, raw)); diff != "" {
				t.Errorf("%s as %s: toJSON(github.event) differs at %s", entry.File, name, diff)
			}
		}
	}
	if n < 90 {
		t.Errorf("only %d payloads start workflows", n)
	}
}

// indented is JSON with two spaces, and otherwise as it is.
func indented(t *testing.T, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func firstDifference(got, want string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			cut := func(s string) string { return s[min(max(i-40, 0), len(s)):min(i+40, len(s))] }
			return "\n got " + quote(cut(got)) + "\nwant " + quote(cut(want))
		}
	}
	return ""
}
