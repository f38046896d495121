package cli

import (
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

func TestConditionForesight(t *testing.T) {
	contexts, err := expr.DecodeJSON([]byte(`{
		"github": {"ref": "refs/heads/main", "event_name": "push", "event": {"head_commit": {"message": "one\ntwo"}}},
		"vars": {"A": "1"}, "env": {"ACT": "true"}, "matrix": {"os": "linux"},
		"needs": {"build": {"result": "success"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	k := foresight{contexts: map[string]expr.Value{}, unknown: []string{"steps", "runner"}, partial: []string{"github", "needs", "env"}, step: true}
	for _, name := range contexts.Keys() {
		k.contexts[name], _ = contexts.Lookup(name)
	}
	for _, tc := range []struct {
		cond string
		want string // "yes", "no", "open"
		why  string // part of the reason
	}{
		{"", "yes", ""},
		{"true", "yes", "if: true is true"},
		{"false", "no", "if: false is false"},
		{"github.ref == 'refs/heads/main'", "yes", "github.ref is 'refs/heads/main'"},
		{"${{ github.ref == 'x' }}", "no", "if: github.ref == 'x' is false: github.ref is 'refs/heads/main'"},
		{"vars.A == '2' || vars.B", "no", "vars.A is '1', vars.B is empty"},
		{"matrix.os == 'linux' && success()", "yes", "matrix.os is 'linux'"},
		{"failure()", "no", "only when a step before it fails"},
		{"failure() && github.ref == 'x'", "no", "is false: github.ref is 'refs/heads/main'"},
		{"failure() && steps.a.outputs.b", "no", "only when a step before it fails"},
		{"!cancelled()", "yes", ""},
		{"always()", "yes", ""},
		{"steps.a.outputs.b == 'x'", "open", "by steps.a.outputs.b: "},
		{"github.ref == 'x' && steps.a.outputs.b", "no", "github.ref is"},
		{"github.event_name == 'push' || steps.a.outputs.b", "yes", "github.event_name is 'push'"},
		{"github.workspace != ''", "open", "by github.workspace: "},
		{"github.event.pull_request.draft", "no", "github.event.pull_request.draft is empty"},
		{"contains(github.event.head_commit.message, 'two')", "yes", `is 'one\ntwo'`},
		{"hashFiles('x') != ''", "open", "by hashFiles(): "},
		{"runner.os == 'Linux' && hashFiles('x') != ''", "open", "by runner.os: "},
		{"!env.ACT", "no", "env.ACT is 'true'"},
		{"env.OTHER", "open", "by env.OTHER: "},
		{"needs.build.result == 'success'", "yes", "needs.build.result is 'success'"},
		{"contains(needs.*.result, 'failure')", "no", ""},
		{"needs.build.outputs.x", "open", "by needs.build.outputs.x: "},
		{"toJSON(needs) == ''", "open", "by needs: "},
		{"github.ref ==", "no", "if: "},
	} {
		got := k.condition(workflow.Str(tc.cond))
		verdict := "open"
		if got.runs != nil {
			verdict = map[bool]string{true: "yes", false: "no"}[*got.runs]
		}
		if verdict != tc.want || !strings.Contains(got.reason, tc.why) {
			t.Errorf("%q: %s: %s, want %s: %s", tc.cond, verdict, got.reason, tc.want, tc.why)
		}
	}
	if got := k.condition(&workflow.Node{Kind: workflow.Bool}); got.runs == nil || *got.runs {
		t.Errorf("a bare false: %+v", got)
	}
}
