package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// standing is how `drydock run` treats a feature.
type standing string

const (
	exact      standing = "exact"
	emulated   standing = "emulated"
	ignored    standing = "ignored"
	impossible standing = "impossible here"
)

// features are what a workflow may use, with what becomes of it on a laptop.
// The order is that of the report.
var features = []struct {
	name string
	standing
	note string
}{
	{"run name", emulated, "said when the run starts"},
	{"event filters", exact, "branches, tags, types, workflows and [skip ci] decide as on GitHub"},
	{"path filters", emulated, "the changed files are those of the local repository, uncommitted ones too"},
	{"inputs", exact, "typed, checked, and asked for on a terminal"},
	{"schedule", emulated, "\"drydock run schedule\" runs it now; nothing runs it at its times"},
	{"needs", exact, ""},
	{"conditions", exact, ""},
	{"matrix", exact, ""},
	{"timeouts", exact, ""},
	{"continue-on-error", exact, ""},
	{"job outputs", exact, ""},
	{"reusable workflows", exact, ""},
	{"background steps", exact, ""},
	{"container", exact, ""},
	{"services", exact, ""},
	{"checkout", emulated, "the working copy, whole and with what is not committed; no credentials stay for later git commands"},
	{"checkout ssh-key", ignored, "nothing is fetched, and git commands of later steps have no key: --no-skip-checkout runs the action itself"},
	{"checkout lfs", ignored, "files of Git LFS come as they are in the working copy: run \"git lfs pull\", or --no-skip-checkout"},
	{"runner group", emulated, "matched with the groups of your runners: entries; under platforms: the labels alone choose"},
	{"hosted machine", emulated, "the label stands for an image, which holds less than GitHub's machine"},
	{"windows or macos", impossible, "map the label to what can stand for it, or leave the job out"},
	{"secrets", emulated, "those that you give with -s or in .secrets"},
	{"GITHUB_TOKEN", emulated, "the one that you give with -s GITHUB_TOKEN, else it is empty"},
	{"permissions", emulated, "checked between files; a token of your own keeps the rights that it has"},
	{"concurrency", emulated, "within a run; two runs of drydock do not wait for each other"},
	{"environment", emulated, "as one without rules: nobody approves, its secrets and variables are those that you give, its url is said at the end"},
	{"cache-mode", emulated, "given to the steps and kept by the cache service of this machine"},
	{"caches", emulated, "kept on this machine"},
	{"artifacts", emulated, "kept on this machine, with the run"},
	{"OIDC tokens", emulated, "of an issuer of this machine, which is not GitHub's: who checks them must trust it"},
	{"snapshot", impossible, "images of machines are GitHub's"},
}

// featureID is what a feature is waived by.
func featureID(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

// featureRow is one feature that a file uses, where it does so first.
type featureRow struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Feature  string   `json:"feature"`
	Standing standing `json:"standing"`
	Note     string   `json:"note,omitempty"`
}

// featureRows lists what the files use. platforms are the labels that are mapped.
func featureRows(files []file, platforms map[string]string) []featureRow {
	rows := []featureRow{}
	for _, f := range files {
		if f.workflow == nil {
			continue
		}
		used := usedFeatures(f, platforms)
		for _, known := range features {
			if places := used[known.name]; len(places) > 0 {
				rows = append(rows, featureRow{f.path, places[0].Line, places[0].Column, known.name, known.standing, known.note})
			}
		}
	}
	return rows
}

// usedFeatures finds the places of each feature that a file uses, in their order.
func usedFeatures(f file, platforms map[string]string) map[string][]workflow.Pos {
	s := featureSearch{used: map[string][]workflow.Pos{}, platforms: platforms}
	s.file(f)
	for _, places := range s.used {
		slices.SortFunc(places, func(a, b workflow.Pos) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
	}
	return s.used
}

type featureSearch struct {
	used      map[string][]workflow.Pos
	platforms map[string]string
}

// uses notes a place of a feature.
func (s *featureSearch) uses(name string, pos workflow.Pos) {
	if !slices.Contains(s.used[name], pos) { // of an alias
		s.used[name] = append(s.used[name], pos)
	}
}

// node notes a feature by what a key holds.
func (s *featureSearch) node(name string, n *workflow.Node) {
	if n != nil {
		s.uses(name, n.Pos)
	}
}

func (s *featureSearch) list(name string, lists ...[]*workflow.Node) {
	for _, l := range lists {
		if len(l) > 0 {
			s.node(name, l[0])
		}
	}
}

func (s *featureSearch) file(f file) {
	w := f.workflow
	for _, t := range w.On.Triggers {
		s.list("event filters", t.Types, t.Branches, t.BranchesIgnore, t.Tags, t.TagsIgnore, t.Workflows, t.Names, t.Versions)
		s.list("path filters", t.Paths, t.PathsIgnore)
		if len(t.Cron) > 0 {
			s.uses("schedule", t.Cron[0].Pos)
		}
		if len(t.Inputs) > 0 {
			s.uses("inputs", t.Inputs[0].Pos)
		}
	}
	s.node("run name", w.RunName)
	s.permissions(w.Permissions)
	s.concurrency(w.Concurrency)
	for _, j := range w.Jobs {
		s.job(j)
	}
	for text, name := range map[string]string{"secrets.": "secrets", "GITHUB_TOKEN": "GITHUB_TOKEN", "github.token": "GITHUB_TOKEN"} {
		if i := bytes.Index(f.source, []byte(text)); i >= 0 {
			line := bytes.LastIndexByte(f.source[:i], '\n') + 1
			s.uses(name, workflow.Pos{Line: bytes.Count(f.source[:i], []byte("\n")) + 1, Column: len([]rune(string(f.source[line:i]))) + 1})
		}
	}
}

func (s *featureSearch) permissions(p *workflow.Permissions) {
	if p == nil {
		return
	}
	s.uses("permissions", p.Pos)
	if p.Scopes["id-token"] == "write" {
		s.uses("OIDC tokens", p.Pos)
	}
}

func (s *featureSearch) concurrency(c *workflow.Concurrency) {
	if c != nil {
		s.uses("concurrency", c.Pos)
	}
}

func (s *featureSearch) job(j *workflow.Job) {
	if len(j.Needs) > 0 {
		s.uses("needs", j.Needs[0].Pos)
	}
	if j.Strategy != nil {
		s.uses("matrix", j.Strategy.Pos)
	}
	s.permissions(j.Permissions)
	s.concurrency(j.Concurrency)
	s.node("conditions", j.If)
	s.node("timeouts", j.TimeoutMinutes)
	s.node("continue-on-error", j.ContinueOnError)
	if len(j.Outputs) > 0 {
		s.uses("job outputs", j.Outputs[0].Pos)
	}
	s.node("reusable workflows", j.Uses)
	s.node("container", j.Container)
	s.node("services", j.Services)
	s.node("environment", j.Environment)
	s.node("cache-mode", j.CacheMode)
	s.node("snapshot", j.Snapshot)
	if j.RunsOn != nil {
		s.node("runner group", j.RunsOn.Group)
		s.labels(j.RunsOn.Labels)
	}
	s.steps(j.Steps)
}

func (s *featureSearch) labels(n *workflow.Node) {
	if n == nil {
		return
	}
	for _, item := range append([]*workflow.Node{n}, n.Items...) {
		label := strings.ToLower(item.ScalarText())
		image := s.platforms[label]
		switch {
		case strings.HasPrefix(label, "ubuntu-") && image != "host":
			s.uses("hosted machine", item.Pos)
		case image == "" && (strings.HasPrefix(label, "windows") || strings.HasPrefix(label, "macos")):
			s.uses("windows or macos", item.Pos)
		}
	}
}

// services of GitHub that actions speak to.
var serviceActions = map[string]string{
	"actions/cache": "caches", "actions/upload-artifact": "artifacts", "actions/download-artifact": "artifacts",
}

func (s *featureSearch) steps(steps []workflow.Step) {
	for _, step := range steps {
		common := step.Common()
		s.node("conditions", common.If)
		s.node("timeouts", common.TimeoutMinutes)
		s.node("continue-on-error", common.ContinueOnError)
		if common.Background {
			s.uses("background steps", common.Pos)
		}
		switch step := step.(type) {
		case *workflow.Uses:
			name, _, _ := strings.Cut(strings.ToLower(step.Uses.Text), "@")
			if parts := strings.SplitN(name, "/", 3); len(parts) > 1 {
				name = parts[0] + "/" + parts[1] // actions/cache/restore
			}
			if feature := serviceActions[name]; feature != "" {
				s.uses(feature, step.Uses.Pos)
			}
			s.checkout(step)
		case *workflow.Parallel:
			s.uses("background steps", common.Pos)
			s.steps(step.Steps)
		}
	}
}

// checkout of the repository under test is served without the action: inputs
// that would need it have no effect.
func (s *featureSearch) checkout(step *workflow.Uses) {
	ref, err := action.ParseUses(step.Uses.Text)
	if err != nil || !servedCheckout(plan.Step{With: step.With}, ref) {
		return
	}
	s.uses("checkout", step.Uses.Pos)
	if step.With == nil || step.With.Kind != workflow.Mapping {
		return
	}
	if key := step.With.Lookup("ssh-key"); key != nil && key.ScalarText() != "" {
		s.uses("checkout ssh-key", key.Pos)
	}
	if lfs := step.With.Lookup("lfs"); lfs != nil && lfs.ScalarText() != "" && !strings.EqualFold(lfs.ScalarText(), "false") {
		s.uses("checkout lfs", lfs.Pos)
	}
}

// printFeatures is the table for people.
func printFeatures(w io.Writer, rows []featureRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	order := []standing{impossible, ignored, emulated, exact}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b featureRow) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(slices.Index(order, a.Standing), slices.Index(order, b.Standing)))
	})
	for _, r := range rows {
		fmt.Fprintf(t, "%s:%d:%d\t%s\t%s\t%s\n", r.File, r.Line, r.Column, r.Standing, r.Feature, r.Note)
	}
	return t.Flush()
}
