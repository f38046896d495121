package expr

import (
	"slices"
	"strconv"
	"strings"
)

// Parse reads an expression without its ${{ }}. An *Error tells what is wrong and where. Blank text is the value null.
func Parse(src string, known *Known) (*Expr, error) {
	if len(src) > MaxLength && utf16Len(src) > MaxLength {
		return nil, &Error{Kind: Parsing, Expr: src, Message: tooLong()}
	}
	p := parser{lexer: lexer{src: src}, known: known, expr: &Expr{src: src}}
	p.advance(operandPlace)
	if p.tok.kind == tokenEnd {
		return p.expr, nil
	}
	root, err := p.binary(1)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, p.unexpected()
	}
	if root.depth > MaxDepth {
		return nil, &Error{Kind: Parsing, Expr: src, Message: tooDeep()}
	}
	p.expr.root = root
	return p.expr, nil
}

func tooLong() string { return "Exceeded max expression length " + strconv.Itoa(MaxLength) }
func tooDeep() string { return "Exceeded max expression depth " + strconv.Itoa(MaxDepth) }

// parser is a recursive descent over the tokens. Its errors appear at the same token, and in the same order, as those
// of GitHub's operator-stack parser (actions/runner: ExpressionParser.cs). The recursion is bounded by MaxLength.
type parser struct {
	lexer lexer
	known *Known
	expr  *Expr
	tok   token
	last  string // raw text and start of the token before tok
	at    int
	arena []node
}

func (p *parser) advance(at place) {
	p.last, p.at = p.tok.raw, p.tok.start
	p.tok = p.lexer.next(at)
}

func (p *parser) unexpected() *Error {
	switch p.tok.kind {
	case tokenEnd:
		return locatedError(Parsing, "Unexpected end of expression", p.last, p.lexer.src, p.at)
	case tokenInvalid:
		return locatedError(Lexing, "Unexpected symbol", p.tok.raw, p.lexer.src, p.tok.start)
	default:
		return locatedError(Parsing, "Unexpected symbol", p.tok.raw, p.lexer.src, p.tok.start)
	}
}

// newNode takes nodes from small blocks: an expression usually has a handful.
func (p *parser) newNode(o op, start int, children ...*node) *node {
	if len(p.arena) == cap(p.arena) {
		size := 3 // github.ref has three
		if p.arena != nil {
			size = 8
		}
		p.arena = make([]node, 0, size)
	}
	p.arena = append(p.arena, node{op: o, start: start, depth: 1})
	n := &p.arena[len(p.arena)-1]
	for _, c := range children {
		n.adopt(c)
	}
	return n
}

func (n *node) adopt(c *node) {
	n.children = append(n.children, c)
	n.depth = max(n.depth, c.depth+1)
}

// binary reads operands and the operators between them that bind at least as tight as the precedence.
func (p *parser) binary(least int) (*node, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for p.tok.kind == tokenOperator && p.tok.op.precedence() >= least {
		o := p.tok.op
		p.advance(operandPlace)
		right, err := p.binary(o.precedence() + 1)
		if err != nil {
			return nil, err
		}
		left = p.combine(o, left, right)
	}
	return left, nil
}

// combine flattens chains of && and of ||, which then count as one level.
func (p *parser) combine(o op, left, right *node) *node {
	if o != opAnd && o != opOr {
		return p.newNode(o, left.start, left, right)
	}
	n := left
	if left.op != o {
		n = p.newNode(o, left.start, left)
	}
	if right.op != o {
		n.adopt(right)
		return n
	}
	for _, c := range right.children {
		n.adopt(c)
	}
	return n
}

func (p *parser) unary() (*node, error) {
	if p.tok.kind != tokenNot {
		return p.postfix()
	}
	start := p.tok.start
	p.advance(operandPlace)
	operand, err := p.unary()
	if err != nil {
		return nil, err
	}
	return p.newNode(opNot, start, operand), nil
}

// postfix reads an operand and its dereferences. Literals cannot be dereferenced.
func (p *parser) postfix() (*node, error) {
	literal := p.tok.kind == tokenLiteral
	n, err := p.operand()
	if err != nil || literal {
		return n, err
	}
	for {
		switch p.tok.kind {
		case tokenDot:
			n, err = p.property(n)
		case tokenOpenIndex:
			n, err = p.index(n)
		default:
			return n, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) property(of *node) (*node, error) {
	p.advance(propertyPlace)
	i := p.newNode(opStar, p.tok.start)
	switch p.tok.kind {
	case tokenStar:
	case tokenName:
		i.op, i.value = opLiteral, String(p.tok.raw)
	default:
		return nil, p.unexpected()
	}
	p.advance(operatorPlace)
	return p.newNode(opIndex, of.start, of, i), nil
}

func (p *parser) index(of *node) (*node, error) {
	p.advance(operandPlace)
	var i *node
	var err error
	if p.tok.kind == tokenStar {
		i = p.newNode(opStar, p.tok.start)
		p.advance(operatorPlace)
	} else if i, err = p.binary(1); err != nil {
		return nil, err
	}
	if p.tok.kind != tokenCloseIndex {
		return nil, p.unexpected()
	}
	p.advance(operatorPlace)
	return p.newNode(opIndex, of.start, of, i), nil
}

func (p *parser) operand() (*node, error) {
	switch p.tok.kind {
	case tokenLiteral:
		n := p.newNode(opLiteral, p.tok.start)
		n.value = p.tok.value
		p.advance(operatorPlace)
		return n, nil
	case tokenName:
		return p.context()
	case tokenFunction:
		return p.call()
	case tokenOpen:
		p.advance(operandPlace)
		n, err := p.binary(1)
		if err != nil {
			return nil, err
		}
		if p.tok.kind != tokenClose {
			return nil, p.unexpected()
		}
		p.advance(operatorPlace)
		return n, nil
	default:
		return nil, p.unexpected()
	}
}

func (p *parser) context() (*node, error) {
	if !p.known.context(p.tok.raw) {
		return nil, locatedError(Parsing, "Unrecognized named-value", p.tok.raw, p.lexer.src, p.tok.start)
	}
	n := p.newNode(opContext, p.tok.start)
	n.name, n.lower = p.tok.raw, strings.ToLower(p.tok.raw)
	if !slices.Contains(p.expr.contexts, n.lower) {
		p.expr.contexts = append(p.expr.contexts, n.lower)
	}
	p.advance(operatorPlace)
	return n, nil
}

func (p *parser) call() (*node, error) {
	n := p.newNode(opCall, p.tok.start)
	n.name, n.lower = p.tok.raw, strings.ToLower(p.tok.raw)
	var spec FuncSpec
	var ok bool
	if n.builtin, spec = builtinFunction(n.lower); n.builtin == nil {
		if spec, ok = p.known.function(n.lower); !ok {
			return nil, locatedError(Parsing, "Unrecognized function", n.name, p.lexer.src, n.start)
		}
	}
	if !slices.Contains(p.expr.functions, n.lower) {
		p.expr.functions = append(p.expr.functions, n.lower)
	}
	p.advance(operatorPlace) // the "(" that made the name a function
	p.advance(operandPlace)
	if p.tok.kind != tokenClose {
		if err := p.arguments(n); err != nil {
			return nil, err
		}
	}
	if what := checkArguments(n.lower, spec, len(n.children)); what != "" {
		return nil, locatedError(Parsing, what, n.name, p.lexer.src, n.start)
	}
	p.advance(operatorPlace)
	return n, nil
}

func (p *parser) arguments(n *node) error {
	for {
		arg, err := p.binary(1)
		if err != nil {
			return err
		}
		n.adopt(arg)
		switch p.tok.kind {
		case tokenClose:
			return nil
		case tokenComma:
			p.advance(operandPlace)
		default:
			return p.unexpected()
		}
	}
}

func checkArguments(lower string, spec FuncSpec, count int) string {
	switch {
	case count < spec.Min:
		return "Too few parameters supplied"
	case spec.Max >= 0 && count > spec.Max:
		return "Too many parameters supplied"
	case lower == "case" && count%2 == 0:
		return "Even number of parameters supplied, requires an odd number of parameters"
	default:
		return ""
	}
}
