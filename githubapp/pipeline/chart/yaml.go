package chart

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document is a YAML file whose values can be replaced where they stand: all else,
// comments and spaces too, stays as people wrote it.
type document struct {
	name string // for errors
	text []byte
	root *yaml.Node // a mapping; nil: the file holds nothing
}

func parse(name string, text []byte) (*document, error) {
	d := &document{name: name, text: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))}
	var all yaml.Node
	if err := yaml.Unmarshal(d.text, &all); err != nil {
		return nil, place(name, 1, err)
	}
	if len(all.Content) == 0 || all.Content[0].Tag == "!!null" {
		return d, nil
	}
	d.root = all.Content[0]
	if d.root.Kind != yaml.MappingNode {
		return nil, at(name, d.root.Line, "it must be a mapping")
	}
	return d, nil
}

var placed = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)`)

// place gives an error of the YAML library the file's name.
func place(name string, line int, err error) error {
	var types *yaml.TypeError
	text := err.Error()
	if errors.As(err, &types) && len(types.Errors) > 0 {
		text = types.Errors[0]
	}
	if m := placed.FindStringSubmatch(text); m != nil {
		if told, err := strconv.Atoi(m[1]); err == nil {
			line, text = told, m[2]
		}
	}
	return at(name, line, "%s", strings.TrimPrefix(text, "yaml: "))
}

// lookup finds a key and its value below mappings; nil: it is not there.
func (d *document) lookup(path ...string) (key, value *yaml.Node, err error) {
	value = d.root
	for _, name := range path {
		in := value
		key, value = nil, nil
		if in == nil || in.Kind != yaml.MappingNode {
			return nil, nil, nil
		}
		for i := 0; i+1 < len(in.Content); i += 2 {
			if in.Content[i].Value != name || in.Content[i].Kind != yaml.ScalarNode {
				continue
			}
			if key != nil {
				return nil, nil, at(d.name, in.Content[i].Line, "key %q is there twice", name)
			}
			key, value = in.Content[i], in.Content[i+1]
		}
	}
	return key, value, nil
}

// line of a key at the top; of one that is not there 1.
func (d *document) line(key string) int {
	if k, _, err := d.lookup(key); k != nil && err == nil {
		return k.Line
	}
	return 1
}

// set replaces a value; there is false when the document has no such key.
func (d *document) set(value string, path ...string) (there bool, err error) {
	key, old, err := d.lookup(path...)
	if err != nil || key == nil {
		return false, err
	}
	refused := at(d.name, key.Line, "the value of %q cannot be replaced: write it on one line, as %s: %q", strings.Join(path, "."), path[len(path)-1], "")
	from, to, ok := d.span(old)
	quoted := strconv.Quote(value)
	if ok && from == to { // nothing stands there
		if from, to, ok = d.colon(key); ok {
			quoted = " " + quoted
		}
	}
	if !ok {
		return true, refused
	}
	changed, err := parse(d.name, bytes.Join([][]byte{d.text[:from], []byte(quoted), d.text[to:]}, nil))
	if err != nil {
		return true, refused
	}
	if _, now, err := changed.lookup(path...); err != nil || now == nil || now.Value != value || now.Tag != "!!str" {
		return true, refused
	}
	*d = *changed
	return true, nil
}

// put sets a key at the top, which is added at the end if it is not there.
func (d *document) put(key, value string) error {
	there, err := d.set(value, key)
	if there || err != nil {
		return err
	}
	text := bytes.TrimRight(d.text, "\n")
	changed, err := parse(d.name, fmt.Appendf(nil, "%s\n%s: %q\n", text, key, value))
	if err == nil {
		var now *yaml.Node
		if _, now, err = changed.lookup(key); err == nil && now == nil {
			err = errors.New("it ends before the end of the file")
		}
	}
	if err != nil {
		return at(d.name, 1, "it has no %q, and none can be added: write one, as %s: %q", key, key, "")
	}
	*d = *changed
	return nil
}

// span is where a scalar stands that begins and ends on one line.
func (d *document) span(n *yaml.Node) (from, to int, ok bool) {
	from, rest := d.offset(n.Line, n.Column)
	if n.Kind != yaml.ScalarNode {
		return 0, 0, false
	}
	for strings.HasPrefix(rest, "&") || strings.HasPrefix(rest, "!") { // anchor, tag
		_, after, _ := strings.Cut(rest, " ")
		after = strings.TrimLeft(after, " ")
		from, rest = from+len(rest)-len(after), after
	}
	length := -1
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		length = quotedLength(rest, '"', '\\')
	case n.Style&yaml.SingleQuotedStyle != 0:
		length = quotedLength(rest, '\'', '\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && strings.HasPrefix(rest, n.Value):
		length = len(n.Value)
	}
	return from, from + max(length, 0), length >= 0
}

// quotedLength is that of a text in quotes; -1: it does not end here.
func quotedLength(text string, quote, escape byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] == escape && i+1 < len(text) && (escape != quote || text[i+1] == quote) {
			i++
			continue
		}
		if text[i] == quote {
			return i + 1
		}
	}
	return -1
}

// colon is the place behind the colon of a key.
func (d *document) colon(key *yaml.Node) (from, to int, ok bool) {
	_, end, ok := d.span(key)
	if !ok {
		return 0, 0, false
	}
	rest := d.text[end:]
	after := bytes.TrimLeft(rest, " ")
	if !bytes.HasPrefix(after, []byte(":")) {
		return 0, 0, false
	}
	end += len(rest) - len(after) + 1
	return end, end, true
}

// offset finds a line and a column, which counts characters, and what is left of
// the line.
func (d *document) offset(line, column int) (int, string) {
	at := 0
	for range line - 1 {
		next := bytes.IndexByte(d.text[at:], '\n')
		if next < 0 {
			return len(d.text), ""
		}
		at += next + 1
	}
	for range column - 1 {
		if at >= len(d.text) || d.text[at] == '\n' {
			break
		}
		_, size := utf8.DecodeRune(d.text[at:])
		at += size
	}
	rest, _, _ := bytes.Cut(d.text[at:], []byte("\n"))
	return at, string(bytes.TrimSuffix(rest, []byte("\r")))
}
