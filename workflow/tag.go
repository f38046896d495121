package workflow

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) scalar(n *yaml.Node) *Node {
	pos := position(n)
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if n.Style&yaml.TaggedStyle != 0 {
		return r.tagged(n, plain)
	}
	if !plain {
		return r.keep(Node{Kind: String, Text: n.Value, Quoted: true, Pos: pos})
	}
	made, ok := resolvePlain(n.Value)
	if !ok {
		r.invalidScalar(n, tagInt)
		return nil
	}
	made.Pos = pos
	return r.keep(made)
}

// tagged reads a scalar with an explicit tag.
func (r *reader) tagged(n *yaml.Node, plain bool) *Node {
	made := &Node{Text: n.Value, Pos: position(n)}
	if n.Tag == tagString {
		made.Kind, made.Quoted = String, true
		return made
	}
	if !plain {
		r.add(made.Pos, "tag", fmt.Sprintf("The scalar style '%s' on line %d and column %d is not valid with the tag '%s'", styleName(n.Style), n.Line, n.Column, longTag(n.Tag)), "remove the tag or the quotes")
		return nil
	}
	var ok bool
	switch n.Tag {
	case tagBool:
		made.Kind = Bool
		made.Bool, ok = matchBool(n.Value)
	case tagInt:
		made.Kind = Number
		made.Number, ok = matchInt(n.Value)
	case tagFloat:
		made.Kind = Number
		made.Number, ok = matchFloat(n.Value)
	case tagNull:
		made.Kind = Null
		ok = matchNull(n.Value)
	default:
		r.add(made.Pos, "tag", fmt.Sprintf("Unexpected tag '%s'", longTag(n.Tag)), "remove the tag")
		return nil
	}
	if !ok {
		r.invalidScalar(n, n.Tag)
		return nil
	}
	return made
}

func styleName(s yaml.Style) string {
	switch {
	case s&yaml.DoubleQuotedStyle != 0:
		return "DoubleQuoted"
	case s&yaml.SingleQuotedStyle != 0:
		return "SingleQuoted"
	case s&yaml.LiteralStyle != 0:
		return "Literal"
	default:
		return "Folded"
	}
}

func (r *reader) invalidScalar(n *yaml.Node, tag string) {
	r.add(position(n), "scalar", fmt.Sprintf("The value '%s' on line %d and column %d is invalid for the type '%s'", n.Value, n.Line, n.Column, longTag(tag)), "quote it if it is a string")
}

// untagged refuses a collection with a tag that is not its own.
func (r *reader) untagged(n *yaml.Node, own string) bool {
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != own {
		r.add(position(n), "tag", fmt.Sprintf("Unexpected tag '%s'", longTag(n.Tag)), "remove the tag")
		return false
	}
	return true
}

func longTag(tag string) string {
	if rest, ok := strings.CutPrefix(tag, "!!"); ok {
		return "tag:yaml.org,2002:" + rest
	}
	return tag
}
