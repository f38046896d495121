package workflow

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared gives a folder of the conformance suites, or skips.
func shared(t testing.TB, path string) string {
	root := os.Getenv("DRYDOCK_SHARED")
	if root == "" {
		t.Skip("DRYDOCK_SHARED is not set: the conformance suites are not here")
	}
	return filepath.Join(root, "suites", path)
}

type suiteCase struct {
	Name    string            `json:"name"`
	Main    string            `json:"main"`
	Files   map[string]string `json:"files"`
	Expect  string            `json:"expect"`
	Errors  []string          `json:"errors"`
	Options struct {
		MaxDepth int `json:"max-depth"`
	} `json:"options"`
}

func suiteCases(t testing.TB) []suiteCase {
	f, err := os.Open(shared(t, "workflow-parser/cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []suiteCase
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 10<<20)
	for lines.Scan() {
		var c suiteCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// githubText is a diagnostic as GitHub prints it.
func githubText(d Diagnostic) string {
	if strings.HasPrefix(d.Message, "Maximum object depth") || d.Code == "tag" || d.Code == "scalar" {
		return d.File + ": " + d.Message
	}
	b, _ := json.Marshal(d.Pos.Line)
	c, _ := json.Marshal(d.Pos.Column)
	return d.File + " (Line: " + string(b) + ", Col: " + string(c) + "): " + d.Message
}

// TestSuite compares verdicts and messages with GitHub's own cases. What
// depends on called files is the plan's to judge: here every file of such a
// case must be valid by itself.
func TestSuite(t *testing.T) {
	verdicts, total, planned, messages, withMessages := 0, 0, 0, 0, 0
	for _, c := range suiteCases(t) {
		calls := strings.HasPrefix(c.Name, "errors-reusable-workflow-")
		var found Diagnostics
		for file, text := range c.Files {
			_, ds := ParseWithin(file, []byte(text), Limits{Depth: c.Options.MaxDepth})
			found = append(found, ds...)
		}
		want := c.Expect == "invalid" && !calls
		if calls {
			planned++ // not a verdict of this package
		} else {
			total++
		}
		if found.HasErrors() != want {
			t.Errorf("%s: expected %s, found %v", c.Name, c.Expect, found)
			continue
		}
		if !calls {
			verdicts++
		}
		if !want {
			continue
		}
		withMessages++
		var got []string
		for _, d := range found {
			if d.Severity == Error {
				got = append(got, githubText(d))
			}
		}
		if strings.Join(got, "\n") == strings.Join(c.Errors, "\n") {
			messages++
		} else {
			t.Logf("%s:\n got %s\nwant %s", c.Name, strings.Join(got, "\n     "), strings.Join(c.Errors, "\n     "))
		}
	}
	t.Logf("verdicts %d of %d, all messages right in %d of %d invalid ones; %d cases are invalid only together with the called file", verdicts, total, messages, withMessages, planned)
}

func TestRealWorkflows(t *testing.T) {
	root := shared(t, "real-workflows")
	count := 0
	err := filepath.WalkDir(filepath.Join(root, "workflows"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		count++
		name, _ := filepath.Rel(root, path)
		w, found := Parse(name, src)
		for _, d := range found {
			if d.Severity == Error {
				t.Error(d)
			} else {
				t.Log(d)
			}
		}
		if w == nil || len(w.Jobs) == 0 || len(w.On.Triggers) == 0 {
			t.Errorf("%s: no jobs or no triggers", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 500 {
		t.Errorf("only %d workflows read", count)
	}
}
