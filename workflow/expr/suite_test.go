package expr_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// shared opens a file of the shared conformance data, or skips with the reason.
func shared(t *testing.T, path string) []byte {
	t.Helper()
	root := os.Getenv("DRYDOCK_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Skipf("conformance data is not here (set DRYDOCK_SHARED): %v", err)
	}
	return data
}

type suiteCase struct {
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

// TestSuite runs GitHub's own cross-language cases: all must agree.
func TestSuite(t *testing.T) {
	lines := bufio.NewScanner(bytes.NewReader(shared(t, "suites/expressions/cases.jsonl")))
	lines.Buffer(nil, 1<<20)
	count := 0
	for lines.Scan() {
		var c suiteCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		count++
		t.Run(c.ID, func(t *testing.T) { c.run(t) })
	}
	if count < 500 {
		t.Errorf("only %d cases", count)
	}
}

func (c suiteCase) run(t *testing.T) {
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
		if err != nil {
			t.Fatalf("%s: %v", c.Expr, err)
		}
		if got.Kind().String() != c.Result.Kind || !got.Same(c.Result.Value) {
			t.Errorf("%s = %v %s, want %s %s", c.Expr, got.Kind(), got.JSON(false), c.Result.Kind, c.Result.Value.JSON(false))
		}
		return
	}
	var failure *expr.Error
	if !errors.As(err, &failure) {
		t.Fatalf("%s = %s, %v; want error %q", c.Expr, got.JSON(false), err, c.Error.Message)
	}
	if failure.Kind.String() != c.Error.Kind || !strings.Contains(failure.Message, c.Error.Message) {
		t.Errorf("%s: %v error %q, want %s %q", c.Expr, failure.Kind, failure.Message, c.Error.Kind, c.Error.Message)
	}
}

// TestRealExpressions: whatever real projects write must be accepted, here and as a template.
func TestRealExpressions(t *testing.T) {
	lines := bufio.NewScanner(bytes.NewReader(shared(t, "suites/real-workflows/expressions.txt")))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			text = lines.Text()
		}
		if text == "insert" {
			continue
		}
		if _, err := expr.Parse(text, nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := expr.ParseTemplate("a ${{ "+text+" }} b", nil); err != nil {
			t.Errorf("template of %s: %v", text, err)
		}
	}
}
