package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// String is how messages name the file: the path, or owner/name/path@ref.
func (s Source) String() string {
	if s.Repository == "" {
		return s.Path
	}
	name := s.Repository + "/" + s.Path
	if ref := s.Ref; ref != "" {
		return name + "@" + ref
	}
	if s.SHA != "" {
		return name + "@" + s.SHA
	}
	return name
}

// key tells files apart: two refs of one commit are the same file.
func (s Source) key() string {
	version := s.SHA
	if version == "" {
		version = s.Ref
	}
	return strings.ToLower(s.Repository) + "\x00" + s.Path + "\x00" + version
}

// reference is a `uses:` text with the file that holds it, which is what the
// text is relative to.
type reference struct{ from, uses string }

type loaded struct {
	src Source
	w   *workflow.Workflow
	bad workflow.Diagnostics // why w cannot be called
}

// load gives the called file, each reference and each file once.
func (b *builder) load(ctx context.Context, from Source, uses string) (loaded, error) {
	ref := reference{from.key(), uses}
	if l, ok := b.loads[ref]; ok {
		return l, nil
	}
	if b.Load == nil {
		return loaded{}, errors.New("nothing here can load reusable workflows")
	}
	src, text, err := b.Load(ctx, from, uses)
	if err != nil {
		return loaded{}, err
	}
	l := loaded{src: src, w: b.files[src.key()]}
	if l.w == nil {
		w, found := workflow.Parse(src.String(), text)
		if found.HasErrors() {
			l.bad = found
		}
		l.w = w
		b.files[src.key()] = w
	}
	b.loads[ref] = l
	return l, nil
}

// call loads what the job calls and checks that the call fits. The result is
// nil when there is something to report; the error is the Loader's.
func (b *builder) call(ctx context.Context, wj *workflow.Job, j *Job, at place) (*Call, error) {
	pos, uses := wj.Uses.Pos, wj.Uses.Text
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("loading reusable workflows for %s: %w", at.file, err)
	}
	if len(at.chain) > maxNesting {
		b.report(at.file, pos, "nesting", "calling '%s': reusable workflows are nested deeper than %d levels", uses, maxNesting)
		return nil, nil
	}
	l, err := b.load(ctx, at.src, uses)
	if err != nil {
		return nil, fmt.Errorf("%s:%d:%d: loading reusable workflow '%s': %w", at.file, pos.Line, pos.Column, uses, err)
	}
	switch key := l.src.key(); {
	case slices.Contains(at.chain, key):
		b.report(at.file, pos, "call-cycle", "'%s' calls itself, directly or through others", l.src)
		return nil, nil
	case len(b.files) > maxCalledFiles:
		b.report(at.file, pos, "too-many-files", "the run calls more than %d different workflows", maxCalledFiles)
		return nil, nil
	case l.bad != nil || l.w == nil:
		b.reportCalled(at.file, pos, l.src, l.bad)
		return nil, nil
	}
	trigger := l.w.On.Trigger("workflow_call")
	if trigger == nil {
		b.reportCalled(at.file, pos, l.src, workflow.Diagnostics{{
			Pos: l.w.On.Pos, Severity: workflow.Error, Message: "workflow_call key is not defined in the referenced workflow.",
			Hint: "add workflow_call to its `on:`",
		}})
		return nil, nil
	}
	b.checkInputs(wj, l, trigger, at)
	b.checkSecrets(wj, trigger, at)
	b.checkPermissions(wj, j, l.w, at)

	if !b.size(at, pos, l) {
		return nil, nil
	}
	before := len(b.found)
	inner := place{src: l.src, file: l.src.String(), allowed: j.Permissions, chain: append(slices.Clone(at.chain), l.src.key())}
	graph, err := b.graph(ctx, l.w, inner)
	if err != nil {
		return nil, fmt.Errorf("%s:%d:%d: calling '%s': %w", at.file, pos.Line, pos.Column, uses, err)
	}
	if len(b.found) > before {
		b.cameFrom(before, at.file, pos)
		return nil, nil
	}
	return &Call{Pos: pos, Uses: uses, Graph: graph, With: wj.With, Secrets: wj.Secrets, Inherit: wj.InheritSecrets}, nil
}

// reportCalled puts the caller's place before what is wrong in a called file,
// in GitHub's words (actions/runner: ReusableWorkflowsLoader.cs).
func (b *builder) reportCalled(file string, pos workflow.Pos, called Source, found workflow.Diagnostics) {
	for _, d := range found {
		if d.Severity == workflow.Error {
			place := ""
			if d.Pos.Line > 0 {
				place = fmt.Sprintf(" (Line: %d, Col: %d)", d.Pos.Line, d.Pos.Column)
			}
			b.found = append(b.found, workflow.Diagnostic{
				File: file, Pos: pos, Severity: workflow.Error, Code: "called-workflow", Hint: d.Hint,
				Message: fmt.Sprintf("Error from called workflow %s%s: %s", called, place, d.Message),
			})
		}
	}
	if !found.HasErrors() {
		b.report(file, pos, "called-workflow", "Error from called workflow %s: it cannot be read", called)
	}
}

// cameFrom says of what was found in a called file since before who called it.
func (b *builder) cameFrom(before int, file string, pos workflow.Pos) {
	caller := fmt.Sprintf("called from %s:%d:%d", file, pos.Line, pos.Column)
	for i := before; i < len(b.found); i++ {
		if d := &b.found[i]; d.Hint == "" {
			d.Hint = caller
		} else {
			d.Hint += "; " + caller
		}
	}
}

// checkInputs compares `with:` with the declared inputs, in GitHub's words
// (actions/runner: WorkflowTemplateConverter.cs, ConvertToWorkflowJobInputs);
// values with expressions are checked when they are known.
func (b *builder) checkInputs(wj *workflow.Job, l loaded, trigger *workflow.Trigger, at place) {
	given := map[string]*workflow.Node{}
	for _, e := range entries(wj.With) {
		given[strings.ToLower(e.Key.Text)] = e.Value
	}
	declared := map[string]bool{}
	for _, in := range trigger.Inputs {
		declared[strings.ToLower(in.ID)] = true
		if in.Default != nil && !in.Default.Expressions() {
			if _, err := typedInput(in, literalValue(in.Default)); err != nil {
				b.reportCalled(at.file, wj.Uses.Pos, l.src, workflow.Diagnostics{{
					Pos: in.Default.Pos, Severity: workflow.Error, Hint: err.Error(),
					Message: fmt.Sprintf("Unexpected value '%s'", in.Default.ScalarText()),
				}})
			}
		}
		value, ok := given[strings.ToLower(in.ID)]
		if !ok && in.Required && !hasInsert(wj.With) {
			b.report(at.file, wj.Uses.Pos, "missing-input", "Input %s is required, but not provided while calling.", in.ID)
		}
		if ok && !value.Expressions() {
			if _, err := typedInput(in, literalValue(value)); err != nil {
				b.report(at.file, value.Pos, "input-type", "Unexpected value '%s'", value.ScalarText())
				b.found[len(b.found)-1].Hint = err.Error()
			}
		}
	}
	for _, e := range entries(wj.With) {
		if !declared[strings.ToLower(e.Key.Text)] && !e.Key.Expressions() {
			b.report(at.file, e.Value.Pos, "unknown-input", "Invalid input, %s is not defined in the referenced workflow.", e.Key.Text)
		}
	}
}

// checkSecrets compares `secrets:` with the declared ones.
func (b *builder) checkSecrets(wj *workflow.Job, trigger *workflow.Trigger, at place) {
	if wj.InheritSecrets {
		return
	}
	given, declared := map[string]bool{}, map[string]bool{}
	for _, e := range entries(wj.Secrets) {
		given[strings.ToLower(e.Key.Text)] = true
	}
	for _, secret := range trigger.Secrets {
		declared[strings.ToLower(secret.ID)] = true
		if secret.Required && !given[strings.ToLower(secret.ID)] && !hasInsert(wj.Secrets) {
			b.report(at.file, wj.Uses.Pos, "missing-secret", "Secret %s is required, but not provided while calling.", secret.ID)
		}
	}
	for _, e := range entries(wj.Secrets) {
		if !declared[strings.ToLower(e.Key.Text)] && !e.Key.Expressions() {
			b.report(at.file, e.Value.Pos, "unknown-secret", "Invalid secret, %s is not defined in the referenced workflow.", e.Key.Text)
		}
	}
}

// checkPermissions refuses a called file that asks for more than the caller
// has (actions/runner: PermissionsHelper.cs).
func (b *builder) checkPermissions(wj *workflow.Job, j *Job, called *workflow.Workflow, at place) {
	uses := wj.Uses.Text
	if want, have := excess(called.Permissions, j.Permissions); want != "" {
		b.report(at.file, wj.Pos, "permissions", "Error calling workflow '%s'. The workflow '%s' is requesting '%s', but is only allowed '%s'.", uses, uses, want, have)
	}
	for _, inner := range called.Jobs {
		if want, have := excess(inner.Permissions, j.Permissions); want != "" {
			b.report(at.file, wj.Pos, "permissions", "Error calling workflow '%s'. The nested job '%s' is requesting '%s', but is only allowed '%s'.", uses, shownName(inner), want, have)
		}
	}
}

// shownName is a job's name where it needs no evaluation, else its id.
func shownName(j *workflow.Job) string {
	if name := j.Name.ScalarText(); name != "" && !j.Name.HasExpression() {
		return name
	}
	return j.ID
}

// entries of a mapping; nil for anything else.
func entries(n *workflow.Node) []workflow.Entry {
	if n == nil || n.Kind != workflow.Mapping {
		return nil
	}
	return n.Entries
}

// hasInsert tells whether a key is an expression, so that nobody knows yet
// which keys there are.
func hasInsert(n *workflow.Node) bool {
	return slices.ContainsFunc(entries(n), func(e workflow.Entry) bool { return e.Key.Expressions() }) ||
		n != nil && n.Kind == workflow.String
}
