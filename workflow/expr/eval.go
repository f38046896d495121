package expr

import (
	"errors"
	"math"
)

// Scope is what an expression is evaluated over. Names in both maps are in lower case.
type Scope struct {
	// Contexts by name. A context that an expression may use but that is not here is null.
	Contexts map[string]Value
	// Functions beside the built-in ones: success, failure, always, cancelled, hashFiles.
	Functions map[string]Func
	// Trace, if set, is told of every sub-expression but literals as it is evaluated, inner ones first.
	Trace func(sub string, v Value)
}

// Func is a function that the caller supplies. It gets its arguments evaluated; an error fails the expression.
type Func struct {
	Min, Max int // numbers of arguments; a negative Max is no limit
	Call     func(args []Value) (Value, error)
}

// Eval gives the value of the expression. An error is an *Error of kind Evaluation.
func (e *Expr) Eval(scope Scope) (Value, error) {
	if e.root == nil {
		return Value{}, nil
	}
	ev := evaluation{expr: e, scope: &scope}
	v, err := ev.node(e.root, 0)
	if err != nil {
		return Value{}, err
	}
	return v.settled(), nil
}

type evaluation struct {
	expr   *Expr
	scope  *Scope
	memory memory
}

func (ev *evaluation) node(n *node, level int) (Value, error) {
	v, bytes, err := ev.compute(n, level)
	if err != nil {
		return Value{}, err
	}
	if bytes == 0 {
		bytes = valueBytes(v)
	}
	if !ev.memory.add(level, bytes, v.isPrimitive()) {
		return Value{}, ev.outOfMemory(ev.expr.root)
	}
	if ev.scope.Trace != nil && n.op != opLiteral && n.op != opStar {
		ev.scope.Trace(n.String(), v.settled())
	}
	return v, nil
}

// compute gives the value of a node and, if it is known better than from the value, the memory it takes.
func (ev *evaluation) compute(n *node, level int) (Value, int, error) {
	switch n.op {
	case opLiteral:
		return n.value, 0, nil
	case opContext:
		return ev.scope.Contexts[n.lower], 0, nil
	case opStar:
		return String("*"), 0, nil
	case opCall:
		v, err := ev.call(n, level)
		return v, 0, err
	case opIndex:
		return ev.index(n, level)
	case opAnd, opOr:
		v, err := ev.logical(n, level)
		return v, 0, err
	}
	left, err := ev.node(n.children[0], level+1)
	if err != nil {
		return Value{}, 0, err
	}
	if n.op == opNot {
		return Bool(!left.Truthy()), 0, nil
	}
	right, err := ev.node(n.children[1], level+1)
	if err != nil {
		return Value{}, 0, err
	}
	return Bool(compare(n.op, left, right)), 0, nil
}

func compare(o op, left, right Value) bool {
	switch o {
	case opEqual:
		return left.Equal(right)
	case opNotEqual:
		return !left.Equal(right)
	case opLess:
		return left.less(right)
	case opLessEqual:
		return left.Equal(right) || left.less(right)
	case opGreater:
		return right.less(left)
	default: // opGreaterEqual
		return left.Equal(right) || right.less(left)
	}
}

// logical gives the operand that decides, as it is.
func (ev *evaluation) logical(n *node, level int) (Value, error) {
	var v Value
	var err error
	for _, c := range n.children {
		if v, err = ev.node(c, level+1); err != nil {
			return Value{}, err
		}
		if v.Truthy() == (n.op == opOr) {
			break
		}
	}
	return v, nil
}

// index follows Index.cs of actions/runner: the index is evaluated only if there is something to index.
func (ev *evaluation) index(n *node, level int) (Value, int, error) {
	left, err := ev.node(n.children[0], level+1)
	if err != nil {
		return Value{}, 0, err
	}
	star := n.children[1].op == opStar
	if left.isPrimitive() {
		if star {
			return filteredArray(nil), 0, nil
		}
		return Value{}, 0, nil
	}
	at, err := ev.node(n.children[1], level+1)
	if err != nil {
		return Value{}, 0, err
	}
	if left.coll.filtered {
		items, ok := selectEach(left.coll.items, at, star)
		return ev.filtered(n, items, ok)
	}
	if star {
		items := left.coll.items
		return ev.filtered(n, items, objectBytes+len(items)*pointerBytes <= MaxMemory)
	}
	v, _ := item(left, at)
	return v, 0, nil
}

func (ev *evaluation) filtered(n *node, items []Value, ok bool) (Value, int, error) {
	if !ok {
		return Value{}, 0, ev.outOfMemory(n)
	}
	return filteredArray(items), objectBytes + len(items)*pointerBytes, nil
}

// selectEach applies an index to each item of a filtered array that is a collection and has it.
func selectEach(from []Value, at Value, star bool) (items []Value, ok bool) {
	for _, child := range from {
		if child.isPrimitive() {
			continue
		}
		if star {
			items = append(items, child.coll.items...)
		} else if v, found := item(child, at); found {
			items = append(items, v)
		}
		if len(items)*pointerBytes > MaxMemory {
			return nil, false
		}
	}
	return items, true
}

// item finds an item of an array by number, or of an object by text.
func item(of, at Value) (Value, bool) {
	if of.kind == KindObject {
		if !at.isPrimitive() {
			return Value{}, false
		}
		return of.Lookup(at.Text())
	}
	f := math.Floor(at.Num())
	if !(f >= 0 && f < float64(len(of.coll.items))) { // also false for NaN
		return Value{}, false
	}
	return of.coll.items[int(f)], true
}

func (ev *evaluation) call(n *node, level int) (Value, error) {
	if n.builtin != nil {
		return n.builtin(&call{ev: ev, node: n, level: level})
	}
	f, ok := ev.scope.Functions[n.lower]
	if !ok || f.Call == nil {
		return Value{}, ev.fail(n, locatedError(Evaluation, "Unrecognized function", n.name, ev.expr.src, n.start))
	}
	if what := checkArguments(n.lower, FuncSpec{f.Min, f.Max}, len(n.children)); what != "" {
		return Value{}, ev.fail(n, locatedError(Evaluation, what, n.name, ev.expr.src, n.start))
	}
	args := make([]Value, len(n.children))
	for i, c := range n.children {
		v, err := ev.node(c, level+1)
		if err != nil {
			return Value{}, err
		}
		args[i] = v.settled()
	}
	v, err := f.Call(args)
	if err != nil {
		return Value{}, ev.fail(n, err)
	}
	return v, nil
}

// fail makes an evaluation error at the node; an *Error stays as it is.
func (ev *evaluation) fail(n *node, cause error) error {
	var e *Error
	if errors.As(cause, &e) {
		return cause
	}
	return &Error{Kind: Evaluation, Message: cause.Error(), Offset: n.start, Expr: ev.expr.src, Err: cause}
}

func (ev *evaluation) outOfMemory(n *node) error {
	return &Error{Kind: Evaluation, Offset: n.start, Expr: ev.expr.src,
		Message: "The maximum allowed memory size was exceeded while evaluating the following expression: " + n.String()}
}
