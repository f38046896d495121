package workflow

import (
	"slices"
	"strings"
)

// Keys are the keys that a workflow file may hold, as paths and in the order
// of the language: "jobs.<id>.steps.run". An item of a list has the path of
// the list; events that differ in nothing but name and types stand as <event>.
func Keys() []string {
	w := keyWalk{found: map[string]bool{}}
	w.rule("", language)
	return w.keys
}

// CompositeKeys are the keys of the steps of a composite action.
func CompositeKeys() []string {
	w := keyWalk{found: map[string]bool{}}
	w.rule("runs.steps", compositeSteps)
	return w.keys
}

// Events are the events that `on:` knows.
func Events() []string { return onRule().words }

// PermissionScopes are what `permissions:` may name.
func PermissionScopes() []string {
	names := make([]string, len(permissionScopes))
	for i, s := range permissionScopes {
		names[i] = s.name
	}
	return names
}

// keyWalk collects the keys of rules.
type keyWalk struct {
	keys  []string
	found map[string]bool
}

func (w *keyWalk) rule(path string, r *rule) {
	if r == nil {
		return
	}
	for _, m := range r.forms {
		w.mapping(path, m)
	}
	w.rule(path, r.item)
}

func (w *keyWalk) mapping(path string, m *mapping) {
	if m.name == "permissions" { // see PermissionScopes
		return
	}
	for _, p := range m.keys {
		inner := strings.TrimPrefix(path+"."+p.name, ".")
		if path == "on" && slices.ContainsFunc(events, func(e event) bool { return e.name == p.name }) {
			inner = "on.<event>"
		}
		w.add(inner)
		if p.name != "parallel" { // its steps are steps
			w.rule(inner, p.rule)
		}
	}
	if m.other != nil {
		w.rule(path+".<id>", m.other)
	}
}

func (w *keyWalk) add(path string) {
	if !w.found[path] {
		w.found[path] = true
		w.keys = append(w.keys, path)
	}
}
