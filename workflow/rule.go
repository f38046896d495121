package workflow

import "strings"

// rule says what a value may be. Several forms may be allowed at once, as a
// string, a list or a mapping for `runs-on`.
type rule struct {
	null      bool
	boolean   bool
	number    bool
	text      textRule
	words     []string   // these strings
	item      *rule      // of a sequence; nil: no sequence
	forms     []*mapping // of a mapping; more than one: told apart by their keys
	scope     *scope     // nil: as around it
	condition bool       // `if`: an expression with or without ${{ }}
	anything  bool
	// unknownWord makes a word that is not listed a warning: GitHub's server
	// takes it (actions/runner: workflow-v1.0.json, the relaxed definitions).
	unknownWord bool
}

type textRule uint8

const (
	noText   textRule = iota
	anyText           // any string, the empty one too
	someText          // a string that is not empty
)

// mapping is one form of mapping.
type mapping struct {
	name  string // as people call it: "a run step"
	keys  []property
	other *rule // value of every other key; nil: there are no others
	// lax makes an unknown key a warning.
	lax bool
}

// property is a key that a mapping may have.
type property struct {
	name     string
	rule     *rule
	required bool
}

func (m *mapping) property(name string) *property {
	for i := range m.keys {
		if m.keys[i].name == name {
			return &m.keys[i]
		}
	}
	return nil
}

// The builders of rules.

func stringRule() *rule                { return &rule{text: anyText} }
func textual() *rule                   { return &rule{text: someText} }
func boolRule() *rule                  { return &rule{boolean: true} }
func numberRule() *rule                { return &rule{number: true} }
func nullRule() *rule                  { return &rule{null: true} }
func wordRule(words ...string) *rule   { return &rule{words: words} }
func listOf(item *rule) *rule          { return &rule{item: item} }
func textOrList() *rule                { return either(textual(), listOf(textual())) }
func scalarRule() *rule                { return &rule{text: anyText, boolean: true, number: true} }
func mapOf(name string, v *rule) *rule { return &rule{forms: []*mapping{{name: name, other: v}}} }

func object(name string, keys ...property) *rule {
	return &rule{forms: []*mapping{{name: name, keys: keys}}}
}

func key(name string, r *rule) property  { return property{name: name, rule: r} }
func must(name string, r *rule) property { return property{name: name, rule: r, required: true} }

// in gives the rule a scope of its own.
func (r *rule) in(s *scope) *rule {
	c := *r
	c.scope = s
	return &c
}

// either allows what one of the rules allows; their scopes are dropped.
func either(rules ...*rule) *rule {
	var sum rule
	for _, r := range rules {
		sum.null = sum.null || r.null
		sum.boolean = sum.boolean || r.boolean
		sum.number = sum.number || r.number
		sum.text = max(sum.text, r.text)
		sum.words = append(sum.words, r.words...)
		sum.unknownWord = sum.unknownWord || r.unknownWord
		sum.forms = append(sum.forms, r.forms...)
		if r.item != nil {
			sum.item = r.item
		}
	}
	return &sum
}

// accepts tells whether the rule takes a scalar that holds no expression.
func (r *rule) accepts(n *Node) bool {
	switch {
	case r.anything, r.null && n.Kind == Null, r.boolean && n.Kind == Bool, r.number && n.Kind == Number:
		return true
	}
	// Whatever is no string counts as the string it stands for
	// (actions/runner: TemplateReader.cs, Validate).
	text := n.ScalarText()
	switch r.text {
	case anyText:
		return true
	case someText:
		return text != ""
	}
	for _, w := range r.words {
		if w == text {
			return true
		}
	}
	return false
}

// expects describes what the rule takes, for hints.
func (r *rule) expects() string {
	var forms []string
	add := func(allowed bool, what string) {
		if allowed {
			forms = append(forms, what)
		}
	}
	add(r.text == anyText || r.condition, "a string")
	add(r.text == someText, "a string that is not empty")
	add(r.boolean, "true or false")
	add(r.number, "a number")
	add(r.item != nil, "a list")
	if len(r.forms) == 1 {
		add(true, "a mapping ("+r.forms[0].name+")")
	} else if len(r.forms) > 1 {
		add(true, "a mapping with "+strings.Join(required(r.forms), ", "))
	}
	if len(r.words) > 0 {
		if len(r.words) > shownChoices {
			add(true, "one of the known words")
		} else {
			add(true, strings.Join(r.words, ", "))
		}
	}
	add(r.null, "nothing")
	return "expected " + strings.Join(forms, " or ")
}

// required are the keys that the forms demand.
func required(forms []*mapping) []string {
	var names []string
	for _, f := range forms {
		for _, p := range f.keys {
			if p.required {
				names = append(names, p.name)
			}
		}
	}
	return names
}
