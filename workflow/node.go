package workflow

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
	Text    string  `json:"s,omitempty"` // a scalar's text: for String the value, else as written
	Bool    bool    `json:"b,omitempty"`
	Number  float64 `json:"-"` // of a Number; remade from Text when decoded (NaN and Inf are not JSON)
	Quoted  bool    `json:"q,omitempty"`
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

// Str makes a String node without a position, for values that no file holds.
func Str(s string) *Node { return &Node{Kind: String, Text: s} }
