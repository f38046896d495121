package workflow

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// check compares a value with the language. It says one thing per cause: what
// stands inside something unexpected is passed over.
func (r *report) check(n *Node, want *rule, around *scope) {
	if r.unreadable[n] {
		return
	}
	s := around
	if want.scope != nil {
		s = want.scope
	}
	switch n.Kind {
	case Sequence:
		r.checkSequence(n, want, s)
	case Mapping:
		r.checkMapping(n, want, s)
	default:
		r.checkScalar(n, want, s)
	}
}

func (r *report) checkScalar(n *Node, want *rule, s *scope) {
	if want.condition {
		r.checkCondition(n, s)
		return
	}
	value := n
	if n.Kind == String && strings.Contains(n.Text, "${{") {
		literal := r.checkTemplate(n, want, s)
		if literal == nil {
			return
		}
		value = literal // ${{ 'text' }} is that text, for ids as well
		if !strings.Contains(literal.Text, "${{") {
			n.Text, n.Quoted = literal.Text, true
		}
	}
	if want.accepts(value) {
		return
	}
	text := value.ScalarText()
	hint := want.expects()
	if len(want.words) > 0 && len(want.forms) == 0 && want.item == nil && text != "" {
		hint = Suggest(text, want.words)
	}
	if value.Kind == String && n.Quoted && (want.boolean || want.number) {
		hint += "; remove the quotes"
	}
	message := fmt.Sprintf("Unexpected value '%s'", text)
	if want.unknownWord && text != "" {
		r.warn(n.Pos, "unknown-value", message, hint)
		return
	}
	r.add(n.Pos, "unexpected-value", message, hint)
}

func (r *report) checkSequence(n *Node, want *rule, s *scope) {
	if want.anything {
		for _, item := range n.Items {
			r.check(item, want, s)
		}
		return
	}
	if want.item == nil {
		r.add(n.Pos, "unexpected-sequence", "A sequence was not expected", want.expects())
		return
	}
	for _, item := range n.Items {
		r.check(item, want.item, s)
	}
}

func (r *report) checkMapping(n *Node, want *rule, s *scope) {
	forms := want.forms
	if want.anything {
		forms = []*mapping{{other: want}}
	}
	if len(forms) == 0 {
		r.add(n.Pos, "unexpected-mapping", "A mapping was not expected", want.expects())
		return
	}
	expressionKey := false
	clean := true
	for _, e := range n.Entries {
		if strings.Contains(e.Key.Text, "${{") {
			expressionKey = true
			r.checkExpressionKey(e, forms, s)
			continue
		}
		rest, value := having(forms, e.Key.Text)
		switch {
		case value != nil:
			forms = rest
			r.check(e.Value, value, s)
		case forms[0].other != nil:
			if e.Key.Text == "" && !want.anything {
				r.add(e.Key.Pos, "unexpected-value", "Unexpected value ''", "a key must not be empty")
			}
			r.check(e.Value, forms[0].other, s)
		default:
			clean = r.unknownKey(e.Key, forms, want.forms) && clean
		}
	}
	if len(forms) > 1 {
		if clean {
			r.add(n.Pos, "undetermined", "There's not enough info to determine what you meant. Add one of these properties: "+strings.Join(telling(forms), ", "), "")
		}
		return
	}
	if expressionKey {
		return // it may bring what is missing
	}
	for _, p := range forms[0].keys {
		if p.required && n.Lookup(p.name) == nil && !r.misspelt(n, p.name) {
			r.add(n.Pos, "missing-key", "Required property is missing: "+p.name, "")
		}
	}
}

// having gives the forms that have the key, and the rule for its value.
func having(forms []*mapping, key string) (rest []*mapping, value *rule) {
	if len(forms) == 1 {
		if p := forms[0].property(key); p != nil {
			return forms, p.rule
		}
		return nil, nil
	}
	for _, f := range forms {
		if p := f.property(key); p != nil {
			rest = append(rest, f)
			value = p.rule
		}
	}
	return rest, value
}

// unknownKey reports a key that none of the forms left has. It tells whether
// the mapping may still be judged by its other keys.
func (r *report) unknownKey(k *Node, left, all []*mapping) bool {
	var choices []string
	for _, f := range left {
		for _, p := range f.keys {
			if !slices.Contains(choices, p.name) {
				choices = append(choices, p.name)
			}
		}
	}
	r.unknown[k] = true
	message := fmt.Sprintf("Unexpected value '%s'", k.Text)
	hint := Suggest(k.Text, choices)
	for _, f := range all {
		if len(left) == 1 && f != left[0] && f.property(k.Text) != nil {
			hint = fmt.Sprintf("%q belongs to %s, but this is %s", k.Text, f.name, left[0].name)
			break
		}
	}
	if left[0].lax {
		r.warn(k.Pos, "unknown-key", message, hint)
	} else {
		r.add(k.Pos, "unknown-key", message, hint)
	}
	return Nearest(k.Text, choices) == ""
}

// misspelt tells whether a missing key is there under a name that was
// reported as unknown with this key as the likely meant one.
func (r *report) misspelt(n *Node, name string) bool {
	for _, e := range n.Entries {
		if r.unknown[e.Key] && Nearest(e.Key.Text, []string{name}) == name {
			return true
		}
	}
	return false
}

// telling are the keys that tell the forms apart.
func telling(forms []*mapping) []string {
	count := map[string]int{}
	for _, f := range forms {
		for _, p := range f.keys {
			count[p.name]++
		}
	}
	var names []string
	for name, n := range count {
		if n == 1 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
