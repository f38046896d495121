package workflow

import (
	"encoding/json"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// Pos is a place in a file; lines and columns count from 1, columns in
// characters. The zero Pos means unknown.
type Pos struct {
	Line   int `json:"line,omitempty"`
	Column int `json:"col,omitempty"`
}

// Kind is what a Node is.
type Kind uint8

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Number
	String
	Sequence
	Mapping
)

// Node is a piece of the file whose value is free or may hold expressions:
// env, with, matrix, if, run. Anchors are replaced by what they stand for.
// A nil *Node means that the key is absent. Nodes are not changed once made.
type Node struct {
	Kind    Kind    `json:"k"`
	Bool    bool    `json:"b,omitempty"`
	Quoted  bool    `json:"q,omitempty"`
	Text    string  `json:"s,omitempty"` // a scalar's text: for String the value, else as written
	Number  float64 `json:"-"`           // of a Number; remade from Text when decoded (NaN and Inf are not JSON)
	Items   []*Node `json:"i,omitempty"` // of a Sequence
	Entries []Entry `json:"e,omitempty"` // of a Mapping, in the file's order
	Pos     Pos     `json:"p"`
}

// Entry is one key of a mapping. The key is a String node; it may be the
// expression `${{ insert }}`.
type Entry struct {
	Key   *Node `json:"k"`
	Value *Node `json:"v"`
}

// Lookup gives the value under key, or nil; it may be called on nil.
func (n *Node) Lookup(key string) *Node {
	if n == nil || n.Kind != Mapping {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Value
		}
	}
	return nil
}

// IsNull tells whether the key is absent or its value is null.
func (n *Node) IsNull() bool { return n == nil || n.Kind == Null }

// IsScalar tells whether the node is neither absent nor a sequence nor a mapping.
func (n *Node) IsScalar() bool { return n != nil && n.Kind <= String }

// HasExpression tells whether the scalar's text holds ${{ }}.
func (n *Node) HasExpression() bool {
	return n != nil && n.Kind == String && expr.HasExpression(n.Text)
}

// Expressions tells whether ${{ }} stands anywhere in the tree, keys included.
func (n *Node) Expressions() bool {
	if n.HasExpression() {
		return true
	}
	if n == nil {
		return false
	}
	for _, item := range n.Items {
		if item.Expressions() {
			return true
		}
	}
	for _, e := range n.Entries {
		if e.Key.HasExpression() || e.Value.Expressions() {
			return true
		}
	}
	return false
}

// ScalarText is a scalar as GitHub turns it into a string: null is "", a
// boolean "true" or "false", a number up to 15 digits without needless zeros
// (so `3.10` is "3.1"). It is "" for a sequence, a mapping and nil.
func (n *Node) ScalarText() string {
	if n == nil {
		return ""
	}
	switch n.Kind {
	case Bool:
		return expr.Bool(n.Bool).Text()
	case Number:
		return expr.Number(n.Number).Text()
	case String:
		return n.Text
	default:
		return ""
	}
}

// size counts the bytes of a tree as GitHub does: 24 an object, and for a text
// 26 and two a UTF-16 unit (actions/runner: TemplateMemory.cs).
func size(n *Node) int {
	const object, text = 24, 26
	total := object
	if n.Kind == String {
		total += text + 2*len(n.Text)
	}
	for _, item := range n.Items {
		total += size(item)
	}
	for _, e := range n.Entries {
		total += size(e.Key) + size(e.Value)
	}
	return total
}

// UnmarshalJSON decodes a node and remakes Number from Text.
func (n *Node) UnmarshalJSON(data []byte) error {
	type plain Node
	if err := json.Unmarshal(data, (*plain)(n)); err != nil {
		return err
	}
	if n.Kind == Number {
		n.Number, _ = matchNumber(n.Text)
	}
	return nil
}

// Str makes a String node without a position, for values that no file holds.
func Str(s string) *Node { return &Node{Kind: String, Text: s} }
