package declaration

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// reader collects what is wrong with a file.
type reader struct {
	file  string
	found workflow.Diagnostics
}

func (r *reader) fail(pos workflow.Pos, code, message, hint string) {
	r.found = append(r.found, workflow.Diagnostic{File: r.file, Pos: pos, Severity: workflow.Error, Code: code, Message: message, Hint: hint})
}

// sorted are the diagnostics in the order of the file.
func (r *reader) sorted() workflow.Diagnostics {
	slices.SortStableFunc(r.found, func(a, b workflow.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return r.found
}

// key is one key of a mapping that becomes a T: how it is read, what editors are
// told.
type key[T any] struct {
	name   string
	doc    string
	schema map[string]any
	read   func(r *reader, what string, n *workflow.Node, into *T)
}

// mapping reads a mapping by its keys.
func mapping[T any](r *reader, what string, n *workflow.Node, keys []key[T], into *T) {
	if n.Kind != workflow.Mapping {
		r.fail(n.Pos, "no-mapping", fmt.Sprintf("%s must be a mapping of keys to values", what), workflow.Suggest("", names(keys)))
		return
	}
	for _, e := range n.Entries {
		i := slices.IndexFunc(keys, func(k key[T]) bool { return k.name == e.Key.Text })
		switch {
		case i < 0:
			r.fail(e.Key.Pos, "unknown-key", fmt.Sprintf("Unknown key %q of %s", e.Key.Text, what), workflow.Suggest(e.Key.Text, names(keys)))
		case !e.Value.IsNull():
			keys[i].read(r, fmt.Sprintf("%q of %s", e.Key.Text, what), e.Value, into)
		}
	}
}

func names[T any](keys []key[T]) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.name
	}
	return all
}

// scalar reads one value. Its text is what the file says: 1.10 stays "1.10".
func (r *reader) scalar(what string, n *workflow.Node) Scalar {
	if !n.IsScalar() || n.IsNull() || n.Text == "" {
		r.fail(n.Pos, "no-text", what+" must be a text", "")
		return Scalar{}
	}
	if strings.ContainsAny(n.Text, "\x00\n\r") {
		r.fail(n.Pos, "no-text", what+" must be one line", "")
		return Scalar{}
	}
	return Scalar{n.Text, n.Kind, n.Pos}
}

// list reads a value or a sequence of them.
func (r *reader) list(what string, n *workflow.Node, each func(what string, n *workflow.Node) Scalar) []Scalar {
	items := n.Items
	if n.IsScalar() {
		items = []*workflow.Node{n}
	} else if n.Kind == workflow.Mapping {
		r.fail(n.Pos, "no-list", what+" must be a text or a list of texts", "")
	}
	var all []Scalar
	for _, item := range items {
		s := each(what, item)
		if !s.Given() {
			continue
		}
		if slices.ContainsFunc(all, func(before Scalar) bool { return before.Text == s.Text }) {
			r.fail(s.Pos, "twice", fmt.Sprintf("%s has %q twice", what, s.Text), "keep one")
			continue
		}
		all = append(all, s)
	}
	return all
}

// pairs reads a mapping of names to texts.
func (r *reader) pairs(what string, n *workflow.Node) []Pair {
	if n.Kind != workflow.Mapping {
		r.fail(n.Pos, "no-mapping", what+" must be a mapping of names to texts", "")
		return nil
	}
	var all []Pair
	for _, e := range n.Entries {
		p := Pair{Name: r.scalar("A name in "+what, e.Key)}
		// An empty text is a value here: NAME: "".
		if e.Value.Kind == workflow.String && e.Value.Text == "" {
			p.Value = Scalar{Kind: workflow.String, Pos: e.Value.Pos}
		} else {
			p.Value = r.scalar(fmt.Sprintf("%q in %s", e.Key.Text, what), e.Value)
		}
		all = append(all, p)
	}
	return all
}

// path reads a path below the top of the repository and makes it clean.
func (r *reader) path(what string, n *workflow.Node) Scalar {
	s := r.scalar(what, n)
	if !s.Given() {
		return s
	}
	clean, problem := cleanPath(s.Text)
	if problem != "" {
		r.fail(s.Pos, "bad-path", fmt.Sprintf("%s: %q %s", what, s.Text, problem), "paths start at the top of the repository, with slashes: services/agenda")
		return Scalar{}
	}
	s.Text = clean
	return s
}

func cleanPath(text string) (clean, problem string) {
	switch {
	case strings.HasPrefix(text, "/"):
		return "", "is absolute"
	case strings.Contains(text, `\`):
		return "", "has a backslash"
	}
	clean = path.Clean(text)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", "lies outside of the repository"
	}
	return clean, ""
}
