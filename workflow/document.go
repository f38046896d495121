package workflow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits bound what a file may cost. A field that is 0 has its default.
type Limits struct {
	Bytes int // size of the file; 1 MiB
	Depth int // mappings and sequences inside each other; 50
	Nodes int // after aliases are replaced; 50 000 (actions/runner: YamlObjectReader.cs)
}

func (l Limits) orDefault() Limits {
	if l.Bytes == 0 {
		l.Bytes = 1 << 20
	}
	if l.Depth == 0 {
		l.Depth = 50
	}
	if l.Nodes == 0 {
		l.Nodes = 50_000
	}
	return l
}

// ParseNode reads any YAML document by the rules for workflow files: scalars
// as in the YAML 1.2 core schema, no key twice (ignoring case), no merge keys.
// The node is nil when the text is no YAML.
func ParseNode(file string, src []byte) (*Node, Diagnostics) {
	r := newReport(file)
	n := readDocument(r, src, Limits{}.orDefault())
	return n, r.sorted()
}

// readDocument gives nil after an error that leaves nothing to go on with.
func readDocument(r *report, src []byte, limits Limits) *Node {
	if len(src) > limits.Bytes {
		r.add(Pos{}, "too-large", fmt.Sprintf("The file has %d bytes, more than the limit of %d", len(src), limits.Bytes), "")
		return nil
	}
	if root := readQuick(src, limits); root != nil {
		return root
	}
	return readWhole(r, src, limits)
}

// readWhole reads any YAML and reports what is wrong with it.
func readWhole(r *report, src []byte, limits Limits) (root *Node) {
	// The library reports what it finds by panics that it recovers itself; one
	// that slips through must not take the process with it.
	defer func() {
		if p := recover(); p != nil {
			r.add(Pos{}, "yaml", fmt.Sprintf("The YAML cannot be read: %v", p), "")
			root = nil
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		r.addYAMLError(err, src)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return &Node{Kind: Null, Pos: Pos{1, 1}}
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.addYAMLError(err, src)
		return nil
	default:
		r.add(Pos{second.Line, second.Column}, "several-documents", "The file has more than one YAML document", "remove the line ---")
		return nil
	}
	reader := reader{report: r, limits: limits, done: map[*yaml.Node]*reading{}}
	read := reader.read(doc.Content[0], 0)
	if reader.stop {
		return nil
	}
	return read.node
}

// reader turns the library's nodes into ours.
type reader struct {
	*report
	limits Limits
	nodes  int // so far, aliases replaced
	stop   bool
	done   map[*yaml.Node]*reading // nodes with an anchor
	arena  []Node                  // room for the next nodes
}

// keep gives the node a place. Nodes lie in blocks: a file has thousands.
func (r *reader) keep(n Node) *Node {
	if len(r.arena) == cap(r.arena) {
		r.arena = make([]Node, 0, 64)
	}
	r.arena = append(r.arena, n)
	return &r.arena[len(r.arena)-1]
}

// reading is a node that was read, with what it costs to repeat it.
type reading struct {
	node   *Node // nil: being read
	nodes  int
	height int // collections inside each other, itself included
}

// read gives a reading without a node after an error.
func (r *reader) read(n *yaml.Node, depth int) reading {
	if r.stop {
		return reading{}
	}
	if n.Kind == yaml.AliasNode {
		return r.alias(n, depth)
	}
	before := r.nodes
	var anchored *reading
	if n.Anchor != "" {
		anchored = &reading{}
		r.done[n] = anchored
	}
	var made *Node
	height := 0
	switch n.Kind {
	case yaml.ScalarNode:
		r.count(1, n)
		made = r.scalar(n)
	case yaml.SequenceNode, yaml.MappingNode:
		r.count(2, n) // begin and end
		if depth >= r.limits.Depth {
			r.tooDeep(n)
			return reading{}
		}
		if n.Kind == yaml.SequenceNode {
			made, height = r.sequence(n, depth+1)
		} else {
			made, height = r.mapping(n, depth+1)
		}
	}
	if made == nil || r.stop {
		if anchored != nil {
			delete(r.done, n)
		}
		return reading{}
	}
	result := reading{node: made, nodes: r.nodes - before, height: height}
	if anchored != nil {
		*anchored = result
	}
	return result
}

func (r *reader) alias(n *yaml.Node, depth int) reading {
	target := r.done[n.Alias]
	if target == nil {
		return reading{} // the anchored node had an error, which is reported
	}
	if target.node == nil {
		r.fatal(position(n), "anchor-cycle", fmt.Sprintf("The alias '%s' stands inside what it stands for", n.Value), "")
		return reading{}
	}
	r.count(target.nodes, n)
	if depth+target.height > r.limits.Depth {
		r.tooDeep(n)
		return reading{}
	}
	return *target
}

func (r *reader) count(nodes int, at *yaml.Node) {
	r.nodes += nodes
	if r.nodes > r.limits.Nodes && !r.stop {
		r.fatal(position(at), "too-many-nodes", "Maximum YAML nodes exceeded",
			fmt.Sprintf("a file may have %d nodes after its aliases are replaced", r.limits.Nodes))
	}
}

func (r *reader) tooDeep(n *yaml.Node) {
	r.fatal(position(n), "too-deep", "Maximum object depth exceeded", fmt.Sprintf("the limit is %d", r.limits.Depth))
}

// fatal ends the reading: what follows would be a consequence.
func (r *reader) fatal(pos Pos, code, message, hint string) {
	if !r.stop {
		r.add(pos, code, message, hint)
	}
	r.stop = true
}

func (r *reader) sequence(n *yaml.Node, depth int) (*Node, int) {
	if !r.untagged(n, "!!seq") {
		return nil, 0
	}
	made := r.keep(Node{Kind: Sequence, Pos: position(n)})
	inside := 0
	if len(n.Content) > 0 {
		made.Items = make([]*Node, 0, len(n.Content))
	}
	for _, c := range n.Content {
		item := r.read(c, depth)
		if item.node == nil {
			item = r.placeholder(c)
		}
		made.Items = append(made.Items, item.node)
		inside = max(inside, item.height)
	}
	return made, inside + 1
}

func (r *reader) mapping(n *yaml.Node, depth int) (*Node, int) {
	if !r.untagged(n, "!!map") {
		return nil, 0
	}
	made := r.keep(Node{Kind: Mapping, Pos: position(n)})
	inside := 0
	if len(n.Content) > 0 {
		made.Entries = make([]Entry, 0, len(n.Content)/2)
	}
	var keys keySet
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := r.key(n.Content[i], depth)
		value := r.read(n.Content[i+1], depth)
		if key == nil || r.stop {
			continue
		}
		if value.node == nil {
			value = r.placeholder(n.Content[i+1])
		}
		// actions/runner: TemplateReader.cs: keys are compared without case;
		// expressions may repeat.
		if !strings.Contains(key.Text, "${{") && !keys.add(key.Text, made.Entries) {
			r.add(key.Pos, "duplicate-key", fmt.Sprintf("'%s' is already defined", key.Text), "keys are compared without case; remove one")
			continue
		}
		made.Entries = append(made.Entries, Entry{Key: key, Value: value.node})
		inside = max(inside, value.height)
	}
	return made, inside + 1
}

// keySet finds keys that are there already, without case.
type keySet struct{ folded map[string]bool }

// fewKeys is up to how many keys looking at each one is faster than a map.
const fewKeys = 12

// add tells whether the key is new to the entries so far.
func (s *keySet) add(key string, so []Entry) bool {
	if s.folded == nil && len(so) < fewKeys {
		for _, e := range so {
			if len(e.Key.Text) == len(key) && strings.EqualFold(e.Key.Text, key) {
				return false
			}
		}
		return true
	}
	if s.folded == nil {
		s.folded = make(map[string]bool, 4*fewKeys)
		for _, e := range so {
			s.folded[strings.ToLower(e.Key.Text)] = true
		}
	}
	folded := strings.ToLower(key)
	if s.folded[folded] {
		return false
	}
	s.folded[folded] = true
	return true
}

// placeholder stands for a value with a reported error, so that it does not
// look missing.
func (r *reader) placeholder(n *yaml.Node) reading {
	made := &Node{Kind: Null, Pos: position(n)}
	r.unreadable[made] = true
	return reading{node: made, nodes: 1}
}

// key reads the key of a mapping as a string.
func (r *reader) key(n *yaml.Node, depth int) *Node {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!merge" {
		r.add(position(n), "merge-key", "Merge keys ('<<') are not supported", "repeat the keys, or use an alias for the whole value")
		return nil
	}
	key := r.read(n, depth).node
	if key == nil {
		return nil
	}
	if !key.IsScalar() {
		r.add(key.Pos, "complex-key", "A key must be a string", "")
		return nil
	}
	if key.Kind != String {
		key = &Node{Kind: String, Text: key.ScalarText(), Pos: key.Pos}
	}
	return key
}

func position(n *yaml.Node) Pos { return Pos{n.Line, n.Column} }
