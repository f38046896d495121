package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// full tells whether the whole differential run is asked for.
func full() bool { return os.Getenv("DRYDOCK_CONFORMANCE") == "full" }

// seed gives the seed of a run: fixed, so that a run can be repeated, unless
// DRYDOCK_CONFORMANCE_SEED says another.
func seed(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv("DRYDOCK_CONFORMANCE_SEED")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("DRYDOCK_CONFORMANCE_SEED: %v", err)
	}
	return n
}

// TestExpressionsAgainstGitHub compares verdict, kind of error, message and
// value of generated expressions with GitHub's evaluator.
func TestExpressionsAgainstGitHub(t *testing.T) {
	const count = 10_000
	o := startOracle(t)
	g := generator{rand.New(rand.NewPCG(seed(t), 1))}
	var questions []any
	var texts []string
	var sets []int
	contexts := make([]expr.Value, len(contextSets))
	for i, text := range contextSets {
		v, err := expr.DecodeJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		contexts[i] = v
	}
	for i := range count {
		set := g.IntN(len(contextSets))
		q := question{Expr: g.expression(), Set: set}
		if i < len(contextSets) {
			q.Set, set = i, i
			q.Contexts = wire(contexts[i])
		}
		questions, texts, sets = append(questions, q), append(texts, q.Expr), append(sets, set)
	}
	table := newTally("expressions")
	o.answers(t, questions, func(i int, a answer) {
		ours := evaluate(texts[i], contexts[sets[i]])
		theirs := theirResult(a, texts[i])
		if ours.equal(theirs) {
			table.same(ours.class())
			return
		}
		if name := knownExpression(texts[i], ours, theirs); name != "" {
			table.known(name)
			return
		}
		table.unknown(t, fmt.Sprintf("set %d: %s\n  ours   %s\n  GitHub %s", sets[i], texts[i], ours, theirs))
	})
	table.print(t, seed(t), knownExpressionReasons())
}

// result is what an expression gave.
type result struct {
	kind    string // of error, or ""
	message string
	value   any // as in the wire form
}

func (r result) String() string {
	if r.kind != "" {
		return r.kind + " error: " + r.message
	}
	return jsonText(r.value)
}

func (r result) class() string {
	if r.kind != "" {
		return r.kind + " error"
	}
	return "value"
}

func (r result) equal(s result) bool {
	if r.kind != s.kind {
		return false
	}
	if r.kind != "" {
		return r.kind == "evaluation" || r.message == s.message
	}
	return jsonText(r.value) == jsonText(s.value)
}

func evaluate(text string, contexts expr.Value) result {
	scope := expr.Scope{Contexts: map[string]expr.Value{}}
	for i, name := range contexts.Keys() {
		scope.Contexts[strings.ToLower(name)] = contexts.Items()[i]
	}
	var v expr.Value
	e, err := expr.Parse(text, &expr.Known{Contexts: contexts.Keys()})
	if err == nil {
		v, err = e.Eval(scope)
	}
	var failure *expr.Error
	if errors.As(err, &failure) {
		return result{kind: failure.Kind.String(), message: failure.Message}
	}
	return result{value: wire(v)}
}

func theirResult(a answer, text string) result {
	if a.Kind == "" {
		var v any
		if err := json.Unmarshal(a.Value, &v); err != nil {
			return result{kind: "decoding", message: err.Error()}
		}
		return result{value: v}
	}
	message := a.Message
	if a.Pos > 0 {
		message += fmt.Sprintf(". Located at position %d within expression: %s", a.Pos, text)
	}
	return result{kind: a.Kind, message: message}
}

// wire is a value as the oracle sends and takes it.
func wire(v expr.Value) any {
	switch v.Kind() {
	case expr.KindNull:
		return nil
	case expr.KindBool:
		return v.Truthy()
	case expr.KindNumber:
		f := v.Num()
		switch {
		case f == 0 && math.Signbit(f):
			return []any{"n", "-0"}
		case math.IsNaN(f):
			return []any{"n", "NaN"}
		case math.IsInf(f, 1):
			return []any{"n", "Infinity"}
		case math.IsInf(f, -1):
			return []any{"n", "-Infinity"}
		}
		return f
	case expr.KindString:
		return v.Text()
	case expr.KindArray:
		out := []any{"a"}
		for _, item := range v.Items() {
			out = append(out, wire(item))
		}
		return out
	default:
		out := []any{"o"}
		for i, key := range v.Keys() {
			out = append(out, key, wire(v.Items()[i]))
		}
		return out
	}
}

// tally counts the outcomes of a differential run.
type tally struct {
	what     string
	total    int
	agreed   map[string]int
	accepted map[string]int
	bad      int
}

func newTally(what string) *tally {
	return &tally{what: what, agreed: map[string]int{}, accepted: map[string]int{}}
}

func (y *tally) same(class string) { y.total++; y.agreed[class]++ }

func (y *tally) known(name string) { y.total++; y.accepted[name]++ }

func (y *tally) unknown(t *testing.T, text string) {
	t.Helper()
	y.total++
	if y.bad++; y.bad <= 25 {
		t.Errorf("differs from GitHub: %s", text)
	}
}

// print writes the table of docs/conformance.md.
func (y *tally) print(t *testing.T, seed uint64, reasons map[string]string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %d compared, seed %d\n\n| outcome | count |\n|---|---|\n", y.what, y.total, seed)
	for _, class := range sortedKeys(y.agreed) {
		fmt.Fprintf(&b, "| agree: %s | %d |\n", class, y.agreed[class])
	}
	for _, name := range sortedKeys(reasons) {
		fmt.Fprintf(&b, "| listed: %s (%s) | %d |\n", name, reasons[name], y.accepted[name])
	}
	fmt.Fprintf(&b, "| **not explained** | %d |\n", y.bad)
	if full() {
		t.Log(b.String())
	} else {
		listed := 0
		for _, n := range y.accepted {
			listed += n
		}
		score(t, y.what+" against GitHub", fmt.Sprintf("%d compared", y.total), fmt.Sprintf("%d listed differences", listed), fmt.Sprintf("%d unexplained", y.bad))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
