package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// project is a repository with one workflow, and the program that stands in it.
type project struct {
	*app
	t    *testing.T
	said bytes.Buffer
}

func newProject(t *testing.T, workflow string) *project {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	if err := os.MkdirAll(filepath.Join(dir, ".github", "workflows"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".github", "workflows", "ci.yml"), []byte(workflow), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=Ada", "-c", "user.email=a@example.com", "commit", "-q", "-m", "Begin"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
	p := &project{t: t}
	c, err := config.Load(config.Options{Dir: dir, Env: []string{"HOME=" + t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	p.app = &app{stdin: strings.NewReader(""), stdout: &p.said, stderr: &p.said, dir: dir, config: c}
	return p
}

// planned is what `drydock run EVENT FLAGS` would run, up to the place of the jobs.
func (p *project) planned(name string, flags ...string) *plan.Plan {
	p.t.Helper()
	var o runOptions
	set := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.eventFlags(set)
	if err := set.Parse(append(flags, "-W", ".github/workflows/ci.yml")); err != nil {
		p.t.Fatal(err)
	}
	g, err := p.given(o, set.Changed)
	if err != nil {
		p.t.Fatal(err)
	}
	parts, err := p.assemble(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := p.plan(p.t.Context(), parts, name, o, g)
	if err != nil || len(s.plans) != 1 {
		p.t.Fatalf("plan %s %s: %v\n%s", name, flags, err, &p.said)
	}
	return s.plans[0]
}

func evaluated(t *testing.T, src string, p *plan.Plan) string {
	t.Helper()
	e, err := expr.Parse(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(expr.Scope{Contexts: p.Contexts})
	if err != nil {
		t.Fatal(err)
	}
	return v.Text()
}

// TestPayloadSuite plans a run of each webhook payload that starts workflows,
// given with -e: what the jobs see is what the payload says.
func TestPayloadSuite(t *testing.T) {
	root := os.Getenv("DRYDOCK_SHARED")
	if root == "" {
		t.Skip("DRYDOCK_SHARED is not set: the conformance suites are not here")
	}
	dir, err := filepath.Abs(filepath.Join(root, "suites", "webhook-payloads"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(bytes.NewReader(index)); lines.Scan(); {
		var entry struct{ Event, File string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, entry.File))
		if err != nil {
			t.Fatal(err)
		}
		var whole bytes.Buffer
		if err := json.Indent(&whole, bytes.TrimSpace(raw), "", "  "); err != nil {
			t.Fatal(err)
		}
		for _, name := range event.Names(entry.Event) {
			n++
			filter := ": "
			if name == "workflow_run" {
				filter = ": {workflows: ['**']}"
			}
			p := newProject(t, "on: {"+name+filter+"}\njobs: {a: {runs-on: x, steps: [{run: echo}]}}\n")
			got := p.planned(name, "-e", filepath.Join(dir, entry.File))
			want, err := event.Payload(name, raw)
			if err != nil {
				t.Fatal(err)
			}
			for field, text := range map[string]string{
				"event_name": name, "ref": want.Ref, "ref_name": want.RefName, "ref_type": want.RefType, "head_ref": want.HeadRef,
				"base_ref": want.BaseRef, "repository": want.Repository, "actor": want.Actor,
			} {
				if v := evaluated(t, "github."+field, got); v != text {
					t.Errorf("%s as %s: github.%s is %q, want %q", entry.File, name, field, v, text)
				}
			}
			if sha := evaluated(t, "github.sha", got); want.SHA != "" && sha != want.SHA || len(sha) != 40 {
				t.Errorf("%s as %s: github.sha is %q, want %q", entry.File, name, sha, want.SHA)
			}
			if evaluated(t, "toJSON(github.event)", got) != whole.String() {
				t.Errorf("%s as %s: toJSON(github.event) is not the payload", entry.File, name)
			}
		}
	}
	if n < 90 {
		t.Errorf("only %d payloads start workflows", n)
	}
}

// TestEventInputs: the inputs context is typed, github.event.inputs is text, and
// both have the defaults.
func TestEventInputs(t *testing.T) {
	p := newProject(t, `
on:
  workflow_dispatch:
    inputs:
      who: {default: mona}
      Level: {type: choice, options: [low, high]}
      sure: {type: boolean, default: true}
      off: {type: boolean}
      n: {type: number, default: 1.50}
      m: {type: number}
      note: {description: text}
jobs: {a: {runs-on: x, steps: [{run: echo}]}}
`)
	file := filepath.Join(p.dir, "event.json")
	if err := os.WriteFile(file, []byte(`{"inputs": {"sure": false, "LEVEL": "high", "other": 1}, "ref": "refs/heads/x"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		flags        []string
		event, typed string
	}{
		{nil,
			`{"who":"mona","Level":"low","sure":"true","off":"false","n":"1.5","m":"","note":""}`,
			`{"who":"mona","Level":"low","sure":true,"off":false,"n":1.5,"m":0,"note":""}`},
		{[]string{"--input", "n=2.0", "--input", "SURE=false"},
			`{"who":"mona","Level":"low","sure":"false","off":"false","n":"2.0","m":"","note":""}`,
			`{"who":"mona","Level":"low","sure":false,"off":false,"n":2,"m":0,"note":""}`},
		{[]string{"-e", file, "--input", "who=hubot"},
			`{"sure":"false","LEVEL":"high","other":1,"who":"hubot","off":"false","n":"1.5","m":"","note":""}`,
			`{"who":"hubot","Level":"high","sure":false,"off":false,"n":1.5,"m":0,"note":""}`},
	} {
		got := p.planned("workflow_dispatch", tc.flags...)
		inputs := got.Contexts["inputs"]
		payload, _ := got.Contexts["github"].Lookup("event")
		texts, _ := payload.Lookup("inputs")
		if texts.JSON(false) != tc.event || inputs.JSON(false) != tc.typed {
			t.Errorf("%s:\n got %s\nwant %s\n got %s\nwant %s", tc.flags, texts.JSON(false), tc.event, inputs.JSON(false), tc.typed)
		}
	}
	none := newProject(t, "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: echo}]}}\n").planned("workflow_dispatch")
	if got := evaluated(t, "toJSON(github.event.inputs)", none); got != "null" {
		t.Errorf("without inputs: %s", got)
	}
}
