package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// given is what a person hands to a run.
type given struct {
	secrets, vars, env, inputs map[string]string
	payload                    []byte
}

// given reads flags and files.
func (a *app) given(o runOptions, changed func(flag string) bool) (given, error) {
	var g given
	var err error
	if g.secrets, err = a.values(pairs{flags: o.secrets, file: o.secretFile, fileGiven: changed("secret-file"), what: "secret", environment: true, ask: true}); err != nil {
		return g, err
	}
	if g.vars, err = a.values(pairs{flags: o.vars, file: o.varFile, fileGiven: changed("var-file"), what: "var", environment: true}); err != nil {
		return g, err
	}
	if g.env, err = a.values(pairs{flags: o.envs, file: o.envFile, fileGiven: changed("env-file"), what: "env", environment: true}); err != nil {
		return g, err
	}
	if o.eventFile != "" && !changed("input-file") {
		o.inFile = "" // the event has its own
	}
	if g.inputs, err = a.values(pairs{flags: o.inputs, file: o.inFile, fileGiven: changed("input-file"), what: "input", environment: true}); err != nil {
		return g, err
	}
	// Workflows use env.ACT to leave steps out on a laptop; they mean us too.
	for _, name := range []string{"ACT", "DRYDOCK"} {
		if _, ok := g.env[name]; !ok {
			g.env[name] = "true"
		}
	}
	if o.eventFile != "" {
		name := o.eventFile
		if !filepath.IsAbs(name) {
			name = filepath.Join(a.dir, name)
		}
		if g.payload, err = os.ReadFile(name); err != nil {
			return g, usage("read --eventpath: %w", err)
		}
		if err := checkJSON(g.payload); err != nil {
			return g, usage("read --eventpath %s:%w", o.eventFile, err)
		}
	}
	return g, nil
}

// checkJSON says where a text stops being JSON: "2:7: it is not JSON: cause".
func checkJSON(data []byte) error {
	var v any
	err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &v)
	if err == nil {
		return nil
	}
	at := len(data)
	var wrong *json.SyntaxError
	if errors.As(err, &wrong) {
		at = min(int(wrong.Offset), len(data))
	}
	before := data[:max(at-1, 0)]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
	return fmt.Errorf("%d:%d: it is not JSON: %w: give the payload of the event, {} for an empty one", line, column, err)
}

// dispatchInputs gives the inputs context of a workflow_dispatch or
// workflow_call run: what was given, else the default, typed and checked.
func dispatchInputs(f file, event string, values map[string]string) (expr.Value, error) {
	b := expr.NewObject(false)
	t := f.workflow.On.Trigger(event)
	if t == nil || event != "workflow_dispatch" && event != "workflow_call" {
		return b.Value(), nil
	}
	used := map[string]bool{}
	for _, in := range t.Inputs {
		text, ok := lookupFold(values, in.ID)
		if ok {
			used[strings.ToLower(in.ID)] = true
		} else if in.Default != nil && in.Default.Kind != workflow.Null {
			text, ok = in.Default.Text, true
		}
		if !ok && in.Required && in.Type != "boolean" {
			return b.Value(), usage("%s:%d:%d: input %q is required: give it with --input %s=VALUE", f.path, in.Pos.Line, in.Pos.Column, in.ID, in.ID)
		}
		v, err := inputValue(f, in, text, ok)
		if err != nil {
			return b.Value(), err
		}
		b.Set(in.ID, v)
	}
	for name := range values { // GitHub refuses them; a file of inputs may be for several workflows
		if !used[strings.ToLower(name)] {
			b.Set(name, expr.String(values[name]))
		}
	}
	return b.Value(), nil
}

// unexpectedInputs refuses inputs that no workflow declares, as GitHub does;
// those of a file may be for other workflows.
func unexpectedInputs(files []file, event string, flags []string) error {
	if event != "workflow_dispatch" {
		return nil
	}
	var known []string
	for _, f := range files {
		for _, in := range f.workflow.On.Trigger(event).Inputs {
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

func lookupFold(m map[string]string, name string) (string, bool) {
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// inputValue reads a text as the input's type.
func inputValue(f file, in workflow.Input, text string, given bool) (expr.Value, error) {
	wrong := func(want string) error {
		return usage("%s:%d:%d: input %q must be %s, not %q", f.path, in.Pos.Line, in.Pos.Column, in.ID, want, text)
	}
	switch in.Type {
	case "boolean":
		if !given || text == "" {
			return expr.Bool(false), nil
		}
		v, err := strconv.ParseBool(text)
		if err != nil {
			return expr.Value{}, wrong("true or false")
		}
		return expr.Bool(v), nil
	case "number":
		if !given || text == "" {
			return expr.Number(0), nil
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return expr.Value{}, wrong("a number")
		}
		return expr.Number(v), nil
	case "choice":
		var options []string
		for _, o := range in.Options {
			options = append(options, o.Text)
		}
		if !given && len(options) > 0 {
			text = options[0]
		}
		if !slices.Contains(options, text) {
			return expr.Value{}, wrong("one of " + strings.Join(options, ", "))
		}
	}
	return expr.String(text), nil
}

// payloadInputs are the inputs that an event file carries.
func payloadInputs(payload expr.Value) map[string]string {
	out := map[string]string{}
	in, _ := payload.Lookup("inputs")
	for _, k := range in.Keys() {
		v, _ := in.Lookup(k)
		out[k] = v.Text()
	}
	return out
}
