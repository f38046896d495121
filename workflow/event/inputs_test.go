package event

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
)

const dispatch = `
  workflow_dispatch:
    inputs:
      logLevel: {required: true, default: warning, type: choice, options: [info, warning, debug]}
      tags: {type: boolean, required: true}
      count: {type: number, default: 1.50}
      where: {type: environment, required: true}
      note: {description: x}
      old: {deprecationMessage: use note}
`

func trigger(t testing.TB, on string) *workflow.Trigger {
	t.Helper()
	return &parse(t, on).On.Triggers[0]
}

// shown is each value as "name=kind:text", a trailing * when it was given.
func shown(values []InputValue) string {
	var out []string
	for _, v := range values {
		s := fmt.Sprintf("%s=%s", v.Name, v.Text)
		switch v.Kind {
		case BooleanInput:
			s += fmt.Sprintf(":%v", v.Bool)
		case NumberInput:
			s += fmt.Sprintf(":%v", v.Number)
		}
		if v.Given {
			s += "*"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestInputs(t *testing.T) {
	with := func(more map[string]string) map[string]string {
		in := map[string]string{"where": "prod"}
		maps.Copy(in, more)
		return in
	}
	for _, tc := range []struct {
		name     string
		given    map[string]string
		values   string   // when there is no problem
		problems []string // all
	}{
		{"defaults", with(nil), "logLevel=warning tags=false:false count=1.5:1.5 where=prod* note= old=", nil},
		{"all given", with(map[string]string{"LOGLEVEL": "debug", "tags": "True", "count": "-2e3", "note": "a b"}),
			"logLevel=debug* tags=true:true* count=-2e3:-2000* where=prod* note=a b* old=", nil},
		{"required", nil, "", []string{`ci.yml:7:7: error: input "where" is required (give it with --input where=VALUE)`}},
		{"required but empty", map[string]string{"where": "", "logLevel": ""}, "", []string{
			`ci.yml:4:7: error: input "logLevel" is required (give it with --input logLevel=VALUE)`,
			`ci.yml:7:7: error: input "where" is required (give it with --input where=VALUE)`}},
		{"wrong values", with(map[string]string{"logLevel": "warn", "tags": "yes", "count": "0x10"}), "", []string{
			`ci.yml:4:7: error: input "logLevel" is 'warn' (it must be one of info, warning, debug)`,
			`ci.yml:5:7: error: input "tags" is 'yes' (it must be true or false)`,
			`ci.yml:6:7: error: input "count" is '0x10' (it must be a number)`}},
		{"a slip", with(map[string]string{"logLevel": "debgu"}), "", []string{
			`ci.yml:4:7: error: input "logLevel" is 'debgu' (did you mean "debug"? it must be one of info, warning, debug)`}},
		{"unknown", with(map[string]string{"nots": "x", "zebra": "y"}), "", []string{
			`ci.yml:2:3: error: input "nots" is not declared (did you mean "note"? the inputs are logLevel, tags, count, where, note, old)`,
			`ci.yml:2:3: error: input "zebra" is not declared (the inputs are logLevel, tags, count, where, note, old)`}},
		{"deprecated", with(map[string]string{"old": "x"}), "", []string{`ci.yml:9:7: warning: input "old" is deprecated: use note`}},
		{"not a number", with(map[string]string{"count": "Inf"}), "", []string{`ci.yml:6:7: error: input "count" is 'Inf' (it must be a number)`}},
		{"too large a number", with(map[string]string{"count": "1e999"}), "", []string{`ci.yml:6:7: error: input "count" is '1e999' (it must be a number)`}},
		{"no number is 0", with(map[string]string{"count": ""}), "logLevel=warning tags=false:false count=0:0* where=prod* note= old=", nil},
		{"too long", with(map[string]string{"note": strings.Repeat("ü", 65_510)}), "", []string{`ci.yml:2:3: error: the inputs have 65536 characters, more than 65535`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			values, problems := Inputs("ci.yml", trigger(t, dispatch), tc.given)
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if !slices.Equal(got, tc.problems) {
				t.Errorf("problems:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(tc.problems, "\n     "))
			}
			if tc.values != "" && shown(values) != tc.values {
				t.Errorf("values:\n got %s\nwant %s", shown(values), tc.values)
			}
		})
	}
}

func TestInputsOddDeclarations(t *testing.T) {
	for _, tc := range []struct{ name, on, values, problem string }{
		{"choice begins with its first option", `{workflow_dispatch: {inputs: {a: {type: choice, options: [x, y]}}}}`, "a=x", ""},
		{"choice without options", `{workflow_dispatch: {inputs: {a: {type: choice}}}}`, "", "input \"a\" is ''"},
		{"default is no option", `{workflow_dispatch: {inputs: {a: {type: choice, default: z, options: [x, y]}}}}`, "", "the default of input \"a\" is 'z'"},
		{"number of an option", `{workflow_dispatch: {inputs: {a: {type: choice, default: 1.10, options: ['1.1', '2']}}}}`, "a=1.1", ""},
		{"default of the wrong type", `{workflow_dispatch: {inputs: {a: {type: number, default: x}}}}`, "", "the default of input \"a\" is 'x'"},
		{"no type, no description", `{workflow_dispatch: {inputs: {a: }}}`, "a=", ""},
		{"unknown type is a string", `{workflow_dispatch: {inputs: {a: {type: int, default: x}}}}`, "a=x", ""},
		{"boolean default as text", `{workflow_dispatch: {inputs: {a: {type: boolean, default: 'true'}}}}`, "a=true:true", ""},
		{"null default is none", `{workflow_dispatch: {inputs: {a: {required: true, default: null}}}}`, "", "is required"},
		{"workflow_call", `{workflow_call: {inputs: {a: {type: number, default: 7}}}}`, "a=7:7", ""},
		{"expression", `{workflow_call: {inputs: {a: {type: number, default: '${{ github.run_id }}'}}}}`, "a=${{ github.run_id }}:0", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			values, problems := Inputs("ci.yml", trigger(t, tc.on), nil)
			if tc.problem == "" && len(problems) > 0 || tc.problem != "" && (len(problems) != 1 || !strings.Contains(problems[0].String(), tc.problem)) {
				t.Errorf("problems: got %v, want %q", problems, tc.problem)
			}
			if tc.problem == "" && shown(values) != tc.values {
				t.Errorf("got %s, want %s", shown(values), tc.values)
			}
		})
	}
}

func TestTooManyInputs(t *testing.T) {
	on := "{workflow_dispatch: {inputs: {" + strings.Join(many(26, "i%d: {type: string}"), ", ") + "}}}"
	_, problems := Inputs("ci.yml", trigger(t, on), nil)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "has 26 inputs, more than 25") {
		t.Errorf("got %v", problems)
	}
	if got := Check(parse(t, on)); len(got) != 1 || got[0].Code != "input-limit" {
		t.Errorf("Check: got %v", got)
	}
}

func TestMissing(t *testing.T) {
	in := Missing(trigger(t, dispatch), map[string]string{"Note": "x"})
	if len(in) != 1 || in[0].ID != "where" {
		t.Errorf("got %v, want where", in)
	}
	if in := Missing(trigger(t, dispatch), map[string]string{"WHERE": "x"}); len(in) != 0 {
		t.Errorf("got %v, want none", in)
	}
}
