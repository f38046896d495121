package expr

import "strings"

type op uint8

const (
	opNone op = iota
	opLiteral
	opContext
	opCall
	opIndex // children: the collection, the index
	opStar  // only as an index
	opNot
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opEqual
	opNotEqual
	opAnd // two or more children
	opOr
)

var opTexts = [...]string{
	opLess: "<", opLessEqual: "<=", opGreater: ">", opGreaterEqual: ">=", opEqual: "==", opNotEqual: "!=",
	opAnd: "&&", opOr: "||",
}

// precedence of a binary operator; higher binds tighter.
func (o op) precedence() int {
	switch o {
	case opLess, opLessEqual, opGreater, opGreaterEqual:
		return 4
	case opEqual, opNotEqual:
		return 3
	case opAnd:
		return 2
	case opOr:
		return 1
	default:
		return 0
	}
}

// node of the expression tree; it never changes after parsing.
type node struct {
	op       op
	depth    int // height of the tree below and with this node
	start    int // byte offset in the source
	value    Value
	name     string // as written: of a context or function
	lower    string // name in lower case
	builtin  builtin
	children []*node
}

// write prints the node as GitHub prints it in debug logs and memory errors
// (actions/runner: ConvertToExpression of the nodes).
func (n *node) write(b *strings.Builder) {
	switch n.op {
	case opLiteral:
		if n.value.kind == KindString {
			b.WriteByte('\'')
			b.WriteString(strings.ReplaceAll(n.value.str, "'", "''"))
			b.WriteByte('\'')
		} else if n.value.kind == KindNull {
			b.WriteString("null")
		} else {
			b.WriteString(n.value.Text())
		}
	case opContext:
		b.WriteString(n.name)
	case opStar:
		b.WriteByte('*')
	case opCall:
		b.WriteString(n.name)
		b.WriteByte('(')
		n.writeChildren(b, ", ")
		b.WriteByte(')')
	case opIndex:
		n.children[0].write(b)
		if i := n.children[1]; i.op == opLiteral && i.value.kind == KindString && isName(i.value.str) {
			b.WriteByte('.')
			b.WriteString(i.value.str)
		} else {
			b.WriteByte('[')
			i.write(b)
			b.WriteByte(']')
		}
	case opNot:
		b.WriteByte('!')
		n.children[0].write(b)
	default:
		b.WriteByte('(')
		n.writeChildren(b, " "+opTexts[n.op]+" ")
		b.WriteByte(')')
	}
}

func (n *node) writeChildren(b *strings.Builder, separator string) {
	for i, c := range n.children {
		if i > 0 {
			b.WriteString(separator)
		}
		c.write(b)
	}
}

func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}
