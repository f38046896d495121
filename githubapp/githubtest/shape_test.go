package githubtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// TestShapes compares webhooks with GitHub's own examples: what all examples of an
// event have, ours have too.
func TestShapes(t *testing.T) {
	shared := os.Getenv("DRYDOCK_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	folder := filepath.Join(shared, "suites", "webhook-payloads")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("no payload examples: set DRYDOCK_SHARED")
	}
	ours := map[string]map[string]any{} // by event, the last one of an action
	for _, o := range tour(t) {
		if o.Webhook == "" {
			continue
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(o.Out), &body); err != nil {
			t.Fatal(err)
		}
		action, _ := body["action"].(string)
		ours[o.Webhook+" "+action] = body
	}
	compared := 0
	for name, body := range ours {
		event, action, _ := strings.Cut(name, " ")
		files, err := filepath.Glob(filepath.Join(folder, event, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]bool
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var example map[string]any
			if err := json.Unmarshal(raw, &example); err != nil {
				t.Fatal(err)
			}
			if a, _ := example["action"].(string); a != action {
				continue
			}
			keys := map[string]bool{}
			paths("", example, keys)
			if want == nil {
				want = keys
			}
			for k := range want {
				if !keys[k] {
					delete(want, k)
				}
			}
		}
		if want == nil {
			continue
		}
		compared++
		have := map[string]bool{}
		paths("", body, have)
		var missing []string
		for k := range want {
			if !have[k] && !excused(k, have) {
				missing = append(missing, k)
			}
		}
		sort.Strings(missing)
		if len(missing) > 0 {
			t.Errorf("%s lacks %q", name, missing)
		}
	}
	if compared < 15 {
		t.Errorf("only %d kinds of webhooks were compared", compared)
	}
}

// paths are the keys of an object and of objects in it: "repository.owner.login".
// Lists are looked into only where they are the point of an event.
func paths(below string, o map[string]any, into map[string]bool) {
	for k, v := range o {
		into[below+k] = true
		switch v := v.(type) {
		case map[string]any:
			paths(below+k+".", v, into)
		case []any:
			if len(v) > 0 && slices.Contains([]string{"commits", "repositories", "repositories_added", "repositories_removed", "pull_requests", "labels"}, k) {
				if first, is := v[0].(map[string]any); is {
					paths(below+k+"[].", first, into)
				}
			}
		}
	}
}

// excused are keys that an example has because of what happened in it.
func excused(path string, have map[string]bool) bool {
	for parent := path; ; {
		i := strings.LastIndexByte(parent, '.')
		if i < 0 {
			return false
		}
		parent = strings.TrimSuffix(parent[:i], "[]")
		if !have[parent] {
			return true // the missing parent is told itself
		}
		for _, variable := range []string{
			// Permissions and the rest of the app are the App's own; what may be
			// null or empty depends on the case.
			"permissions", "license", "milestone", "assignee", "head_commit", "commits", "inputs", "labels", "pull_requests", "custom_properties", "repositories",
			"repositories_added", "repositories_removed", "requested_teams", "active_lock_reason", "merged_by", "auto_merge", "requester",
		} {
			if parent == variable || strings.HasSuffix(parent, "."+variable) {
				empty := true
				for k := range have {
					empty = empty && !strings.HasPrefix(k, parent+".") && !strings.HasPrefix(k, parent+"[].")
				}
				if empty || variable == "permissions" || variable == "inputs" {
					return true
				}
			}
		}
	}
}
