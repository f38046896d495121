package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestCompatibility holds the tables of docs/compatibility.md against what the
// program knows, in both directions: what it knows is listed, and what is
// listed it knows, unless the table says that it is not here.
func TestCompatibility(t *testing.T) {
	seen := observe(t)
	var kinds []string
	for _, k := range action.Kinds() {
		kinds = append(kinds, "uses: "+string(k))
	}
	for _, u := range action.Usings() {
		kinds = append(kinds, "using: "+string(u))
	}
	known := map[string][]string{
		"Keys of a workflow": workflow.Keys(),
		"Events":             workflow.Events(),
		"Permissions":        workflow.PermissionScopes(),
		"Keys of an action":  action.Keys(),
		"Kinds of actions":   kinds,
		"Functions": sources(t, `(?m)^\tcase ((?:"[a-z]+"(?:, )?)+):\n\t\treturn (?:[a-zA-Z]+, )?FuncSpec`,
			"../../../workflow/expr/functions.go", "../../../workflow/expr/known.go"),
		"Workflow commands": sources(t, `name[A-Z]\w*\s*= ("[a-z-]+")`, "../../../runner/command/command.go"),
		"Command files":     seen.files,
		"Contexts":          seen.contexts,
		"Variables":         append(seen.variables, switches(t)...),
	}
	listed := compatibilityTables(t)
	for section, names := range known {
		rows := listed[section]
		if section == "Functions" { // their names ignore case
			lower := map[string]string{}
			for name, standing := range rows {
				lower[strings.ToLower(name)] = standing
			}
			rows = lower
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if _, ok := rows[name]; !ok {
				t.Errorf("docs/compatibility.md, %s: %q is not listed", section, name)
			}
		}
		for name, standing := range rows {
			if standing != "not here" && !slices.Contains(names, name) {
				t.Errorf("docs/compatibility.md, %s: the program does not know %q", section, name)
			}
		}
		delete(listed, section)
	}
	for section := range listed {
		t.Errorf("docs/compatibility.md: nothing is known of a table %q", section)
	}
}

var compatibilityRow = regexp.MustCompile("^\\| `([^`]+)` \\| ([a-z ]+) \\| (.*) ?\\|$")

// compatibilityTables are the rows by the title above them: name -> standing.
func compatibilityTables(t *testing.T) map[string]map[string]string {
	t.Helper()
	f, err := os.Open(docs + "compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tables, section := map[string]map[string]string{}, ""
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		m := compatibilityRow.FindStringSubmatch(line)
		switch {
		case m == nil:
			t.Errorf("docs/compatibility.md: this is no row: %s", line)
			continue
		case m[2] != "exact" && m[2] != "emulated" && m[2] != "not here":
			t.Errorf("docs/compatibility.md: %q is %q: say exact, emulated or not here", m[1], m[2])
		case m[2] != "exact" && strings.TrimSpace(m[3]) == "":
			t.Errorf("docs/compatibility.md: %q is %s and has no remark", m[1], m[2])
		}
		if tables[section] == nil {
			tables[section] = map[string]string{}
		}
		if tables[section][m[1]] != "" {
			t.Errorf("docs/compatibility.md, %s: %q stands there twice", section, m[1])
		}
		tables[section][m[1]] = m[2]
	}
	return tables
}

var quotedName = regexp.MustCompile(`"([^"]+)"`)

// sources finds names in our own source, where they stand in a switch.
func sources(t *testing.T, pattern string, files ...string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var names []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range re.FindAllStringSubmatch(string(data), -1) {
			for _, name := range quotedName.FindAllStringSubmatch(m[1], -1) {
				names = append(names, name[1])
			}
		}
	}
	if len(names) < 5 {
		t.Fatalf("%s finds only %q in %q", pattern, names, files)
	}
	return names
}

var switchName = regexp.MustCompile(`"((?:ACTIONS|FORCE_JAVASCRIPT)_[A-Z0-9_]+|RUNNER_TRACKING_ID|RUNNER_TOOLSDIRECTORY|AGENT_TOOLSDIRECTORY)"`)

// switches are the variables of GitHub's runner that our source names.
func switches(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"../../../runner/*.go", "../../../runner/action/*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range switchName.FindAllStringSubmatch(string(data), -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// observed is what the steps of a job really have.
type observed struct{ contexts, variables, files []string }

// observedWorkflow shows every context to a step, and one of a composite action.
const observedWorkflow = `
on:
  workflow_dispatch:
    inputs: {given: {type: string}}
env: {SET: "1"}
jobs:
  first:
    runs-on: x
    outputs: {out: done}
    steps: [{run: "true"}]
  second:
    needs: first
    runs-on: x
    strategy: {matrix: {leg: [1]}}
    container: img
    services: {db: {image: postgres, ports: ["5432"]}}
    steps:
      - {id: before, run: "true"}
      - run: |
          {"github": ${{ toJSON(github) }}, "env": ${{ toJSON(env) }}, "vars": ${{ toJSON(vars) }}, "job": ${{ toJSON(job) }},
          "steps": ${{ toJSON(steps) }}, "runner": ${{ toJSON(runner) }}, "secrets": ${{ toJSON(secrets) }},
          "strategy": ${{ toJSON(strategy) }}, "matrix": ${{ toJSON(matrix) }}, "needs": ${{ toJSON(needs) }}, "inputs": ${{ toJSON(inputs) }}}
      - uses: ./composite
`

const observedAction = `
inputs: {given: {default: x}}
runs:
  using: composite
  steps:
    - {shell: sh, run: "{\"github\": ${{ toJSON(github) }}, \"inputs\": ${{ toJSON(inputs) }}}"}
    - uses: ./node
`

func observe(t *testing.T) observed {
	t.Helper()
	var o observed
	script := func(_ context.Context, cmd executor.Command, _ *fake.IO) executor.Exit {
		for name, value := range cmd.Env {
			o.variables = append(o.variables, name)
			if strings.Contains(value, "/_runner_file_commands/") {
				o.files = append(o.files, name)
			}
		}
		for _, f := range cmd.Files {
			var contexts map[string]any
			if json.Unmarshal(f.Data, &contexts) == nil && contexts["version"] == nil {
				for name, v := range contexts {
					o.flatten(name, v)
				}
			}
		}
		return executor.Exit{}
	}
	place := fake.New(fake.Options{
		Script: script,
		Files: map[string]string{
			"/__w/demo/demo/composite/action.yml": observedAction,
			"/__w/demo/demo/node/action.yml":      "runs: {using: node24, main: main.js}\ninputs: {given: {default: x}}\n",
		},
		Info: executor.Info{
			Container: &executor.ContainerInfo{ID: "c", Network: "n"},
			Services:  map[string]executor.ServiceInfo{"db": {ID: "s", Network: "n", Ports: map[string]string{"5432": "1"}}},
		},
	})
	engine := &runner.Engine{
		Executors: map[string]executor.Executor{"docker": place},
		Secrets: func(context.Context, *runner.Job) (map[string]string, error) {
			return map[string]string{"SECRET": "s3cr3t", "GITHUB_TOKEN": "t0k3n"}, nil
		},
	}
	for _, leg := range observedLegs(t) {
		r := engine.Run(t.Context(), &runner.Job{
			Run: "1", Leg: leg, Debug: true, Place: runner.Place{Executor: "docker", Image: "img"},
		}, runner.SinkFunc(func(runner.Event) {}))
		if r.Conclusion != plan.Success {
			t.Fatalf("%s: %s: %s", leg.ID, r.Conclusion, r.Reason)
		}
	}
	// Between jobs of a called workflow and its outputs, where no step sees them.
	o.contexts = append(o.contexts, "jobs.<id>.result", "jobs.<id>.outputs")
	named := func(name string) bool {
		return !strings.HasPrefix(name, "GITHUB_") && !strings.HasPrefix(name, "RUNNER_") && name != "CI" && name != "HOME" && name != "INPUT_GIVEN"
	}
	o.variables = slices.DeleteFunc(o.variables, named)
	for i, v := range o.variables {
		o.variables[i] = strings.Replace(v, "INPUT_GIVEN", "INPUT_<NAME>", 1)
	}
	return o
}

// flatten notes the fields of a context. What a workflow names itself is <id>.
func (o *observed) flatten(path string, v any) {
	fields, ok := v.(map[string]any)
	switch depth := strings.Count(path, "."); {
	case !ok, path == "github.event", strings.HasSuffix(path, ".outputs"), strings.HasSuffix(path, ".ports"):
		o.contexts = append(o.contexts, path)
		return
	case slices.Contains([]string{"env", "vars", "secrets", "matrix", "inputs"}, path):
		o.contexts = append(o.contexts, path+".<id>")
		return
	case depth == 0 && (path == "steps" || path == "needs"), path == "job.services":
		for _, inner := range fields {
			o.flatten(path+".<id>", inner)
		}
		return
	}
	for name, inner := range fields {
		o.flatten(path+"."+name, inner)
	}
}

// observedLegs are the two legs of the workflow, as if the first had run.
func observedLegs(t *testing.T) []plan.Leg {
	t.Helper()
	w, diags := workflow.Parse("ci.yml", []byte(observedWorkflow))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	repo := &local.Repo{SHA: "c0ffee", Server: "https://github.com", Owner: "octo", Name: "demo", Branch: "main", DefaultBranch: "main"}
	event := &local.Event{Payload: expr.NewObject(false).Value()}
	event.Name, event.Ref, event.SHA, event.Actor, event.Repository = "workflow_dispatch", "refs/heads/main", "c0ffee", "octo", "octo/demo"
	contexts := local.Contexts(repo, event, local.RunOptions{Path: "ci.yml"})
	contexts["vars"] = expr.StringMap(map[string]string{"V": "1"}, false)
	contexts["inputs"] = expr.StringMap(map[string]string{"given": "1"}, false)
	p, err := plan.Build(t.Context(), w, plan.Source{Path: "ci.yml"}, "workflow_dispatch", contexts, nil)
	if err != nil {
		t.Fatal(err)
	}
	state := plan.NewState(p)
	var legs []plan.Leg
	for queue := state.Start(); len(queue) > 0; queue = queue[1:] {
		if d := queue[0]; d.Action == plan.Start {
			legs = append(legs, *d.Leg)
			queue = append(queue, state.Apply(d.Leg.ID, plan.Success, map[string]string{"out": "done"})...)
		}
	}
	slices.SortFunc(legs, func(a, b plan.Leg) int { return cmp.Compare(a.ID, b.ID) })
	return legs
}
