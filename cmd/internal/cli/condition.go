package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// outlook is what can be said of a condition before the run. Runs is nil when
// only the run decides.
type outlook struct {
	runs   *bool
	reason string
	open   []string // the unknown parts that decide
}

func sure(runs bool, reason string) outlook { return outlook{runs: &runs, reason: reason} }

// foresight is what is known before the run: contexts, and the names of those
// whose values are not what they will be.
type foresight struct {
	contexts map[string]expr.Value
	unknown  []string // contexts
	partial  []string // contexts that will have more fields than now
	step     bool     // else the condition is a job's
}

// result finds what is known of needs when all of them are taken to succeed.
var result = regexp.MustCompile(`^needs[.\[].*\.result$`)

// condition says what an `if` comes to. It is evaluated as if everything
// before succeeded, and then as if something failed: an expression that comes
// to its value without touching what is unknown is decided.
func (k foresight) condition(n *workflow.Node) outlook {
	text := strings.TrimSpace(ifText(n))
	if text == "" {
		return sure(true, "")
	}
	e, err := expr.ParseRawCondition(text, nil)
	if err != nil {
		return sure(false, fmt.Sprintf("if: %v", err))
	}
	shown := strings.Join(strings.Fields(e.String()), " ")
	implicit := !e.Calls("success", "failure", "cancelled", "always")
	good := k.world(e, false)
	if good.err != nil {
		return outlook{reason: fmt.Sprintf("decided when it runs: if: %s: %v", shown, good.err)}
	}
	if len(good.open) > 0 {
		return outlook{reason: fmt.Sprintf("decided when it runs by %s: if: %s", strings.Join(good.open, ", "), shown), open: good.open}
	}
	if good.runs {
		return sure(true, "if: "+shown+" is true"+good.seen())
	}
	if !implicit {
		before := "what it needs"
		if k.step {
			before = "a step before it"
		}
		bad := k.world(e, true)
		if bad.runs || len(bad.open) > 0 || bad.err != nil {
			return sure(false, fmt.Sprintf("if: %s: only when %s fails", shown, before))
		}
		good = bad // it may have come further
	}
	return sure(false, "if: "+shown+" is false"+good.seen())
}

// world is one evaluation.
type world struct {
	runs   bool
	open   []string // unknown parts that it touched
	values []string // "github.ref is 'refs/heads/main'"
	err    error
}

func (w world) seen() string {
	if len(w.values) == 0 {
		return ""
	}
	return ": " + strings.Join(w.values, ", ")
}

func (k foresight) world(e *expr.Expr, failed bool) world {
	var w world
	needs, results, output := 0, 0, "needs"
	note := func(list *[]string, text string) {
		if !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	constant := func(b bool) expr.Func {
		return expr.Func{Max: -1, Call: func([]expr.Value) (expr.Value, error) { return expr.Bool(b), nil }}
	}
	functions := map[string]expr.Func{
		"success": constant(!failed), "failure": constant(failed), "cancelled": constant(false), "always": constant(true),
		"hashfiles": {Min: 1, Max: -1, Call: func([]expr.Value) (expr.Value, error) {
			note(&w.open, "hashFiles()")
			return expr.String(""), nil
		}},
	}
	touched := map[string]string{} // unknown contexts, with the longest part of them that was asked for
	v, err := e.Eval(expr.Scope{Contexts: k.contexts, Functions: functions, Trace: func(sub string, v expr.Value) {
		low := strings.ToLower(sub)
		root := rootName(low)
		switch {
		case low == "needs":
			needs++
		case result.MatchString(low):
			results++
		case rootName(low) == "needs" && len(sub) > len(output):
			output = sub
		}
		primitive := v.Kind() != expr.KindArray && v.Kind() != expr.KindObject
		switch {
		case root == "": // an operator or function: its parts have been seen
		case slices.Contains(k.unknown, root), slices.Contains(k.partial, root) && v.IsNull() && isField(low):
			if len(sub) > len(touched[root]) {
				touched[root] = sub
			}
		case primitive && root != low:
			note(&w.values, sub+" is "+shownValue(v))
		}
	}})
	if needs > results && slices.Contains(k.partial, "needs") {
		note(&w.open, output)
	}
	for _, sub := range touched {
		note(&w.open, sub)
	}
	slices.Sort(w.open)
	w.runs, w.err = err == nil && v.Truthy(), err
	return w
}

// rootName is the context that a part of an expression begins with, or "".
func rootName(sub string) string {
	end := strings.IndexFunc(sub, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
	switch {
	case end < 0:
		return sub
	case sub[end] == '.' || sub[end] == '[':
		return sub[:end]
	}
	return ""
}

// isField tells github.actor from github and github.event.action.
func isField(sub string) bool { return strings.Count(sub, ".")+strings.Count(sub, "[") == 1 }

func shownValue(v expr.Value) string {
	switch v.Kind() {
	case expr.KindNull:
		return "empty"
	case expr.KindString:
		text := strings.ReplaceAll(v.Text(), "\n", `\n`)
		if r := []rune(text); len(r) > 80 {
			text = string(r[:80]) + "..."
		}
		return "'" + text + "'"
	}
	return v.Text()
}

// ifText is the text of an `if`, which YAML may have read as a boolean.
func ifText(n *workflow.Node) string {
	switch {
	case n.IsNull():
		return ""
	case n.Kind == workflow.Bool:
		return fmt.Sprint(n.Bool)
	}
	return n.Text
}

// mentions tells whether an expression in the tree uses one of the contexts.
func mentions(n *workflow.Node, contexts ...string) bool {
	if n == nil {
		return false
	}
	if n.HasExpression() {
		t, err := expr.ParseTemplate(n.Text, nil)
		if err != nil {
			return true
		}
		for _, e := range t.Exprs() {
			if slices.ContainsFunc(e.Uses(), func(name string) bool { return slices.Contains(contexts, name) }) {
				return true
			}
		}
	}
	return slices.ContainsFunc(n.Items, func(i *workflow.Node) bool { return mentions(i, contexts...) }) ||
		slices.ContainsFunc(n.Entries, func(e workflow.Entry) bool {
			return mentions(e.Key, contexts...) || mentions(e.Value, contexts...)
		})
}
