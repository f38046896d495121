package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes random expressions by the grammar.
type generator struct{ *rand.Rand }

func (g generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

// expression is one test: mostly well formed, sometimes damaged.
func (g generator) expression() string {
	text := g.value(1 + g.IntN(5))
	if g.chance(12) {
		text = g.damaged(text)
	}
	return text
}

func (g generator) value(depth int) string {
	if depth <= 0 {
		return g.leaf()
	}
	switch n := g.IntN(100); {
	case n < 18:
		return g.leaf()
	case n < 40:
		return g.value(depth-1) + g.space() + g.pick("==", "!=", "<", "<=", ">", ">=") + g.space() + g.value(depth-1)
	case n < 54:
		return g.value(depth-1) + g.space() + g.pick("&&", "||") + g.space() + g.value(depth-1)
	case n < 60:
		return "!" + g.value(depth-1)
	case n < 68:
		return "(" + g.value(depth-1) + ")"
	case n < 86:
		return g.call(depth)
	default:
		return g.access(depth)
	}
}

func (g generator) space() string { return g.pick(" ", " ", " ", "", "  ", "\t", "\n") }

func (g generator) leaf() string {
	switch n := g.IntN(100); {
	case n < 40:
		return g.access(1)
	case n < 62:
		return g.str()
	case n < 86:
		return g.number()
	default:
		return g.pick("true", "false", "null", "true", "false", "null", "True", "NULL", "NaN", "Infinity", "-Infinity", "nan", "infinity")
	}
}

func (g generator) number() string {
	switch g.IntN(10) {
	case 0, 1, 2:
		return fmt.Sprint(g.IntN(5) - 1)
	case 3:
		return fmt.Sprint(g.IntN(2000000) - 1000000)
	case 4:
		return fmt.Sprintf("%.*f", g.IntN(6), g.Float64()*100-50)
	case 5:
		return fmt.Sprintf("%d.%de%d", g.IntN(10), g.IntN(1000), g.IntN(40)-20)
	case 6:
		return fmt.Sprintf("0x%x", g.IntN(70000))
	case 7:
		return fmt.Sprintf("0o%o", g.IntN(70000))
	case 8:
		return fmt.Sprint(g.Float64() * 1e17)
	default:
		return g.pick("-0", "+1", ".5", "-.5", "1e3", "1E-3", "0xff", "0xFF", "0xFFFFFFFF", "0x1FFFFFFFF", "1e999", "-1e999", "1e-999",
			"123456789012345678901234567890", "0.1", "1.0", "007", "9007199254740993", "1.7976931348623157e308", "5e-324", "100000", "1e21", "1e-7",
			"1.", "1e", "0x", "0b1", "1_0", "1..2", "--1", "0xg", "0o8", "1.2.3")
	}
}

func (g generator) str() string {
	return "'" + strings.ReplaceAll(g.text(), "'", "''") + "'"
}

func (g generator) text() string {
	switch g.IntN(8) {
	case 0:
		return g.number()
	case 1:
		return g.json(2)
	case 2:
		return g.pick(" 12 ", "\t1\n", "0x1F", " ", "true", "null", "NaN", "Infinity", "-Infinity", "1e5", "0o17", "12px", "1 2", "+5", ".5", "5.", "1,000", "0x", "-0x1", "−1")
	case 3:
		return g.pick("ä", "Ä", "ß", "ẞ", "SS", "ı", "I", "i", "İ", "ſ", "s", "K", "k", "😀", "ﬁ", "fi", "ς", "σ", "Σ", "Ω", "Ω", "\u00a0", "é", "e\u0301", "\u2028", "ǆ", "ǅ")
	default:
		return g.pick("", "a", "A", "b", "abc", "ABC", "refs/heads/main", "main", "it's", "{0}", "x,y", "a b", "key", "Key", "0", "1", "-1", "*", "push", "foo", "foo bar", "\"q\"", "\\", "\\u0041", "<&>", "a\nb", "}}", "{{", "z", "Z", "_", "a-b", "[", "[]")
	}
}

func (g generator) json(depth int) string {
	switch n := g.IntN(10); {
	case depth > 0 && n < 2:
		var items []string
		for range g.IntN(4) {
			items = append(items, g.json(depth-1))
		}
		return "[" + strings.Join(items, g.pick(",", ", ", ",\n")) + "]"
	case depth > 0 && n < 5:
		var items []string
		for range g.IntN(4) {
			items = append(items, fmt.Sprintf("%q%s%s", g.pick("a", "b", "A", "key", "Key", "1", "0", "x y", ""), g.pick(":", ": "), g.json(depth-1)))
		}
		return "{" + strings.Join(items, ",") + "}"
	default:
		return g.pick("1", "0", "-0", "1.5", "1e3", "true", "false", "null", `"x"`, `""`, `"1"`, `"aé\u00e9\n"`, `"\ud83d\ude00"`, "123456789012345678", "0.1", "-1", "1E+2",
			"'x'", "01", "+1", "NaN", "tru", "[1,]", "{a:1}", "1 2", "", "// c", "undefined", ".5")
	}
}

// access reads a context in some depth.
func (g generator) access(depth int) string {
	if g.chance(4) {
		return g.pick("nothing", "Unknown.a", "secretz.x", "_x", "a-b")
	}
	text := g.pick("github", "env", "matrix", "inputs", "needs", "steps", "github", "data", "data", "GitHub", "DATA")
	for range g.IntN(4) {
		switch g.IntN(8) {
		case 0:
			text += ".*"
		case 1:
			text += "[*]"
		case 2:
			text += "[" + g.pick("0", "1", "-1", "1.9", "'0'", "99", "null", "true", "' 1 '", "''", "1e0", "0.0", "NaN") + "]"
		case 3:
			text += "['" + g.key() + "']"
		case 4:
			if depth > 1 {
				text += "[" + g.value(depth-2) + "]"
				break
			}
			fallthrough
		default:
			text += "." + g.key()
		}
	}
	return text
}

func (g generator) key() string {
	return g.pick("a", "b", "c", "list", "obj", "objs", "num", "text", "yes", "no", "nil", "event", "ref", "A", "LIST", "name", "labels", "outputs", "result", "empty", "deep", "os", "version", "x", "id", "nums", "mixed", "none")
}

func (g generator) call(depth int) string {
	args := func(n int) string {
		var list []string
		for range n {
			list = append(list, g.value(depth-1))
		}
		return strings.Join(list, g.pick(",", ", ", " , "))
	}
	name := g.pick("contains", "startsWith", "endsWith", "format", "join", "toJSON", "fromJSON", "case", "contains", "format", "CONTAINS", "ToJson", "fromjson", "Format")
	if g.chance(3) {
		return g.pick("hashFiles", "success", "always", "length", "toUpper", "") + "(" + args(g.IntN(3)) + ")"
	}
	if g.chance(5) {
		return name + "(" + args(g.IntN(5)) + ")" // any number of arguments
	}
	switch strings.ToLower(name) {
	case "contains":
		if g.chance(40) {
			return name + "(" + g.access(1) + ", " + g.value(depth-1) + ")"
		}
		return name + "(" + args(2) + ")"
	case "startswith", "endswith":
		return name + "(" + args(2) + ")"
	case "format":
		form := g.pick("{0}", "{0} {1}", "{1}{0}", "{{{0}}}", "{{}}", "a", "{0}{0}", "{2}", "{", "}", "{0", "0}", "{}", "{a}", "{0:x}", "{ 0}", "{00}", "{-1}", "it''s {0}", "{0}}", "{{0}", "{0,5}", "{1}", "{99999999999}")
		return name + "('" + form + "', " + args(1+g.IntN(3)) + ")"
	case "join":
		if g.chance(50) {
			return name + "(" + g.access(1) + ")"
		}
		return name + "(" + g.access(1) + ", " + g.value(depth-1) + ")"
	case "fromjson":
		if g.chance(70) {
			return name + "('" + strings.ReplaceAll(g.json(3), "'", "''") + "')"
		}
		return name + "(" + args(1) + ")"
	case "case":
		n := 3 + 2*g.IntN(3)
		var list []string
		for i := range n {
			if i%2 == 0 && i < n-1 && g.chance(90) {
				list = append(list, g.value(depth-2)+" == "+g.value(depth-2))
				continue
			}
			list = append(list, g.value(depth-1))
		}
		return name + "(" + strings.Join(list, ", ") + ")"
	default:
		return name + "(" + args(1) + ")"
	}
}

// damaged makes a typing error.
func (g generator) damaged(text string) string {
	runes := []rune(text)
	at := g.IntN(len(runes) + 1)
	switch g.IntN(4) {
	case 0:
		if at < len(runes) {
			return string(runes[:at]) + string(runes[at+1:])
		}
		return text + ")"
	case 1:
		return string(runes[:at]) + g.pick("(", ")", "[", "]", ".", ",", "'", "\"", "&", "|", "=", "!", "*", "-", "1", "a", " ", "{", "}", "$", "&&", "||", "<>", "ä", "\u00a0", "%", "@", "+", "'x'", "true") + string(runes[at:])
	case 2:
		return string(runes[:at])
	default:
		return string(runes[at:])
	}
}

// contextSets are the values that expressions are evaluated over.
var contextSets = []string{
	`{"github": {"ref": "refs/heads/main", "event": {"num": 5, "labels": [{"name": "bug", "id": 1}, {"name": "Help", "id": 2}, {"id": 3}], "text": "a'b", "empty": {}}, "name": "push"},
	  "env": {"a": "1", "b": "x", "A_B": "", "text": "Hello", "list": "a,b"},
	  "matrix": {"os": "linux", "version": 20, "yes": true, "list": [1, 2, 3], "none": null},
	  "inputs": {"a": true, "b": false, "num": 3.5, "text": "", "nil": null},
	  "needs": {"a": {"result": "success", "outputs": {"x": "1", "list": "[1,2]"}}, "b": {"result": "failure", "outputs": {}}},
	  "steps": {},
	  "data": {"list": ["a", "B", "c"], "nums": [1, 2.5, -3, 0], "mixed": [1, "1", true, null, [2], {"a": 3}], "obj": {"a": 1, "B": "two", "c": null}, "objs": [{"a": 1, "b": [1, 2]}, {"a": "x", "c": 2}, {"A": 3}],
	           "deep": {"a": {"b": {"c": [{"x": 1}, {"x": 2}]}}, "list": [[1, 2], [3]]}, "num": 1e21, "text": "Ä ı", "yes": true, "no": false, "nil": null, "empty": [], "x": -0.25, "id": 123456789012345680, "name": ""}}`,
	`{"github": {"event": {}, "ref": null}, "env": {}, "matrix": [], "inputs": null, "needs": "text", "steps": {"a": {"outputs": {"x": "true"}, "result": "skipped"}, "list": [[], {}, [[]]]},
	  "data": [{"a": {"a": {"a": 1}}}, {"a": []}, [1, [2, [3]]], "s", 0, {"list": [{"list": [1]}, {"list": [2, {"list": [3]}]}]}]}`,
}
