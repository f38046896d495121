package chart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// outline is all of a document but one node.
func outline(n, without *yaml.Node, into []string) []string {
	if n == nil || n == without {
		return append(into, "-")
	}
	into = append(into, n.Tag+" "+n.Anchor+" "+n.Value+" "+n.HeadComment+" "+n.FootComment)
	for _, child := range n.Content {
		into = outline(child, without, into)
	}
	return into
}

// Whatever stands in a file: a value is replaced and nothing else, or there is an
// error.
func FuzzSet(f *testing.F) {
	for _, seed := range []string{
		"image:\n  tag: x\n", "image: {tag: 'it''s', digest: \"a\\\"b\"}\n", "image:\n  tag:\n  digest: # none\n", "image: &a\n  tag: !!str &b 1\nother: *a\n",
		"image:\n  ? tag\n  : x\n", "a: ü\r\nimage:\r\n  'tag' : ~\r\n", "\xef\xbb\xbfimage:\n  tag: |\n    a\n", "---\nimage:\n  tag: \"a\n    b\"\n...\n", "image: {tag}\n", "image: {\"tag\":}\n", "image: {tag: , b: c}\n",
		"image: {\"tag\":x}\n", "image:\n  tag: a b # c\n", "image:\n  tag: a\n   b\n", "- image\n", "a: \u2028\nimage: {tag: x}\n", "image:\n  tag: x#y\n", "image: {tag: a:b}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		before, err := parse("values.yaml", []byte(text))
		if err != nil {
			return
		}
		_, old, err := before.lookup("image", "tag")
		if err != nil {
			return
		}
		after := *before
		there, err := after.set("1.2.3", "image", "tag")
		if there != (old != nil) {
			t.Fatalf("there: %v", there)
		}
		if err != nil || !there {
			if string(after.text) != string(before.text) {
				t.Fatal("changed in spite of an error")
			}
			return
		}
		_, now, err := after.lookup("image", "tag")
		if err != nil || now == nil || now.Value != "1.2.3" {
			t.Fatalf("the value is %v: %v", now, err)
		}
		if d := cmp.Diff(outline(before.root, old, nil), outline(after.root, now, nil)); d != "" && !strings.Contains(text, "#") {
			t.Fatalf("more was changed (-before +after):\n%s\n%q", d, after.text)
		}
	})
}
