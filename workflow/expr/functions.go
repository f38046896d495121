package expr

import "errors"

// builtin is a function of the language. It evaluates its arguments itself, because some are evaluated only when they
// are needed.
type builtin func(*call) (Value, error)

// call is one call of a built-in function.
type call struct {
	ev    *evaluation
	node  *node
	level int
}

func (c *call) arg(i int) (Value, error) { return c.ev.node(c.node.children[i], c.level+1) }
func (c *call) len() int                 { return len(c.node.children) }

func (c *call) fail(message string) (Value, error) {
	return Value{}, c.ev.fail(c.node, errors.New(message))
}

// builtinFunction takes a name in lower case.
func builtinFunction(name string) (builtin, FuncSpec) {
	switch name {
	case "contains":
		return contains, FuncSpec{2, 2}
	case "startswith":
		return startsWith, FuncSpec{2, 2}
	case "endswith":
		return endsWith, FuncSpec{2, 2}
	case "format":
		return format, FuncSpec{1, maxArguments}
	case "join":
		return join, FuncSpec{1, 2}
	case "tojson":
		return toJSON, FuncSpec{1, 1}
	case "fromjson":
		return fromJSON, FuncSpec{1, 1}
	case "case":
		return caseOf, FuncSpec{3, maxArguments}
	default:
		return nil, FuncSpec{}
	}
}

func contains(c *call) (Value, error) {
	in, err := c.arg(0)
	if err != nil {
		return Value{}, err
	}
	if in.kind == KindObject || in.kind == KindArray && in.Len() == 0 {
		return Bool(false), nil
	}
	what, err := c.arg(1)
	if err != nil {
		return Value{}, err
	}
	if in.isPrimitive() {
		return Bool(what.isPrimitive() && containsFold(in.Text(), what.Text())), nil
	}
	for _, item := range in.coll.items {
		if what.Equal(item) {
			return Bool(true), nil
		}
	}
	return Bool(false), nil
}

func startsWith(c *call) (Value, error) {
	return c.texts(func(s, prefix string) bool {
		_, ok := cutPrefixFold(s, prefix)
		return ok
	})
}

func endsWith(c *call) (Value, error) { return c.texts(hasSuffixFold) }

// texts compares two scalars as text; with an array or object the answer is false.
func (c *call) texts(test func(string, string) bool) (Value, error) {
	left, err := c.arg(0)
	if err != nil {
		return Value{}, err
	}
	if !left.isPrimitive() {
		return Bool(false), nil
	}
	right, err := c.arg(1)
	if err != nil {
		return Value{}, err
	}
	return Bool(right.isPrimitive() && test(left.Text(), right.Text())), nil
}

func join(c *call) (Value, error) {
	list, err := c.arg(0)
	if err != nil {
		return Value{}, err
	}
	if list.isPrimitive() {
		return String(list.Text()), nil
	}
	if list.kind == KindObject || list.Len() == 0 {
		return String(""), nil
	}
	separator := ","
	if c.len() > 1 && list.Len() > 1 {
		s, err := c.arg(1)
		if err != nil {
			return Value{}, err
		}
		if s.isPrimitive() {
			separator = s.Text()
		}
	}
	var memory counter
	var out []byte
	for i, item := range list.coll.items {
		if i > 0 {
			memory.text(separator)
			out = append(out, separator...)
		}
		text := item.Text()
		if !memory.text(text) {
			return Value{}, c.ev.outOfMemory(c.node)
		}
		out = append(out, text...)
	}
	return String(string(out)), nil
}

func toJSON(c *call) (Value, error) {
	v, err := c.arg(0)
	if err != nil {
		return Value{}, err
	}
	var memory counter
	w := jsonWriter{indent: true, memory: &memory}
	w.value(v)
	if memory.exceeded {
		return Value{}, c.ev.outOfMemory(c.node)
	}
	return String(string(w.out)), nil
}

func fromJSON(c *call) (Value, error) {
	v, err := c.arg(0)
	if err != nil {
		return Value{}, err
	}
	out, err := readJSON(v.Text())
	if err != nil {
		return Value{}, c.ev.fail(c.node, err)
	}
	return out, nil
}

// caseOf evaluates predicates until one is true, and then only its value (actions/runner: Case.cs).
func caseOf(c *call) (Value, error) {
	last := c.len() - 1
	for i := 0; i < last; i += 2 {
		predicate, err := c.arg(i)
		if err != nil {
			return Value{}, err
		}
		if predicate.kind != KindBool {
			return c.fail("case predicate must evaluate to a boolean value")
		}
		if predicate.Truthy() {
			return c.arg(i + 1)
		}
	}
	return c.arg(last)
}
