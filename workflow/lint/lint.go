package lint

import (
	"fmt"
	"io"
	"slices"

	"github.com/nektos/act/pkg/schema"
	"github.com/rhysd/actionlint"

	"github.com/drydock-ci/drydock/workflow"
)

// maxSize is the largest file that is looked at, in bytes.
const maxSize = 1 << 20

// Linter looks at the files of one project. The zero Linter looks at single
// files. It is not safe for concurrent use.
type Linter struct {
	Root   string   // folder that holds .github; "" is none
	Labels []string // of runs-on, that this machine knows beside GitHub's

	project *actionlint.Project
	schema  *schema.Schema // act's
}

// Check gives advice on a valid file; found are the diagnostics that it has
// already. Where one of them stands, actionlint adds nothing; act adds nothing to
// a line of which anybody has spoken. A file with errors gets no advice: most of
// it would say the same again.
func (l *Linter) Check(file string, src []byte, found workflow.Diagnostics) workflow.Diagnostics {
	if found.HasErrors() || len(src) > maxSize {
		return nil
	}
	taken := map[workflow.Pos]bool{}
	for _, d := range found {
		taken[d.Pos] = true
	}
	var all workflow.Diagnostics
	errs, err := l.lint(src)
	if err != nil {
		all = append(all, advice(file, 1, 1, "failed", err.Error()))
	}
	for _, e := range errs {
		if !taken[workflow.Pos{Line: e.Line, Column: e.Column}] {
			all = append(all, advice(file, e.Line, e.Column, e.Kind, e.Message))
		}
	}
	lines := map[int]bool{}
	for _, d := range append(found[:len(found):len(found)], all...) {
		lines[d.Pos.Line] = lines[d.Pos.Line] || d.Code != "actionlint/failed"
	}
	all = append(all, l.act(file, src, lines)...)
	slices.SortStableFunc(all, func(a, b workflow.Diagnostic) int { return comparePos(a.Pos, b.Pos) })
	return all
}

func advice(file string, line, column int, kind, message string) workflow.Diagnostic {
	return workflow.Diagnostic{
		File: file, Pos: workflow.Pos{Line: line, Column: column}, Severity: workflow.Advice,
		Code: "actionlint/" + kind, Message: message, Hint: "says actionlint",
	}
}

// lint runs actionlint. It is not ours: a panic of it is no reason to stop.
func (l *Linter) lint(src []byte) (errs []*actionlint.Error, err error) {
	defer func() {
		if p := recover(); p != nil {
			errs, err = nil, fmt.Errorf("actionlint failed: %v", p)
		}
	}()
	if l.Root != "" && l.project == nil {
		if l.project, err = actionlint.NewProject(l.Root); err != nil {
			return nil, err
		}
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{
		WorkingDir: l.Root, OnRulesCreated: l.labels,
	})
	if err != nil {
		return nil, err
	}
	return linter.Lint("<stdin>", src, l.project) // a path would make it look for a project itself
}

// labels tells the rules about our labels. A project's own configuration of
// actionlint comes later and wins.
func (l *Linter) labels(rules []actionlint.Rule) []actionlint.Rule {
	var c actionlint.Config
	c.SelfHostedRunner.Labels = l.Labels
	if l.project != nil && l.project.Config() != nil {
		return rules
	}
	for _, r := range rules {
		r.SetConfig(&c)
	}
	return rules
}
