package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
