package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

var errElsewhere = errors.New("the called workflow is not in the collection")

// calledBeside finds a called workflow in the folder of its caller.
func calledBeside(file string) plan.Loader {
	return func(_ context.Context, _ plan.Source, uses string) (plan.Source, []byte, error) {
		if !strings.HasPrefix(uses, "./") {
			return plan.Source{}, nil, errElsewhere
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(file), filepath.Base(uses)))
		if err != nil {
			return plan.Source{}, nil, errElsewhere
		}
		return plan.Source{Path: strings.TrimPrefix(uses, "./")}, text, nil
	}
}

// eventContexts are the contexts of a plan, as far as it needs values.
func eventContexts(t testing.TB, event string) map[string]expr.Value {
	t.Helper()
	github, err := expr.DecodeJSON([]byte(`{"workflow": "w", "ref": "refs/heads/main", "ref_name": "main", "event_name": "` + event +
		`", "repository": "o/r", "actor": "a", "sha": "0123456789012345678901234567890123456789", "run_id": "1", "event": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]expr.Value{"github": github}
}

// githubRejects are the files that GitHub's own parser refuses.
func githubRejects(t testing.TB) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(shared(t, "real-workflows/github-rejects.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	rejects := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		file, _, _ := strings.Cut(line, "\t")
		rejects[strings.TrimPrefix(file, "workflows/")] = true
	}
	return rejects
}

// TestRealWorkflows accepts and plans what public projects run, for each event
// that a file names.
func TestRealWorkflows(t *testing.T) {
	rejects := githubRejects(t)
	accepted, plans, elsewhere, refused := 0, 0, 0, 0
	files := realWorkflows(t)
	for _, f := range files {
		w, found := workflow.Parse(f.name, f.src)
		if found.HasErrors() {
			refused++
			if !rejects[f.name] {
				t.Errorf("%v", found.Err())
			}
			continue
		}
		accepted++
		if len(w.Jobs) == 0 || len(w.On.Triggers) == 0 {
			t.Errorf("%s: no jobs or no events", f.name)
		}
		for _, trigger := range w.On.Triggers {
			_, err := plan.Build(t.Context(), w, plan.Source{Path: f.name}, trigger.Event, eventContexts(t, trigger.Event), calledBeside(f.path))
			switch {
			case errors.Is(err, errElsewhere):
				elsewhere++ // the file itself was read up to the call
			case err != nil:
				t.Errorf("planning %s for %s: %v", f.name, trigger.Event, err)
			default:
				plans++
			}
		}
	}
	score(t, "real-workflows", fmt.Sprintf("%d of %d files accepted, %d refused as GitHub does", accepted, len(files), refused),
		fmt.Sprintf("%d plans, %d more call a file that is not in the collection", plans, elsewhere))
}

// TestRealExpressions reads every ${{ }} that public projects write, alone and
// in a text.
func TestRealExpressions(t *testing.T) {
	f, err := os.Open(shared(t, "real-workflows/expressions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	total, right := 0, 0
	for lines.Scan() {
		total++
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			text = lines.Text()
		}
		_, err := expr.Parse(text, nil)
		if err == nil {
			_, err = expr.ParseTemplate("a ${{ "+text+" }} b", nil)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		right++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	score(t, "expressions.txt", fmt.Sprintf("%d of %d read", right, total))
}
