package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// inputs gives the inputs context of a workflow_dispatch or workflow_call run.
// Names that the file does not declare are left out: a file of inputs may be
// for several workflows. complete says that required inputs must be there.
func (a *app) inputs(f file, name string, values map[string]string, contexts map[string]expr.Value, complete bool) (expr.Value, error) {
	b := expr.NewObject(false)
	t := f.workflow.On.Trigger(name)
	if t == nil || !takesInputs(name) {
		return b.Value(), nil
	}
	given := map[string]string{}
	for _, in := range t.Inputs {
		if text, ok := lookupFold(values, in.ID); ok {
			given[in.ID] = text
		}
	}
	typed, problems := event.Inputs(f.path, t, given)
	for _, d := range problems {
		text := fmt.Sprintf("%s:%d:%d: %s", d.File, d.Pos.Line, d.Pos.Column, d.Message)
		if d.Hint != "" {
			text += ": " + d.Hint
		}
		switch {
		case d.Severity != workflow.Error:
			fmt.Fprintln(a.stderr, "drydock: "+text)
		case complete || d.Code != "missing-input":
			return b.Value(), usage("%s", text)
		}
	}
	for i, v := range typed {
		value := inputContext(v)
		if v.Expression {
			var err error
			if value, err = template.Eval(t.Inputs[i].Default, expr.Scope{Contexts: contexts}); err != nil {
				return b.Value(), usage("%s:%d:%d: default of input %q: %w", f.path, t.Inputs[i].Pos.Line, t.Inputs[i].Pos.Column, v.Name, err)
			}
			if v.Kind != event.BooleanInput && v.Kind != event.NumberInput {
				value = expr.String(value.Text())
			}
		}
		b.Set(v.Name, value)
	}
	return b.Value(), nil
}

// withEventInputs fills github.event.inputs of a workflow_dispatch: as on GitHub
// it has every declared input, as text, with the defaults of those that nobody
// gave. What a payload has beside them stays; made says that there is none.
func withEventInputs(github expr.Value, t *workflow.Trigger, values map[string]string, inputs expr.Value, made bool) expr.Value {
	payload, _ := github.Lookup("event")
	all, _ := payload.Lookup("inputs")
	if made {
		all = expr.Value{}
	}
	if all.Kind() != expr.KindObject && len(t.Inputs) > 0 {
		all = expr.NewObject(false).Value()
	}
	for _, in := range t.Inputs {
		text, given := lookupFold(values, in.ID)
		if !given && !(in.Type == "number" && in.Default.IsNull()) { // an empty field of GitHub's form
			typed, _ := inputs.Lookup(in.ID)
			if text = typed.Text(); !in.Default.IsNull() && in.Type != "boolean" {
				text = in.Default.ScalarText()
			}
		}
		id := in.ID
		for _, key := range all.Keys() {
			if strings.EqualFold(key, id) {
				id = key
			}
		}
		all = all.With(id, expr.String(text))
	}
	return github.With("event", payload.With("inputs", all))
}

func takesInputs(name string) bool { return name == "workflow_dispatch" || name == "workflow_call" }

func inputContext(v event.InputValue) expr.Value {
	switch v.Kind {
	case event.BooleanInput:
		return expr.Bool(v.Bool)
	case event.NumberInput:
		return expr.Number(v.Number)
	default:
		return expr.String(v.Text)
	}
}

// unexpectedInputs refuses inputs that no workflow declares, as GitHub does;
// those of a file may be for other workflows.
func unexpectedInputs(files []file, name string, flags []string) error {
	if !takesInputs(name) {
		return nil
	}
	var known []string
	for _, t := range triggers(files, name) {
		for _, in := range t.Inputs {
			known = append(known, in.ID)
		}
	}
	for _, given := range flags {
		name, _, _ := strings.Cut(given, "=")
		if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			continue
		}
		if len(known) == 0 {
			return usage("--input %q: %s has no inputs", name, files[0].path)
		}
		return usage("--input %q: no such input: the inputs are %s%s", name, strings.Join(known, ", "), didYouMean(name, known))
	}
	return nil
}

// askInputs asks on a terminal for required inputs that nobody gave.
func (a *app) askInputs(files []file, name string, g given) error {
	in, ok := a.stdin.(*os.File)
	if !takesInputs(name) || !ok || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	values := payloadTexts(g.payload)
	for k, v := range g.inputs {
		values[k] = v
	}
	reader := bufio.NewReader(in)
	for _, t := range triggers(files, name) {
		for _, missing := range event.Missing(t, values) {
			text, err := askInput(reader, a.stderr, missing)
			if err != nil {
				return usage("read input %q: %w", missing.ID, err)
			}
			values[missing.ID], g.inputs[missing.ID] = text, text
		}
	}
	return nil
}

// askInput asks until there is an answer: an option, if there are options.
func askInput(r *bufio.Reader, w io.Writer, in workflow.Input) (string, error) {
	question := "Input " + in.ID
	if in.Description != "" {
		question += " (" + in.Description + ")"
	}
	var options []string
	for _, o := range in.Options {
		options = append(options, o.ScalarText())
	}
	if len(options) > 0 {
		question += ", one of " + strings.Join(options, ", ")
	}
	for {
		fmt.Fprint(w, question+": ")
		line, err := r.ReadString('\n')
		text := strings.TrimRight(line, "\r\n")
		if text != "" && (len(options) == 0 || slices.Contains(options, text)) {
			return text, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// payloadTexts are the inputs that an event file carries.
func payloadTexts(payload []byte) map[string]string {
	if payload == nil {
		return map[string]string{}
	}
	v, err := expr.DecodeJSON(payload)
	if err != nil {
		return map[string]string{} // said when the event is made
	}
	return payloadInputs(v)
}

func lookupFold(m map[string]string, name string) (string, bool) {
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}
