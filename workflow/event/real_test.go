package event

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow"
)

// TestRealWorkflows: every pattern and time of workflows that GitHub runs can
// be read, and each event has a verdict with reasons.
func TestRealWorkflows(t *testing.T) {
	files, patterns, crons := 0, 0, 0
	err := filepath.WalkDir(suite(t, "real-workflows"), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".yml") && !strings.HasSuffix(name, ".yaml") {
			return err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		w, problems := workflow.Parse(filepath.Base(name), src)
		if problems.HasErrors() {
			return nil // action files, and what GitHub refuses too
		}
		files++
		for _, p := range Check(w) {
			if p.Severity == workflow.Error {
				t.Errorf("%s: %v", name, p)
			}
		}
		for _, trigger := range w.On.Triggers {
			patterns += len(trigger.Branches) + len(trigger.Paths) + len(trigger.Tags) + len(trigger.BranchesIgnore) + len(trigger.PathsIgnore)
			for _, c := range trigger.Cron {
				crons++
				s, err := ParseCron(c.Expr.ScalarText(), c.Timezone.ScalarText())
				if err != nil || s.Next(time.Unix(1_800_000_000, 0)).IsZero() {
					t.Errorf("%s: %q: %v", name, c.Expr.Text, err)
				}
			}
			v := Match(w, Event{Name: trigger.Event, Ref: "refs/heads/main", BaseRef: "main", Files: []string{"README.md"}, FilesKnown: true})
			if v.Why() == "" || v.Trigger == nil {
				t.Errorf("%s: %s: no reason", name, trigger.Event)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 500 || patterns < 500 || crons < 50 {
		t.Errorf("%d files, %d patterns and %d times were read, too few", files, patterns, crons)
	}
}

// TestWorstCase: the most that a workflow may hold against the most files, in
// bounded time.
func TestWorstCase(t *testing.T) {
	var list []*workflow.Node
	for range maxPatterns {
		list = append(list, workflow.Str(strings.Repeat("**a", 300)+"**c*"))
	}
	w := &workflow.Workflow{On: workflow.On{Triggers: []workflow.Trigger{{Event: "push", Paths: list}}}}
	files := many(maxFiles, strings.Repeat("a", 2000)+"%d")
	began := time.Now()
	v := Match(w, Event{Name: "push", Ref: "refs/heads/x", Files: files, FilesKnown: true})
	if !v.Runs || !strings.Contains(v.Why(), "too much to compare") {
		t.Errorf("got %s", v.Why())
	}
	t.Logf("took %v", time.Since(began))
	if took := time.Since(began); took > 2*time.Minute { // about 1 s; the race detector on a busy machine takes 15
		t.Errorf("took %v", took)
	}
}
