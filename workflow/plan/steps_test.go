package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/workflow"
)

func TestGeneratedIDs(t *testing.T) {
	uses := func(text string) workflow.Step { return &workflow.Uses{Uses: workflow.Str(text)} }
	steps := []workflow.Step{
		&workflow.Run{}, uses("a/b@v1"), &workflow.Run{}, uses("A/b@v1"), uses("a/b/c@v2"), uses("./x"),
		&workflow.Run{StepCommon: workflow.StepCommon{ID: "__RUN_3"}}, &workflow.Run{}, &workflow.WaitAll{},
	}
	var got []string
	for _, s := range FlatSteps(steps) {
		got = append(got, s.ID)
	}
	want := []string{"__run", "__a_b", "__run_2", "__A_b_2", "__a_b_3", "__self", "__RUN_3", "__run_4", "__wait-all"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestManySteps: each id is found at once, however many were handed out.
func TestManySteps(t *testing.T) {
	const count = 60_000 // looking through all of them each time would take minutes
	steps := make([]workflow.Step, count)
	for i := range steps {
		steps[i] = &workflow.Run{}
	}
	began := time.Now()
	flat := FlatSteps(steps)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
	if last, want := flat[count-1].ID, fmt.Sprintf("__run_%d", count); last != want {
		t.Errorf("the last id is %s, want %s", last, want)
	}
}
