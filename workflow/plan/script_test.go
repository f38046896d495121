package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

var update = flag.Bool("update", false, "rewrite the scripts of testdata with what happens")

// TestScripts runs testdata/*.txtar: ci.yml is the workflow, other files are
// what it calls, contexts.json holds the contexts, and the lines of script
// that begin with > are commands, the others what they print.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, want, ok := strings.Cut(string(data), "-- script --\n")
	if !ok {
		t.Fatal("the archive has no script at its end")
	}
	r := &scriptRun{t: t, files: archiveFiles(before)}
	var got strings.Builder
	for line := range strings.Lines(want) {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			got.WriteString(line)
			for _, out := range r.command(strings.Fields(command)) {
				got.WriteString(out + "\n")
			}
		}
	}
	r.checkReplay()
	if got.String() == want {
		return
	}
	if !*update {
		t.Fatalf("want:\n%s\ngot:\n%s", want, got.String())
	}
	if err := os.WriteFile(file, []byte(before+"-- script --\n"+got.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// archiveFiles takes apart the parts that begin with "-- name --".
func archiveFiles(text string) map[string]string {
	files := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if inner, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(inner, " --\n") {
			name = strings.TrimSuffix(inner, " --\n")
			continue
		}
		files[name] += line
	}
	return files
}

type scriptRun struct {
	t         *testing.T
	files     map[string]string
	plan      *Plan
	state     *State
	decisions []Decision
}

// load finds owner/name/path@ref and, for ./path, the same folder as the caller's.
func (r *scriptRun) load(_ context.Context, from Source, uses string) (Source, []byte, error) {
	src := Source{Path: strings.TrimPrefix(uses, "./"), Repository: from.Repository, Ref: from.Ref}
	if !strings.HasPrefix(uses, "./") {
		path, ref, _ := strings.Cut(uses, "@")
		parts := strings.SplitN(path, "/", 3)
		src = Source{Repository: parts[0] + "/" + parts[1], Path: parts[2], Ref: ref}
	}
	data, ok := r.files[src.String()]
	if !ok {
		return src, nil, fmt.Errorf("no file %s", src)
	}
	return src, []byte(data), nil
}

func (r *scriptRun) build() error {
	contexts := map[string]expr.Value{}
	if data, ok := r.files["contexts.json"]; ok {
		if err := json.Unmarshal([]byte(data), &contexts); err != nil {
			r.t.Fatal(err)
		}
	}
	w, found := workflow.Parse("ci.yml", []byte(r.files["ci.yml"]))
	if err := found.Err(); err != nil {
		r.t.Fatalf("the workflow itself is wrong: %v", err)
	}
	var err error
	r.plan, err = Build(context.Background(), w, Source{Path: "ci.yml"}, "push", contexts, r.load)
	return err
}

func (r *scriptRun) command(words []string) []string {
	if r.plan == nil {
		if err := r.build(); err != nil {
			return strings.Split("error: "+err.Error(), "\n")
		}
	}
	if r.state == nil && !slices.Contains([]string{"only", "matrix", "plan", "steps"}, words[0]) {
		r.state = NewState(r.plan)
	}
	var err error
	switch words[0] {
	case "only":
		r.plan, err = r.plan.Only(words[1:])
	case "matrix":
		r.plan, err = r.plan.Filter(words[1:])
	case "start":
		return r.show(r.state.Start())
	case "apply":
		outputs := map[string]string{}
		for _, pair := range words[3:] {
			key, value, _ := strings.Cut(pair, "=")
			outputs[key] = value
		}
		return r.show(r.state.Apply(LegID(words[1]), Conclusion(words[2]), outputs))
	case "cancel":
		return r.show(r.state.Cancel(strings.Join(words[1:], " ")))
	case "results":
		return r.results()
	case "holds":
		var lines []string
		for _, h := range r.state.Holds() {
			lines = append(lines, fmt.Sprintf("%s %s [%s] %s", h.Job, h.Leg, h.Name, h.Reason))
		}
		return lines
	case "leg":
		return r.leg(LegID(words[1]))
	case "plan":
		return []string{fmt.Sprintf("%s: %s %+v", r.plan.Graph.Name, r.plan.RunName, r.plan.Concurrency)}
	case "steps":
		return r.steps(words[1])
	default:
		r.t.Fatalf("unknown command %q", words[0])
	}
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	return nil
}

func (r *scriptRun) show(decisions []Decision) []string {
	r.decisions = append(r.decisions, decisions...)
	var lines []string
	for _, d := range decisions {
		id := d.Job
		if d.Leg != nil {
			id = d.Leg.ID
		}
		line := fmt.Sprintf("%s %s [%s]", d.Action, id, d.Name)
		if d.Conclusion != "" {
			line += " " + string(d.Conclusion)
		}
		if d.Reason != "" {
			line += ": " + d.Reason
		}
		lines = append(lines, line)
	}
	if r.state.Finished() {
		lines = append(lines, "finished: "+string(r.state.Conclusion()))
	}
	return lines
}

func (r *scriptRun) results() []string {
	var lines []string
	for _, result := range r.state.Results() {
		outputs := ""
		if len(result.Outputs) > 0 {
			outputs = " " + expr.StringMap(result.Outputs, false).JSON(false)
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s [%s] %s%s", result.Path, result.Name, result.Conclusion, outputs), " "))
		for _, l := range result.Legs {
			if l.ID != result.Path {
				lines = append(lines, strings.TrimRight(fmt.Sprintf("  %s [%s] %s", l.ID, l.Name, l.Conclusion), " "))
			}
		}
	}
	return lines
}

func (r *scriptRun) leg(id LegID) []string {
	for _, l := range r.state.Running() {
		if l.ID != id {
			continue
		}
		var lines []string
		for _, name := range []string{"inputs", "needs", "strategy", "matrix"} {
			lines = append(lines, name+" "+l.Contexts[name].JSON(false))
		}
		for _, m := range l.Secrets {
			var keys []string
			for _, e := range entries(m.Nodes) {
				keys = append(keys, e.Key.Text+"="+e.Value.Text)
			}
			lines = append(lines, "secrets "+strings.Join(keys, " ")+" with inputs "+m.Contexts["inputs"].JSON(false))
		}
		if l.Job.Permissions != nil {
			lines = append(lines, fmt.Sprintf("permissions %s%v", l.Job.Permissions.All, l.Job.Permissions.Scopes))
		}
		for _, c := range l.Concurrency {
			lines = append(lines, fmt.Sprintf("concurrency %+v", c))
		}
		return append(lines, fmt.Sprintf("source %s, index %d of %d, continue-on-error %t", l.Source, l.Index, l.Total, l.ContinueOnError))
	}
	return []string{"not running"}
}

func (r *scriptRun) steps(job string) []string {
	var lines []string
	for _, j := range r.plan.Graph.Jobs {
		if j.ID != job {
			continue
		}
		for _, s := range j.Steps {
			line := fmt.Sprintf("%s %s", s.Kind, s.ID)
			if s.Name != nil {
				line += " [" + s.Name.Text + "]"
			}
			if s.Background {
				line += " background"
			}
			if s.Group != "" {
				line += " group=" + s.Group
			}
			if len(s.Targets) > 0 {
				line += " targets=" + strings.Join(s.Targets, ",")
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// checkReplay sends the plan and the log through JSON and demands the same
// decisions, byte for byte.
func (r *scriptRun) checkReplay() {
	r.t.Helper()
	if r.state == nil {
		return
	}
	checkReplay(r.t, r.plan, r.state, r.decisions)
}

func checkReplay(t *testing.T, p *Plan, s *State, decisions []Decision) {
	t.Helper()
	again := roundTrip(t, p)
	log := roundTrip(t, new(s.Log()))
	state, replayed := Replay(again, *log)
	want, got := toJSON(t, decisions), toJSON(t, replayed)
	if !bytes.Equal(want, got) {
		t.Fatalf("replayed decisions differ:\n%s\n%s", want, got)
	}
	if want, got := toJSON(t, s.Results()), toJSON(t, state.Results()); !bytes.Equal(want, got) {
		t.Fatalf("replayed results differ:\n%s\n%s", want, got)
	}
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func roundTrip[T any](t *testing.T, v *T) *T {
	t.Helper()
	again := new(T)
	data := toJSON(t, v)
	if err := json.Unmarshal(data, again); err != nil {
		t.Fatal(err)
	}
	if second := toJSON(t, again); !bytes.Equal(data, second) {
		t.Fatalf("JSON changes on the way:\n%s\n%s", data, second)
	}
	return again
}
