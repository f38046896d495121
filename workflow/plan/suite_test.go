package plan

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
)

var linePattern = regexp.MustCompile(`\(Line: (\d+), Col: (\d+)\)`)

// TestGitHubReusableWorkflows compares verdicts with GitHub's own cases for
// workflows that call others.
func TestGitHubReusableWorkflows(t *testing.T) {
	shared := os.Getenv("DRYDOCK_SHARED")
	if shared == "" {
		t.Skip("DRYDOCK_SHARED is not set")
	}
	data, err := os.ReadFile(filepath.Join(shared, "suites/workflow-parser/cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<24)
	cases := 0
	for lines.Scan() {
		var c struct {
			Name, Main, Expect string
			Files              map[string]string
			Errors             []string
			Options            map[string]any
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		// These two set limits of their own.
		if len(c.Files) < 2 || strings.Contains(c.Name, "max-result-size") || c.Name == "skip-reusable-workflows" {
			continue
		}
		cases++
		t.Run(c.Name, func(t *testing.T) {
			w, found := workflow.Parse(c.Main, []byte(c.Files[c.Main]))
			err := found.Err()
			if err == nil {
				b := Builder{Load: func(_ context.Context, from Source, uses string) (Source, []byte, error) {
					name := strings.TrimPrefix(uses, "./")
					path, ref, _ := strings.Cut(uses, "@")
					return Source{Path: path, Ref: ref}, []byte(c.Files[name]), nil
				}}
				if c.Options["permissions-policy"] == "LimitedRead" {
					b.DefaultPermissions = &workflow.Permissions{Scopes: map[string]string{"contents": "read", "packages": "read"}}
				}
				_, err = b.Build(t.Context(), w, Source{Path: c.Main}, "push", nil)
			}
			if (err == nil) != (c.Expect == "valid") {
				t.Fatalf("want %s %q, got %v", c.Expect, c.Errors, err)
			}
			for _, message := range c.Errors {
				if at := linePattern.FindStringSubmatch(message); at != nil && !strings.Contains(err.Error(), ":"+at[1]+":"+at[2]+":") {
					t.Errorf("want the place of %q, got %v", message, err)
				}
			}
		})
	}
	if cases < 20 {
		t.Errorf("only %d cases", cases)
	}
}
