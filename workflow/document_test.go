package workflow

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// TestScalars holds GitHub's reading of scalars (specs: YAML 1.2 core).
func TestScalars(t *testing.T) {
	for _, c := range []struct {
		in     string
		kind   Kind
		number float64
		text   string // as a string
	}{
		{"", Null, 0, ""}, {"~", Null, 0, ""}, {"null", Null, 0, ""}, {"Null", Null, 0, ""}, {"NULL", Null, 0, ""},
		{"nULL", String, 0, "nULL"}, {"''", String, 0, ""}, {"'null'", String, 0, "null"},
		{"true", Bool, 0, "true"}, {"True", Bool, 0, "true"}, {"TRUE", Bool, 0, "true"}, {"FALSE", Bool, 0, "false"},
		{"tRUE", String, 0, "tRUE"}, {"on", String, 0, "on"}, {"yes", String, 0, "yes"}, {"no", String, 0, "no"},
		{"off", String, 0, "off"}, {"y", String, 0, "y"}, {`"true"`, String, 0, "true"},
		{"0", Number, 0, "0"}, {"-0", Number, 0, "0"}, {"010", Number, 10, "10"}, {"+00755", Number, 755, "755"},
		{"0xff", Number, 255, "255"}, {"0xFFFFFFFF", Number, -1, "-1"}, {"0o17", Number, 15, "15"},
		{"0o8", String, 0, "0o8"}, {"0X1", String, 0, "0X1"}, {"-0x1", String, 0, "-0x1"}, {"0b1", String, 0, "0b1"},
		{"0x", String, 0, "0x"}, {"1_000", String, 0, "1_000"}, {"12:30:45", String, 0, "12:30:45"},
		{"2001-01-01", String, 0, "2001-01-01"}, {"1.", Number, 1, "1"}, {".5", Number, .5, "0.5"}, {".", String, 0, "."},
		{"3.10", Number, 3.1, "3.1"}, {"1e3", Number, 1000, "1000"}, {"1E-2", Number, .01, "0.01"}, {"1e", String, 0, "1e"},
		{"+.5e+1", Number, 5, "5"}, {"+", String, 0, "+"}, {"--1", String, 0, "--1"},
		{".inf", Number, math.Inf(1), "Infinity"}, {"-.INF", Number, math.Inf(-1), "-Infinity"},
		{"+.Inf", Number, math.Inf(1), "Infinity"}, {".NaN", Number, math.NaN(), "NaN"}, {"inf", String, 0, "inf"},
		{"NaN", String, 0, "NaN"}, {"Infinity", String, 0, "Infinity"}, {"+.nan", String, 0, "+.nan"},
		{strings.Repeat("9", 400), Number, math.Inf(1), "Infinity"},
		{"!!str 1", String, 0, "1"}, {"!!str 'a'", String, 0, "a"}, {"!!int 0x10", Number, 16, "16"},
		{"!!float 1", Number, 1, "1"}, {"!!bool true", Bool, 0, "true"}, {"!!null", Null, 0, ""},
		{"!<tag:yaml.org,2002:int> -1", Number, -1, "-1"},
	} {
		n, found := ParseNode("f", []byte("- "+c.in+"\n"))
		if len(found) > 0 || len(n.Items) != 1 {
			t.Errorf("%s: %v", c.in, found)
			continue
		}
		got := n.Items[0]
		sameNumber := got.Number == c.number || math.IsNaN(got.Number) && math.IsNaN(c.number)
		if got.Kind != c.kind || !sameNumber || got.ScalarText() != c.text {
			t.Errorf("%s: kind %d, number %v, text %q; want %d, %v, %q", c.in, got.Kind, got.Number, got.ScalarText(), c.kind, c.number, c.text)
		}
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var back Node
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if math.IsNaN(c.number) {
			continue // unequal to itself
		}
		if !reflect.DeepEqual(&back, got) {
			t.Errorf("%s: %s gives %+v, want %+v", c.in, data, back, *got)
		}
	}
}

func TestScalarsRefused(t *testing.T) {
	for _, in := range []string{"0x1FFFFFFFF", "0o777777777777", "!!int a", "!!float x", "!!bool yes", "!!null x", "!!int '1'", "!!binary aGk=", "!own x", "!!map x"} {
		if _, found := ParseNode("f", []byte("a: "+in+"\n")); len(found) != 1 {
			t.Errorf("%s: %v", in, found)
		}
	}
}

func TestPositions(t *testing.T) {
	n, found := ParseNode("f", []byte("ä: {b: ü, c: [x, y]}\nd: |\n  text\n  more\n'e':\n  - &a f\n  - *a\n"))
	if len(found) > 0 {
		t.Fatal(found)
	}
	for _, c := range []struct {
		n    *Node
		want Pos
	}{
		{n, Pos{1, 1}},
		{n.Entries[0].Value, Pos{1, 4}},
		{n.Entries[0].Value.Lookup("c").Items[1], Pos{1, 18}},
		{n.Lookup("d"), Pos{2, 4}},
		{n.Entries[2].Key, Pos{5, 1}},
		{n.Lookup("e").Items[0], Pos{6, 5}},
		{n.Lookup("e").Items[1], Pos{6, 5}}, // an alias is what it stands for
	} {
		if c.n.Pos != c.want {
			t.Errorf("%+v is not at %v", c.n, c.want)
		}
	}
}

func TestAnchors(t *testing.T) {
	n, found := ParseNode("f", []byte("a: &x {k: [1, 2]}\nb: *x\nc: &x 3\nd: *x\n*x : e\n"))
	if len(found) > 0 {
		t.Fatal(found)
	}
	if n.Lookup("b") != n.Lookup("a") || n.Lookup("d").Number != 3 || n.Lookup("3").ScalarText() != "e" {
		t.Errorf("aliases are wrong: %+v", n)
	}
	if _, found := ParseNode("f", []byte("a: *none\n")); !found.HasErrors() {
		t.Error("an unknown anchor was accepted")
	}
}

func TestLimits(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	deepAlias := "a: &a " + strings.Repeat("[", 30) + strings.Repeat("]", 30) + "\nb: " + strings.Repeat("[", 30) + "*a" + strings.Repeat("]", 30)
	for _, c := range []struct{ name, in, code string }{
		{"bomb", bomb.String(), "too-many-nodes"},
		{"deep", strings.Repeat("[", 51) + strings.Repeat("]", 51), "too-deep"},
		{"very deep", strings.Repeat("- ", 9000), "too-deep"},
		{"deep by alias", deepAlias, "too-deep"},
		{"large", strings.Repeat("#", 1<<20+1), "too-large"},
		{"cycle", "&a [*a]", "anchor-cycle"},
		{"documents", "a\n---\nb\n", "several-documents"},
		{"merge", "a: &a {b: c}\nd:\n  <<: *a\n", "merge-key"},
		{"duplicate", "a: 1\nA: 2\n", "duplicate-key"},
		{"list as key", "[a]: b", "complex-key"},
		{"not UTF-8", "a: \xff", "yaml"},
		{"control character", "a: \x00", "yaml"},
	} {
		_, found := ParseNode("f", []byte(c.in))
		if len(found) != 1 || found[0].Code != c.code {
			t.Errorf("%s: %v, want one %s", c.name, found, c.code)
		}
	}
	if n, found := ParseNode("f", []byte(strings.Repeat("[", 50)+strings.Repeat("]", 50))); found != nil || n == nil {
		t.Errorf("depth 50: %v", found)
	}
	if n, found := ParseNode("f", nil); found != nil || n.Kind != Null {
		t.Errorf("empty: %v %v", n, found)
	}
}
