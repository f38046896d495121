package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestSuites runs GitHub's own cases and prints one line a suite.
func TestSuites(t *testing.T) {
	t.Run("expressions", expressionSuite)
	t.Run("workflow-parser", parserSuite)
}

type expressionCase struct {
	ID       string     `json:"id"`
	Expr     string     `json:"expr"`
	Contexts expr.Value `json:"contexts"`
	Result   *struct {
		Kind  string     `json:"kind"`
		Value expr.Value `json:"value"`
	} `json:"result"`
	Error *struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
	} `json:"error"`
}

func expressionSuite(t *testing.T) {
	cases := jsonLines[expressionCase](t, shared(t, "expressions/cases.jsonl"))
	right := 0
	for _, c := range cases {
		if err := c.check(); err != nil {
			t.Errorf("%s: %s: %v", c.ID, c.Expr, err)
		} else {
			right++
		}
	}
	score(t, "expressions", fmt.Sprintf("%d of %d", right, len(cases)))
}

func (c expressionCase) check() error {
	scope := expr.Scope{Contexts: map[string]expr.Value{}}
	for i, name := range c.Contexts.Keys() {
		scope.Contexts[strings.ToLower(name)] = c.Contexts.Items()[i]
	}
	var got expr.Value
	e, err := expr.Parse(c.Expr, &expr.Known{Contexts: c.Contexts.Keys()})
	if err == nil {
		got, err = e.Eval(scope)
	}
	if c.Error == nil {
		switch {
		case err != nil:
			return err
		case got.Kind().String() != c.Result.Kind || !got.Same(c.Result.Value):
			return fmt.Errorf("got %v %s, want %s %s", got.Kind(), got.JSON(false), c.Result.Kind, c.Result.Value.JSON(false))
		}
		return nil
	}
	var failure *expr.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("got %s, want the error %q: %w", got.JSON(false), c.Error.Message, err)
	}
	if failure.Kind.String() != c.Error.Kind || !strings.Contains(failure.Message, c.Error.Message) {
		return fmt.Errorf("got %v error %q, want %s %q", failure.Kind, failure.Message, c.Error.Kind, c.Error.Message)
	}
	return nil
}

// parserCase is a case of GitHub's reader of workflows.
type parserCase struct {
	Name     string            `json:"name"`
	Main     string            `json:"main"`
	Files    map[string]string `json:"files"`
	Expect   string            `json:"expect"`
	Errors   []string          `json:"errors"`
	Expected any               `json:"expected"`
	Options  struct {
		IncludeSource     bool     `json:"include-source"`
		Skip              []string `json:"skip"`
		MaxDepth          int      `json:"max-depth"`
		MaxResultSize     int      `json:"max-result-size"`
		PermissionsPolicy string   `json:"permissions-policy"`
		SkipReusable      bool     `json:"skip-reusable-workflows"`
	} `json:"options"`
}

func parserSuite(t *testing.T) {
	cases := jsonLines[parserCase](t, shared(t, "workflow-parser/cases.jsonl"))
	verdicts, invalid, messages, valid, templates, listed := 0, 0, 0, 0, 0, 0
	for _, c := range cases {
		w, p, found := c.read(t.Context())
		if found.HasErrors() != (c.Expect == "invalid") {
			t.Errorf("%s: expected %s, found %v", c.Name, c.Expect, found)
			continue
		}
		verdicts++
		if c.Expect == "invalid" {
			invalid++
			if slices.Equal(messagesOf(found, workflow.Error), c.Errors) {
				messages++
			} else if known := knownMessages[c.Name]; known.reason != "" && slices.Equal(messagesOf(found, known.severities...), c.Errors) {
				listed++
				t.Logf("listed difference: %s: %s", c.Name, known.reason)
			} else {
				t.Errorf("%s:\n got %s\nwant %s", c.Name, strings.Join(messagesOf(found, workflow.Error), "\n     "), strings.Join(c.Errors, "\n     "))
			}
			continue
		}
		valid++
		got := c.template(w, p)
		if reflect.DeepEqual(got, c.Expected) {
			templates++
		} else {
			t.Errorf("%s:\n got %s\nwant %s", c.Name, jsonText(got), jsonText(c.Expected))
		}
	}
	score(t, "workflow-parser",
		fmt.Sprintf("verdicts %d of %d", verdicts, len(cases)),
		fmt.Sprintf("messages with positions %d of %d, and %d with a listed difference", messages, invalid, listed),
		fmt.Sprintf("templates %d of %d", templates, valid))
}

// read parses and plans a case. The plan is nil when there is nothing to call.
func (c parserCase) read(ctx context.Context) (*workflow.Workflow, *plan.Plan, workflow.Diagnostics) {
	w, found := workflow.ParseWithin(c.Main, []byte(c.Files[c.Main]), workflow.Limits{Depth: c.Options.MaxDepth})
	if found.HasErrors() || len(c.Files) < 2 || c.Options.SkipReusable {
		return w, nil, found
	}
	b := plan.Builder{MaxSize: c.Options.MaxResultSize, Load: func(_ context.Context, _ plan.Source, uses string) (plan.Source, []byte, error) {
		text, ok := c.Files[strings.TrimPrefix(uses, "./")]
		if !ok {
			return plan.Source{}, nil, errors.New("the case has no such file")
		}
		return plan.Source{Path: uses}, []byte(text), nil
	}}
	switch c.Options.PermissionsPolicy {
	case "LimitedRead":
		b.DefaultPermissions = &workflow.Permissions{Scopes: map[string]string{"contents": "read", "packages": "read"}}
	case "Write":
		b.DefaultPermissions = &workflow.Permissions{All: "write-all"}
	}
	p, err := b.Build(ctx, w, plan.Source{Path: c.Main}, "push", nil)
	var bad workflow.InvalidError
	if errors.As(err, &bad) {
		return w, nil, append(found, bad.Diagnostics...)
	}
	if err != nil {
		found = append(found, workflow.Diagnostic{File: c.Main, Severity: workflow.Error, Message: err.Error()})
	}
	return w, p, found
}

// messagesOf are the diagnostics of these severities as GitHub prints them.
func messagesOf(found workflow.Diagnostics, severities ...workflow.Severity) []string {
	var texts []string
	for _, d := range found {
		if !slices.Contains(severities, d.Severity) {
			continue
		}
		place := fmt.Sprintf("%s (Line: %d, Col: %d): ", d.File, d.Pos.Line, d.Pos.Column)
		switch {
		case d.Code == "too-deep" || d.Code == "tag" || d.Code == "scalar":
			place = d.File + ": " // GitHub gives no place for what its YAML reader refuses
		case d.Code == "called-workflow":
			place = "In " + place
		}
		texts = append(texts, place+d.Message)
	}
	return texts
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
