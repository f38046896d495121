package plan

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// TestRealWorkflows plans and runs public workflows, each leg with success.
// Mistakes that only values can show are allowed: the contexts are nearly
// empty here.
func TestRealWorkflows(t *testing.T) {
	shared := os.Getenv("DRYDOCK_SHARED")
	if shared == "" {
		t.Skip("DRYDOCK_SHARED is not set")
	}
	github, err := expr.DecodeJSON([]byte(`{"workflow": "w", "ref": "refs/heads/main", "ref_name": "main", "event_name": "push", "repository": "o/r", "event": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := errors.New("not in the collection")
	runs, legs := 0, 0
	root := filepath.Join(shared, "suites/real-workflows/workflows")
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		w, found := workflow.Parse(path, text)
		if found.HasErrors() {
			return nil
		}
		load := func(_ context.Context, _ Source, uses string) (Source, []byte, error) {
			text, err := os.ReadFile(filepath.Join(filepath.Dir(path), filepath.Base(uses)))
			if !strings.HasPrefix(uses, "./") || err != nil {
				return Source{}, nil, elsewhere
			}
			return Source{Path: strings.TrimPrefix(uses, "./")}, text, nil
		}
		p, err := Build(t.Context(), w, Source{Path: path}, "push", map[string]expr.Value{"github": github}, load)
		if errors.Is(err, elsewhere) {
			return nil
		}
		if err != nil {
			t.Errorf("planning %s: %v", path, err)
			return nil
		}
		s := NewState(p)
		decisions := s.Start()
		for !s.Finished() {
			running := s.Running()
			if len(running) == 0 {
				t.Errorf("%s is stuck: %+v", path, s.Holds())
				return nil
			}
			legs++
			decisions = append(decisions, s.Apply(running[0].ID, Success, nil)...)
		}
		runs++
		for _, d := range decisions {
			if d.Action == Fail {
				t.Logf("%s: %s: %s", filepath.Base(filepath.Dir(path)), d.Job, strings.TrimPrefix(d.Reason, root))
			}
		}
		checkReplay(t, p, s, decisions)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d runs with %d legs", runs, legs)
	if runs < 400 {
		t.Errorf("only %d runs", runs)
	}
}
