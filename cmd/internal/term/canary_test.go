package term

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/runner/mask"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// canary is a job that says its secrets in all ways and to everybody.
type canary struct {
	secrets map[string]string
	forms   []string // what is said
	twice   []string // those of them that are JSON in JSON
	quiet   bool     // in lines of the log only
}

func newCanary(t *testing.T) canary {
	t.Helper()
	data, err := os.ReadFile("../../../runner/mask/testdata/encodings.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	c := canary{secrets: map[string]string{}}
	for line := range strings.Lines(string(data)) {
		var p struct{ Secret, By, Text string }
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		switch {
		case p.By == "the secret":
			c.secrets["KEY"] = p.Text
		case p.Secret != "":
			c.secrets[fmt.Sprintf("KEY_%d", len(c.secrets))] = p.Secret
		}
		if c.forms = append(c.forms, p.Text); strings.Contains(p.By, "json twice") || strings.Contains(p.By, "json in json") {
			c.twice = append(c.twice, p.Text)
		}
	}
	const noText, control = "Wq7aBc9\xffkL2mNp9Yt\xfe\xfdXz4VbRt7", "Hq7kL2m\"xB<ü%\x01Jp9Xz4Vb3"
	c.secrets["NO_TEXT"], c.secrets["CONTROL"] = noText, control
	controlJSON, _ := json.Marshal(control)
	c.forms = append(c.forms, noText, fmt.Sprintf("%q", control),
		strings.ReplaceAll(string(controlJSON), `\u003c`, "<"))
	if len(c.forms) < 80 {
		t.Fatalf("%d forms", len(c.forms))
	}
	return c
}

// workflow uses the secret where a text of it may be shown.
func (c canary) workflow() string {
	var b strings.Builder
	b.WriteString(`name: canary
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    name: build
    env: {ALL: "${{ secrets.KEY }}"}
    outputs:
`)
	for i := range c.forms {
		fmt.Fprintf(&b, "      o%d: ${{ steps.files.outputs.o%d }}\n      c%d: ${{ steps.print.outputs.c%d }}\n", i, i, i, i)
	}
	b.WriteString(`      fine: fine
    steps:
      - {name: "named ${{ env.ALL }}", id: print, run: print}
      - {if: always(), id: files, run: files}
      - {if: always(), run: broken-files}
      - {if: always(), run: matchers}
      - {if: always(), run: "${{ env.ALL }}"}
      - {if: always(), uses: ./no-action, with: {all: "${{ env.ALL }}"}}
      - {if: always(), run: print, working-directory: "${{ env.ALL }}"}
      - {if: "always() && format('{0}{{', env.ALL)", run: print, env: {E: "${{ fromJSON(env.ALL) }}"}}
      - {if: always(), run: cannot-start}
      - {if: always(), run: lost}
`)
	return b.String()
}

// script is every process of the job.
func (c canary) script(_ context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
	text := ""
	for _, f := range cmd.Files {
		if strings.Contains(strings.Join(cmd.Argv, " "), f.Path) {
			text = strings.TrimSpace(string(f.Data))
		}
	}
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
	env := io.Env()
	if c.quiet && text != "print" {
		return executor.Exit{}
	}
	switch text {
	case "print":
		io.Printf("::echo::on\n")
		for i, f := range c.forms {
			io.Printf("<<%s>>\n", f)
			if c.quiet {
				continue
			}
			io.Printf("::debug::%s\n::error title=%s,file=%s::%s\n", escape(f), property(f), property(f), escape(f))
			io.Printf("::warning line=%s::x%s\n::notice::y%s\n", property(f), escape(f), escape(f))
			io.Printf("::group::%s\n::endgroup::\n", escape(f))
			io.Printf("::set-output name=c%d::%s\n::save-state name=s::%s\n", i, escape(f), escape(f))
			io.Printf("::set-env name=A::%s\n::add-matcher::%s\n::stop-commands::%s\n", escape(f), escape(f), "")
			io.Printf("\x1b[36m%s\x1b[0m\n", strings.ReplaceAll(f, "\n", "\x1b[0m\n"))
		}
		if c.quiet {
			break
		}
		for line := range strings.Lines(c.secrets["KEY"]) { // as grep shows what it found
			io.Printf("%s\x1b[01;31m\x1b[K%s\x1b[m\x1b[K%s\n", line[:20], line[20:30], strings.TrimSpace(line[30:]))
		}
		io.Printf("%s", strings.Repeat("x", 1<<20-10)+strings.ReplaceAll(c.secrets["KEY"], "\n", "")+"\n")
		io.Printf("::error::%s\n", strings.Repeat("x", 4096-20)+escape(c.secrets["KEY"]))
	case "files":
		for i, f := range c.forms {
			io.AppendFile(env["GITHUB_OUTPUT"], fmt.Sprintf("o%d<<END\n%s\nEND\n", i, f))
			io.AppendFile(env["GITHUB_ENV"], fmt.Sprintf("E%d<<END\n%s\nEND\n", i, f))
			io.AppendFile(env["GITHUB_STEP_SUMMARY"], "# <<"+f+">>\n")
			io.AppendFile(env["GITHUB_PATH"], f+"\n")
		}
	case "broken-files":
		f := c.forms[0]
		_, second, _ := strings.Cut(c.secrets["KEY"], "\n")
		io.AppendFile(env["GITHUB_STATE"], "A<<"+c.twice[0]+"\nx\n")
		io.AppendFile(env["GITHUB_OUTPUT"], second+"\n")
		io.AppendFile(env["GITHUB_ENV"], "NODE_OPTIONS="+f+"\n")
		io.AppendFile(env["GITHUB_ARTIFACTS"], f+"\n")
	case "matchers":
		io.WriteFile("/home/runner/work/demo/demo/m.json", []byte(
			`{"problemMatcher":[{"owner":"m","pattern":[{"regexp":"^problem: (.*)$","message":1,"file":1,"code":1}]}]}`))
		io.Printf("::add-matcher::m.json\n")
		for _, f := range c.forms {
			io.Printf("problem: %s\n", strings.ReplaceAll(f, "\n", "\nproblem: "))
		}
	}
	return executor.Exit{Code: 1}
}

// sinks are all that can be read of a run, by name.
type sinks map[string]string

// run runs the job with masks made by masker.
func (c canary) run(t *testing.T, masker func() *mask.Masker, rendered bool) sinks {
	t.Helper()
	w, found := workflow.Parse(".github/workflows/ci.yml", []byte(c.workflow()))
	if found.HasErrors() {
		t.Fatal(found.Err())
	}
	contexts := map[string]expr.Value{"github": expr.StringMap(map[string]string{
		"repository": "octo/demo", "ref": "refs/heads/main", "workflow": "canary", "event_name": "push"}, false)}
	p, err := plan.Build(t.Context(), w, plan.Source{Path: ".github/workflows/ci.yml"}, "push", contexts, nil)
	if err != nil {
		t.Fatal(err)
	}
	var log, events bytes.Buffer
	engine := &runner.Engine{
		Executors: map[string]executor.Executor{"fake": fake.New(fake.Options{Script: c.script, Start: func(cmd executor.Command) error {
			for _, f := range cmd.Files {
				switch strings.TrimSpace(string(f.Data)) {
				case "cannot-start":
					return fmt.Errorf("no program: %s", strings.Join(c.forms, "|"))
				case "lost":
					return executor.Errorf("start "+c.forms[0], executor.Lost, "gone: %s", strings.Join(c.forms, "|"))
				}
			}
			return nil
		}})},
		Secrets: func(context.Context, *runner.Job) (map[string]string, error) { return c.secrets, nil },
		Masker:  masker,
		Log:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	var mu sync.Mutex
	all := []runner.Sink{runner.SinkFunc(func(e runner.Event) {
		mu.Lock()
		defer mu.Unlock()
		data, err := json.Marshal(e)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(&events, "%+v\n%s\n", e, data)
		if f, ok := e.(runner.JobFinished); ok && f.FirstError != nil {
			fmt.Fprintf(&events, "%+v\n", *f.FirstError)
		}
	})}
	views := map[string]Options{
		"plain": {}, "verbose": {Verbose: true}, "quiet": {Quiet: true}, "json": {JSON: true}, "coloured": {Color: true, Verbose: true},
		"live": {TTY: true, Size: func() (int, int) { return 2000, 100 }}, "live verbose": {TTY: true, Verbose: true, Color: true, Size: func() (int, int) { return 2000, 100 }},
	}
	outs := map[string]*bytes.Buffer{}
	var renderers []Renderer
	if rendered {
		for name, o := range views {
			outs[name] = &bytes.Buffer{}
			o.Out = outs[name]
			r := New(o)
			renderers = append(renderers, r)
			all = append(all, r)
		}
	}
	store := history.Open(t.TempDir())
	recorder, err := store.Record(history.Recording{Run: history.Run{ID: "1", Attempt: 1}, Plan: p, Payload: []byte("{}"), Secrets: c.secrets})
	if err != nil {
		t.Fatal(err)
	}
	sink := runner.Sinks(append(all, recorder)...)

	sink.Emit(runner.RunStarted{Run: "1", Workflow: "canary"})
	job := &runner.Job{Run: "1", Leg: *plan.NewState(p).Start()[0].Leg, Place: runner.Place{Executor: "fake"}, Debug: true}
	result := engine.Run(t.Context(), job, sink)
	sink.Emit(runner.RunFinished{Run: "1", Workflow: "canary", Conclusion: result.Conclusion})

	errs := []error{recorder.Close()}
	for _, r := range renderers {
		errs = append(errs, r.Close())
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s := sinks{"events": events.String(), "log": log.String()}
	for name, out := range outs {
		s[name] = out.String()
	}
	data, _ := json.Marshal(result)
	s["result"] = fmt.Sprintf("%+v %s %v %v", result, data, result.FirstError, result.Infra)
	err = filepath.WalkDir(store.Dir("1"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		s["history "+filepath.Base(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Steps) < 10 || result.Infra == nil || result.Outputs["fine"] != "fine" || len(result.Outputs) != 1 && masker == nil {
		t.Errorf("the canary did not run as it should: %d steps, infra %v, outputs %d", len(result.Steps), result.Infra, len(result.Outputs))
	}
	return s
}

// The sizes of the pieces by which a form is told: a number or a random id can
// be any short piece of hexadecimal digits.
const pieceSize, hexPieceSize = 7, 14

// pieces are short parts of the forms.
func (c canary) pieces() map[string]bool {
	all := map[string]bool{}
	add := func(p string) {
		letters := 0
		for _, b := range []byte(p) {
			if b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' {
				letters++
			}
		}
		if digits := strings.Trim(p, "0123456789abcdefABCDEF") == ""; letters >= len(p)-1 && digits == (len(p) == hexPieceSize) {
			all[p] = true
		}
	}
	for _, f := range c.forms {
		for line := range strings.Lines(f) {
			for _, size := range []int{pieceSize, hexPieceSize} {
				for i := 0; i+size <= len(line); i++ {
					add(line[i : i+size])
				}
			}
		}
	}
	return all
}

// leaks are the pieces that a sink shows.
func leaks(text string, pieces map[string]bool) []string {
	var shown []string
	for _, size := range []int{pieceSize, hexPieceSize} {
		for i := 0; i+size <= len(text); i++ {
			if pieces[text[i:i+size]] {
				shown = append(shown, text[max(0, i-60):min(len(text), i+40)])
				i += 100
			}
		}
	}
	return shown
}

func TestCanary(t *testing.T) {
	c := newCanary(t)
	pieces := c.pieces()
	all := c.run(t, nil, true)
	if len(all) < 14 {
		t.Errorf("%d sinks", len(all))
	}
	for name, text := range all {
		if found := leaks(text, pieces); len(found) > 0 {
			t.Errorf("%s shows secrets %d times: %q", name, len(found), found[:min(3, len(found))])
		}
		if name != "log" && name != "result" && !strings.HasPrefix(name, "history") && !strings.Contains(text, "***") {
			t.Errorf("%s shows nothing", name)
		}
	}
	for _, want := range []string{"Skip output 'o0' since it may contain secret.", "Skip output 'c0' since it may contain secret."} {
		if !strings.Contains(all["events"], want) {
			t.Errorf("no warning %q", want)
		}
	}
}

// TestCanaryDies proves that the canary would be seen: with any one encoder
// switched off it is. The readings, which find what an encoder does not know,
// are off for that, but for one case of their own.
func TestCanaryDies(t *testing.T) {
	c := newCanary(t)
	pieces := c.pieces()
	seen := func(c canary, without ...string) []string {
		all := c.run(t, func() *mask.Masker { return mask.NewWithout(without...) }, false)
		return leaks(all["events"], pieces)
	}
	for _, name := range mask.Readings() {
		if len(seen(c, name)) == 0 {
			t.Errorf("without %q the canary lives", name)
		}
	}
	c.quiet = true
	c.forms = slices.DeleteFunc(c.forms, func(f string) bool { return slices.Contains(c.twice, f) })
	if found := seen(c, mask.Readings()...); len(found) > 0 {
		t.Fatalf("what is left needs the readings, so that no encoder can be told from them: %q", found[:min(5, len(found))])
	}
	for _, name := range mask.Encoders() {
		if len(seen(c, append(mask.Readings(), name)...)) == 0 {
			t.Errorf("without %q the canary lives", name)
		}
	}
}
