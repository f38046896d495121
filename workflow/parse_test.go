package workflow

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const everything = `
name: All
run-name: by ${{ github.actor }}
on:
  push: {branches: main, tags: [], paths: [a, '!b']}
  pull_request:
    types: [opened]
  schedule:
    - {cron: '0 3 * * 7', timezone: Europe/Berlin}
  workflow_dispatch:
    inputs:
      level: {description: Level, type: choice, options: [a, b], default: a, required: true}
  workflow_call:
    inputs: {n: {type: number, default: 3}}
    secrets: {token: {required: true}, other: }
    outputs: {o: {value: '${{ jobs.build.outputs.o }}'}}
permissions: {contents: read, id-token: write}
env: {A: 1}
defaults: {run: {shell: bash, working-directory: src}}
concurrency: {group: g, cancel-in-progress: true, queue: max}
jobs:
  build:
    name: Build ${{ matrix.os }}
    needs: lint
    if: github.ref == 'refs/heads/main'
    runs-on: {group: big, labels: [a, b]}
    strategy: {fail-fast: false, max-parallel: 2, matrix: {os: [x, y], include: [{os: z}]}}
    container: {image: node:24, env: {X: '${{ secrets.X }}'}, credentials: {username: u, password: '${{ secrets.P }}'}}
    services: {db: {image: postgres, command: -c fsync=off, entrypoint: run, ports: [5432]}}
    outputs: {o: '${{ steps.one.outputs.o }}'}
    permissions: read-all
    concurrency: job-${{ github.ref }}
    environment: {name: prod, url: '${{ steps.one.outputs.url }}', deployment: false}
    timeout-minutes: 5
    cancel-timeout-minutes: 1
    continue-on-error: ${{ matrix.os == 'x' }}
    snapshot: {image-name: img, version: 2.*}
    cache-mode: read
    steps:
      - id: one
        name: First
        if: always()
        run: make
        shell: sh
        working-directory: a
        env: {B: '${{ secrets.B }}'}
        background: true
        timeout-minutes: 1
        continue-on-error: true
      - {uses: actions/checkout@v4, with: {ref: main}}
      - {wait: [one]}
      - {id: two, run: sleep 9, background: true}
      - {cancel: two}
      - wait-all:
      - parallel: [{id: p, run: a}, {uses: ./x}]
      - {wait: p}
  lint: {runs-on: ubuntu-latest, steps: [{run: lint}]}
  call:
    uses: ./.github/workflows/x.yml
    with: {n: 1}
    secrets: inherit
`

func TestParse(t *testing.T) {
	w, found := Parse("all.yml", []byte(everything))
	if len(found) > 0 {
		t.Fatal(found)
	}
	b := w.Job("BUILD")
	push := w.On.Trigger("push")
	call, dispatch := w.On.Trigger("workflow_call"), w.On.Trigger("workflow_dispatch")
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"name", w.Name.Text, "All"},
		{"run-name", w.RunName.Text, "by ${{ github.actor }}"},
		{"events", len(w.On.Triggers), 5},
		{"one branch", push.Branches[0].Text, "main"},
		{"no filter", push.BranchesIgnore == nil, true},
		{"empty filter", push.Tags != nil && len(push.Tags) == 0, true},
		{"order of paths", push.Paths[1].Text, "!b"},
		{"types", w.On.Trigger("pull_request").Types[0].Text, "opened"},
		{"timezone", w.On.Trigger("schedule").Cron[0].Timezone.Text, "Europe/Berlin"},
		{"options", dispatch.Inputs[0].Options[1].Text, "b"},
		{"required input", dispatch.Inputs[0].Required, true},
		{"input type", call.Inputs[0].Type, "number"},
		{"secrets", call.Secrets, []Secret{{ID: "token", Required: true, Pos: Pos{15, 15}}, {ID: "other", Pos: Pos{15, 40}}}},
		{"called outputs", call.Outputs[0].Value.Text, "${{ jobs.build.outputs.o }}"},
		{"permissions", w.Permissions.Scopes, map[string]string{"contents": "read", "id-token": "write"}},
		{"env", w.Env.Lookup("A").Number, 1.0},
		{"defaults", w.Defaults.WorkingDirectory.Text, "src"},
		{"queue", w.Concurrency.Queue, "max"},
		{"job order", w.Jobs[2].ID, "call"},
		{"job position", b.Pos, Pos{22, 3}},
		{"needs", b.Needs, []Need{{ID: "lint", Pos: Pos{24, 12}}}},
		{"group", b.RunsOn.Group.Text, "big"},
		{"labels", len(b.RunsOn.Labels.Items), 2},
		{"fail-fast", b.Strategy.FailFast.Bool, false},
		{"matrix", b.Strategy.Matrix.Lookup("os").Items[1].Text, "y"},
		{"outputs", b.Outputs[0].Value.Text, "${{ steps.one.outputs.o }}"},
		{"all permissions", b.Permissions.All, "read-all"},
		{"group of job", b.Concurrency.Group.Text, "job-${{ github.ref }}"},
		{"cache-mode", b.CacheMode.Text, "read"},
		{"cancel timeout", b.CancelTimeout.Number, 1.0},
		{"call", w.Jobs[2].Uses.Text, "./.github/workflows/x.yml"},
		{"inherit", w.Jobs[2].InheritSecrets, true},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
	var kinds []string
	for _, s := range b.Steps {
		kinds = append(kinds, reflect.TypeOf(s).Elem().Name())
	}
	if got := strings.Join(kinds, " "); got != "Run Uses Wait Run Cancel WaitAll Parallel Wait" {
		t.Errorf("steps are %s", got)
	}
	one := b.Steps[0].(*Run)
	if one.ID != "one" || !one.Background || one.Shell.Text != "sh" || one.Script.Text != "make" || one.TimeoutMinutes.Number != 1 || !one.ContinueOnError.Bool {
		t.Errorf("first step is %+v", one)
	}
	if p := b.Steps[6].(*Parallel); len(p.Steps) != 2 || p.Steps[1].(*Uses).Uses.Text != "./x" {
		t.Errorf("parallel block is %+v", p)
	}
	if wait := b.Steps[2].(*Wait); wait.For[0].ID != "one" {
		t.Errorf("wait is %+v", wait)
	}
}

func TestParseSteps(t *testing.T) {
	for _, c := range []struct {
		in        string
		composite bool
		want      string // a message, or ""
	}{
		{"- {run: a, shell: bash, if: failure()}\n- {uses: ./x, with: {a: '${{ inputs.a }}'}}", true, ""},
		{"- run: a", true, "Required property is missing: shell"},
		{"- {run: 'echo ${{ secrets.A }}', shell: bash}", true, "Unrecognized named-value: 'secrets'. Located at position 1 within expression: secrets.A"},
		{"- {run: 'echo ${{ secrets.A }}'}", false, ""},
		{"- {run: a, shell: sh, timeout-minutes: 1}", true, "Unexpected value 'timeout-minutes'"},
		{"- {run: a, shell: sh, id: x}\n- {run: a, shell: sh, id: X}", true, "The identifier 'X' may not be used more than once within the same scope."},
		{"a: b", true, "A mapping was not expected"},
		{"- {wait: x}", true, "Unexpected value 'wait'"},
	} {
		n, found := ParseNode("action.yml", []byte(c.in))
		if len(found) > 0 {
			t.Fatal(found)
		}
		_, found = ParseSteps("action.yml", n, c.composite)
		var got []string
		for _, d := range found {
			got = append(got, d.Message)
		}
		if c.want == "" && len(got) > 0 || c.want != "" && !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: %q, want %q", c.in, got, c.want)
		}
	}
}

// TestHalfTrees: what Parse returns beside errors can be walked.
func TestHalfTrees(t *testing.T) {
	for _, in := range []string{
		"on:\njobs:\n", "on: {schedule: x, workflow_call: [], push: 3}\njobs: [a]", "jobs: {a: , b: x, c: {steps: {}, runs-on: }}",
		"on: 1\njobs: {a: {strategy: x, services: [a], container: [a], env: 1, outputs: [], needs: {}, permissions: [], defaults: 1, concurrency: [], uses: [], with: 1, secrets: []}}",
		"jobs: {a: {steps: [{wait: {}}, {cancel: []}, {parallel: x}, {uses: {}}, {run: []}, x, [], {id: []}]}}",
		"on: {workflow_call: {inputs: [], secrets: 1, outputs: {a: 1}}}",
	} {
		w, found := Parse("f.yml", []byte(in))
		if w == nil || !found.HasErrors() {
			t.Errorf("%s: %v, %v", in, w, found)
			continue
		}
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				_ = s.Common().ID
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	files, _ := filepath.Glob("testdata/diagnostics/*.txtar")
	for _, file := range files {
		if src, err := os.ReadFile(file); err == nil {
			f.Add(src)
		}
	}
	f.Add([]byte("a: &a [*a]\n<<: {}\n? [x]\n: !!int 0x1FFFFFFFF\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		w, found := Parse("f.yml", src)
		if w == nil && !found.HasErrors() {
			t.Fatal("neither a workflow nor an error")
		}
		for _, d := range found {
			if d.Message == "" || d.Code == "" || strings.Contains(d.Message, "runtime error") {
				t.Fatalf("bad diagnostic %+v", d)
			}
		}
		if n, found := ParseNode("f.yml", src); n != nil && !found.HasErrors() {
			ParseSteps("f.yml", n, true)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	src := []byte(everything)
	b.ReportAllocs()
	for b.Loop() {
		if _, found := Parse("all.yml", src); found.HasErrors() {
			b.Fatal(found)
		}
	}
}
