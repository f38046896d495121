package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/workflow"
)

// GitHub's limits of workflow_dispatch.
const (
	maxInputs       = 25
	maxPayloadChars = 65_535 // of all inputs as JSON
)

// InputKind is the type of an input.
type InputKind uint8

// The kinds of inputs. Choice and Environment are texts in the inputs context.
const (
	StringInput InputKind = iota
	BooleanInput
	NumberInput
	ChoiceInput
	EnvironmentInput
)

// InputValue is one entry of the inputs context.
type InputValue struct {
	Name   string // as declared
	Kind   InputKind
	Text   string  // the value as text, whatever the kind
	Bool   bool    // of a BooleanInput
	Number float64 // of a NumberInput

	Given bool // by somebody, not by default

	// Expression: the value is the default of a workflow_call input and holds
	// ${{ }}; Text is not evaluated and not checked.
	Expression bool
}

// Inputs makes the inputs context of a workflow_dispatch or workflow_call run:
// what was given, else the default, typed and checked, in the order of the
// file. The names of given ignore case. All problems are reported, one each,
// at the input's declaration; an unknown input at the event. With an Error
// among the problems the values are not to be used.
func Inputs(file string, t *workflow.Trigger, given map[string]string) ([]InputValue, workflow.Diagnostics) {
	r := &reader{file: file}
	dispatch := t.Event == "workflow_dispatch"
	var values []InputValue
	var names []string
	known := map[string]bool{}
	byName := fold(given)
	for i, in := range t.Inputs {
		if dispatch && i == maxInputs {
			r.add(in.Pos, workflow.Error, "input-limit", fmt.Sprintf("workflow_dispatch has %d inputs, more than %d", len(t.Inputs), maxInputs), "")
		}
		known[strings.ToLower(in.ID)] = true
		names = append(names, in.ID)
		text, ok := byName[strings.ToLower(in.ID)]
		values = append(values, r.value(in, text, ok))
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[strings.ToLower(name)] {
			r.add(t.Pos, workflow.Error, "unknown-input", fmt.Sprintf("input %q is not declared", name), expected(name, names))
		}
	}
	if payload, err := json.Marshal(given); dispatch && err == nil && utf8.RuneCount(payload) > maxPayloadChars {
		r.add(t.Pos, workflow.Error, "input-limit", fmt.Sprintf("the inputs have %d characters, more than %d", utf8.RuneCount(payload), maxPayloadChars), "")
	}
	return values, r.problems
}

// Missing gives the required inputs that were not given and have no default,
// to ask for them.
func Missing(t *workflow.Trigger, given map[string]string) []workflow.Input {
	byName := fold(given)
	var out []workflow.Input
	for _, in := range t.Inputs {
		if text, ok := byName[strings.ToLower(in.ID)]; missing(in, text, ok) {
			out = append(out, in)
		}
	}
	return out
}

// missing is GitHub's test. A required boolean is false: a box that is not ticked.
func missing(in workflow.Input, text string, given bool) bool {
	if !in.Required || in.Type == "boolean" {
		return false
	}
	if given {
		return text == ""
	}
	return in.Default.IsNull()
}

// fold makes the names lower case; of two that differ by case only the first
// in the alphabet counts.
func fold(given map[string]string) map[string]string {
	out := make(map[string]string, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if low := strings.ToLower(name); !has(out, low) {
			out[low] = given[name]
		}
	}
	return out
}

func has(m map[string]string, key string) bool { _, ok := m[key]; return ok }

func expected(got string, names []string) string {
	hint := ""
	if near := workflow.Nearest(got, names); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
	}
	if len(names) == 0 {
		return "it takes no inputs"
	}
	return hint + "the inputs are " + strings.Join(names, ", ")
}

// reader collects the problems of one call.
type reader struct {
	file     string
	problems workflow.Diagnostics
}

func (r *reader) add(pos workflow.Pos, s workflow.Severity, code, message, hint string) {
	r.problems = append(r.problems, workflow.Diagnostic{File: r.file, Pos: pos, Severity: s, Code: code, Message: message, Hint: hint})
}

var inputKinds = map[string]InputKind{
	"boolean": BooleanInput, "number": NumberInput, "choice": ChoiceInput, "environment": EnvironmentInput,
}

// value reads one input.
func (r *reader) value(in workflow.Input, text string, given bool) InputValue {
	v := InputValue{Name: in.ID, Kind: inputKinds[in.Type], Text: text, Given: given}
	if missing(in, text, given) {
		r.add(in.Pos, workflow.Error, "missing-input", fmt.Sprintf("input %q is required", in.ID), "give it with --input "+in.ID+"=VALUE")
		return v
	}
	if given && in.Deprecation != "" {
		r.add(in.Pos, workflow.Warning, "deprecated-input", fmt.Sprintf("input %q is deprecated: %s", in.ID, in.Deprecation), "")
	}
	source := ""
	if !given && !in.Default.IsNull() {
		v.Text, source = in.Default.ScalarText(), "the default of "
		v.Expression = in.Default.HasExpression()
	}
	if v.Expression {
		return v
	}
	wrong := func(hint string) {
		r.add(in.Pos, workflow.Error, "input-value", fmt.Sprintf("%sinput %q is %s", source, in.ID, quote(v.Text)), hint)
	}
	switch v.Kind {
	case BooleanInput:
		switch strings.ToLower(v.Text) {
		case "true":
			v.Bool = true
		case "false", "":
		default:
			wrong("it must be true or false")
		}
		v.Text = strconv.FormatBool(v.Bool)
	case NumberInput:
		if v.Text == "" {
			v.Text = "0"
		}
		number, ok := parseNumber(v.Text)
		if !ok {
			wrong("it must be a number")
		}
		v.Number = number
	case ChoiceInput:
		options := make([]string, len(in.Options))
		for i, o := range in.Options {
			options[i] = o.ScalarText()
		}
		if !given && in.Default.IsNull() && len(options) > 0 {
			v.Text = options[0] // the one that GitHub's form begins with
			break
		}
		if len(options) == 0 {
			wrong("it is a choice without options")
		} else if !slices.Contains(options, v.Text) {
			hint := "it must be one of " + strings.Join(options, ", ")
			if near := workflow.Nearest(v.Text, options); near != "" {
				hint = fmt.Sprintf("did you mean %q? ", near) + hint
			}
			wrong(hint)
		}
	}
	return v
}

// parseNumber takes decimal numbers alone: no Inf, no 0x, no underscores.
func parseNumber(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}
