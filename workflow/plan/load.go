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
		b.reportCalled(at.file, pos, uses, l.bad)
		return nil, nil
	}
	trigger := l.w.On.Trigger("workflow_call")
	if trigger == nil {
		b.report(at.file, pos, "not-callable", "'%s' cannot be called: its `on:` has no workflow_call", l.src)
		return nil, nil
	}
	b.checkInputs(wj, trigger, at)
	b.checkSecrets(wj, trigger, at)
	b.checkPermissions(wj, j, l.w, at)

	before := len(b.found)
	inner := place{src: l.src, file: l.src.String(), allowed: j.Permissions, chain: append(slices.Clone(at.chain), l.src.key())}
	graph, err := b.graph(ctx, l.w, inner)
	if err != nil {
		return nil, fmt.Errorf("%s:%d:%d: calling '%s': %w", at.file, pos.Line, pos.Column, uses, err)
	}
	called := slices.Clone(b.found[before:])
	b.found = b.found[:before]
	if len(called) > 0 {
		b.reportCalled(at.file, pos, uses, called)
		return nil, nil
	}
	return &Call{Pos: pos, Uses: uses, Graph: graph, With: wj.With, Secrets: wj.Secrets, Inherit: wj.InheritSecrets}, nil
}

// reportCalled puts the caller's place before what is wrong in a called file.
func (b *builder) reportCalled(file string, pos workflow.Pos, uses string, found workflow.Diagnostics) {
	for _, d := range found {
		if d.Severity == workflow.Error {
			place := ""
			if d.File != "" {
				place = fmt.Sprintf("%s:%d:%d: ", d.File, d.Pos.Line, d.Pos.Column)
			}
			b.found = append(b.found, workflow.Diagnostic{
				File: file, Pos: pos, Severity: workflow.Error, Code: d.Code, Hint: d.Hint,
				Message: fmt.Sprintf("in called workflow '%s': %s%s", uses, place, d.Message),
			})
		}
	}
	if !found.HasErrors() {
		b.report(file, pos, "called-workflow", "called workflow '%s' cannot be read", uses)
	}
}

// checkInputs compares `with:` with the declared inputs; values with
// expressions are checked when they are known.
func (b *builder) checkInputs(wj *workflow.Job, trigger *workflow.Trigger, at place) {
	given := map[string]*workflow.Node{}
	for _, e := range entries(wj.With) {
		given[strings.ToLower(e.Key.Text)] = e.Value
	}
	declared := map[string]bool{}
	for _, in := range trigger.Inputs {
		declared[strings.ToLower(in.ID)] = true
		value, ok := given[strings.ToLower(in.ID)]
		if !ok && in.Required && !hasInsert(wj.With) {
			b.report(at.file, wj.Uses.Pos, "missing-input", "input '%s' is required by '%s'", in.ID, wj.Uses.Text)
		}
		if ok && !value.Expressions() {
			if _, err := typedInput(in, literalValue(value)); err != nil {
				b.report(at.file, value.Pos, "input-type", "%s", err)
			}
		}
	}
	for _, e := range entries(wj.With) {
		if !declared[strings.ToLower(e.Key.Text)] && !e.Key.Expressions() {
			b.report(at.file, e.Value.Pos, "unknown-input", "input '%s' is not declared by '%s'", e.Key.Text, wj.Uses.Text)
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
			b.report(at.file, wj.Uses.Pos, "missing-secret", "secret '%s' is required by '%s'", secret.ID, wj.Uses.Text)
		}
	}
	for _, e := range entries(wj.Secrets) {
		if !declared[strings.ToLower(e.Key.Text)] && !e.Key.Expressions() {
			b.report(at.file, e.Value.Pos, "unknown-secret", "secret '%s' is not declared by '%s'", e.Key.Text, wj.Uses.Text)
		}
	}
}

// checkPermissions refuses a called file that asks for more than the caller
// has (actions/runner: PermissionsHelper.cs).
func (b *builder) checkPermissions(wj *workflow.Job, j *Job, called *workflow.Workflow, at place) {
	if more := excess(called.Permissions, j.Permissions); more != "" {
		b.report(at.file, wj.Pos, "permissions", "calling '%s': the workflow %s", wj.Uses.Text, more)
	}
	for _, inner := range called.Jobs {
		if more := excess(inner.Permissions, j.Permissions); more != "" {
			b.report(at.file, wj.Pos, "permissions", "calling '%s': its job '%s' %s", wj.Uses.Text, inner.ID, more)
		}
	}
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
