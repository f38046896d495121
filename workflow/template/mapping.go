package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// Pair is one entry of a mapping of strings.
type Pair struct{ Name, Value string }

// StringMap evaluates a mapping of scalars, as env and with are, in the file's
// order; nil and null are empty. The whole may be one expression that yields
// an object. A name that comes twice, an insertion included, is an error;
// caseSensitive says whether `a` and `A` are two names.
func StringMap(n *workflow.Node, scope expr.Scope, caseSensitive bool) ([]Pair, error) {
	if n.IsNull() {
		return nil, nil
	}
	m := mapping{scope: scope, seen: map[string]bool{}, caseSensitive: caseSensitive}
	if n.Kind == workflow.Mapping {
		m.pairs = make([]Pair, 0, len(n.Entries))
		err := m.entries(n, true)
		return m.pairs, err
	}
	v, err := Eval(n, scope)
	if err != nil {
		return nil, err
	}
	if v.Kind() != expr.KindObject {
		return nil, unexpected(n, v)
	}
	err = m.object(n, v, true)
	return m.pairs, err
}

// mapping collects the entries of a mapping, as pairs of strings or as values.
type mapping struct {
	scope         expr.Scope
	caseSensitive bool
	seen          map[string]bool
	pairs         []Pair
	values        *expr.ObjectBuilder
}

func (m *mapping) entries(n *workflow.Node, strings bool) error {
	for _, e := range n.Entries {
		name, insert, err := key(e.Key, m.scope)
		if err != nil {
			return err
		}
		if insert {
			if err := m.insert(e, strings); err != nil {
				return err
			}
			continue
		}
		if err := m.claim(e.Key, name); err != nil {
			return err
		}
		if strings {
			text, err := String(e.Value, m.scope)
			if err != nil {
				return err
			}
			m.pairs = append(m.pairs, Pair{name, text})
			continue
		}
		v, err := Eval(e.Value, m.scope)
		if err != nil {
			return err
		}
		m.values.Set(name, v)
	}
	return nil
}

// insert puts the entries of e's value in the place of e.
func (m *mapping) insert(e workflow.Entry, strings bool) error {
	if e.Value.Kind == workflow.Mapping {
		return m.entries(e.Value, strings)
	}
	v, err := Eval(e.Value, m.scope)
	if err != nil {
		return err
	}
	if v.Kind() != expr.KindObject {
		return failed(e.Value, errors.New("Expected a mapping")) //nolint:staticcheck // GitHub's text
	}
	return m.object(e.Value, v, strings)
}

// object adds the entries of an object that n yielded.
func (m *mapping) object(n *workflow.Node, v expr.Value, strings bool) error {
	values := v.Items()
	for i, name := range v.Keys() {
		if err := m.claim(n, name); err != nil {
			return err
		}
		if !strings {
			m.values.Set(name, values[i])
			continue
		}
		if k := values[i].Kind(); k == expr.KindArray || k == expr.KindObject {
			return unexpected(n, values[i])
		}
		m.pairs = append(m.pairs, Pair{name, values[i].Text()})
	}
	return nil
}

// claim refuses a name that is empty or already there.
func (m *mapping) claim(n *workflow.Node, name string) error {
	if name == "" && m.values == nil {
		return unexpected(n, expr.String(""))
	}
	id := name
	if !m.caseSensitive {
		id = strings.ToLower(name)
	}
	if m.seen[id] {
		return failed(n, fmt.Errorf("'%s' is already defined", name))
	}
	m.seen[id] = true
	return nil
}
