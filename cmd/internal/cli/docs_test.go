package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/runner"
)

var update = flag.Bool("update", false, "write the generated parts of docs")

const docs = "../../../docs/"

// TestDocs holds the generated parts of the documentation against the program;
// with -update it writes them.
func TestDocs(t *testing.T) {
	for file, parts := range map[string]map[string]string{
		"configuration.md": {"settings": settingsTable()},
		"cli.md":           {"commands": commandsTable(), "flags": runFlags(), "act": actTable(), "events": eventsTable(), "features": featuresTable()},
	} {
		data, err := os.ReadFile(docs + file)
		if err != nil {
			t.Fatal(err)
		}
		want := string(data)
		for name, body := range parts {
			begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->"
			before, rest, ok := strings.Cut(want, begin)
			_, after, ok2 := strings.Cut(rest, end)
			if !ok || !ok2 {
				t.Fatalf("%s: no part %q between its comments", file, name)
			}
			want = before + begin + "\n" + body + "\n" + end + after
		}
		if want == string(data) {
			continue
		}
		if !*update {
			t.Errorf("docs/%s is out of date: run go test ./cmd/internal/cli -run TestDocs -update", file)
			continue
		}
		if err := os.WriteFile(docs+file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks follows the links between our own pages.
func TestLinks(t *testing.T) {
	root := filepath.FromSlash("../../..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages", err)
	}
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "docs", "adr", "README.md")) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link %q leads nowhere", page, m[1])
			}
		}
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func featuresTable() string {
	var b strings.Builder
	b.WriteString("| feature | in `drydock run` | what that means |\n|---|---|---|\n")
	for _, f := range features {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", featureID(f.name), f.standing, cell(f.note))
	}
	return b.String()
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| key in `drydock.yaml` | variable | flag | default | what it is |\n|---|---|---|---|---|\n")
	for _, f := range config.Fields() {
		flagText := ""
		if f.Flag != "" {
			flagText = "`--" + f.Flag + "`"
			if f.Short != "" {
				flagText = "`-" + f.Short + "`, " + flagText
			}
			for _, a := range f.Aliases {
				flagText += ", `--" + a + "`"
			}
		}
		def := f.Default
		if f.Kind == config.Map {
			def = strings.ReplaceAll(def, ",", "`<br>`")
		}
		if def != "" {
			def = "`" + def + "`"
		}
		doc := f.Doc
		if len(f.Values) > 0 {
			doc += " (" + strings.Join(f.Values, ", ") + ")"
		}
		if f.UserOnly {
			doc += ". **User only**"
		}
		if f.PerRunner {
			doc += ", also in a runner"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", f.Key, f.Env, flagText, cell(def), cell(doc))
	}
	return b.String()
}

func tree() *cobra.Command {
	var out bytes.Buffer
	return (&app{stdin: &out, stdout: &out, stderr: &out}).root()
}

func commandsTable() string {
	var b strings.Builder
	b.WriteString("| command | what it does |\n|---|---|\n")
	for _, c := range tree().Commands() {
		if c.Name() != "help" && !c.Hidden {
			fmt.Fprintf(&b, "| `drydock %s` | %s |\n", cell(c.Use), cell(c.Short))
		}
	}
	return b.String()
}

func runFlags() string {
	run, _, _ := tree().Find([]string{"run"})
	var b strings.Builder
	b.WriteString("| flag | what it does |\n|---|---|\n")
	row := func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		arg, usage := pflag.UnquoteUsage(f)
		name := "`--" + f.Name
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, `--" + f.Name
		}
		switch {
		case arg == "" || arg == "string" && f.NoOptDefVal != "":
		case f.NoOptDefVal == "":
			name += " " + arg
		case f.NoOptDefVal != "true":
			name += "[=" + arg + "]"
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			usage += " (default `" + f.DefValue + "`)"
		}
		fmt.Fprintf(&b, "| %s` | %s |\n", cell(name), cell(usage))
	}
	run.LocalFlags().VisitAll(row)
	b.WriteString("\nFlags of every command:\n\n| flag | what it does |\n|---|---|\n")
	run.InheritedFlags().VisitAll(row)
	return b.String()
}

func actTable() string {
	var b strings.Builder
	b.WriteString("| flag of act | here |\n|---|---|\n")
	for _, m := range actMeanings {
		fmt.Fprintf(&b, "| `--%s` | %s |\n", m[0], cell(m[1]))
	}
	for _, f := range actFlags {
		fmt.Fprintf(&b, "| `--%s` | %s |\n", strings.TrimSpace(f.name+" "+f.arg), cell(f.what))
	}
	return b.String()
}

// eventMeanings say when an event comes; its fields come from its type.
var eventMeanings = []struct {
	event runner.Event
	when  string
}{
	{runner.RunStarted{}, "first event of a workflow's run"},
	{runner.JobStarted{}, "a job got its place"},
	{runner.JobRequeued{}, "a job lost its place and is run again from its beginning: `job-started` and all steps follow once more"},
	{runner.StepStarted{}, "a step begins; the first is \"Set up job\""},
	{runner.Line{}, "a line of a step's log; `level` is empty, or `debug`, `notice`, `warning`, `error`, `command`, `group`, `endgroup`"},
	{runner.Annotated{}, "an error, warning or notice with its place in the repository"},
	{runner.Summarised{}, "what a step wrote to GITHUB_STEP_SUMMARY"},
	{runner.StepFinished{}, "a step ended; a skipped step has only this event"},
	{runner.JobFinished{}, "a job ended; one that never started has only this event"},
	{runner.Noticed{}, "a remark on the run as a whole"},
	{runner.RunFinished{}, "last event of a workflow's run"},
}

func eventsTable() string {
	var b strings.Builder
	b.WriteString("| `type` | when | fields |\n|---|---|---|\n")
	for _, e := range eventMeanings {
		names := fields(reflect.TypeOf(e.event))
		if !slices.Contains(names, "`run`") {
			names = append([]string{"`run`"}, names...) // cmd/internal/term adds it
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.event.Type(), cell(e.when), strings.Join(names, ", "))
	}
	return b.String()
}

// fields are the names of a type's JSON fields; "?" marks those that may be
// missing, and those of structs stand in brackets.
func fields(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		if f.Anonymous {
			out = append(out, fields(f.Type)...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		text := "`" + name + "`"
		if strings.Contains(options, "omitempty") {
			text += "?"
		}
		inner := f.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.Name() != "Time" {
			text += " (" + strings.Join(fields(inner), ", ") + ")"
		}
		out = append(out, text)
	}
	return out
}
