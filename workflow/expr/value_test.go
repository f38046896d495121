package expr_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/expr"
)

func TestObject(t *testing.T) {
	b := expr.NewObject(false)
	b.Set("One", expr.Number(1)).Set("two", expr.Number(2))
	first := b.Value()
	second := b.Set("ONE", expr.Number(3)).Value()
	if got := first.JSON(false); got != `{"One":1,"two":2}` {
		t.Errorf("the builder changed what it had given away: %s", got)
	}
	if got := second.JSON(false); got != `{"One":3,"two":2}` {
		t.Errorf("second = %s", got)
	}
	with := second.With("Three", expr.Bool(true))
	if second.Len() != 2 || with.JSON(false) != `{"One":3,"two":2,"Three":true}` {
		t.Errorf("with = %s", with.JSON(false))
	}
	if got := (expr.Value{}).With("a", expr.String("b")).JSON(false); got != `{"a":"b"}` {
		t.Errorf("null with a = %s", got)
	}
}

func TestLookup(t *testing.T) {
	for _, size := range []int{3, 100} { // scanned and indexed
		m := map[string]string{"É": "e", "lower": "l"}
		for i := range size {
			m["Key"+strconv.Itoa(i)] = strconv.Itoa(i)
		}
		loose, strict := expr.StringMap(m, false), expr.StringMap(m, true)
		for key, want := range map[string][2]string{
			"Key1": {"1", "1"}, "kEY1": {"1", ""}, "é": {"e", ""}, "É": {"e", "e"}, "none": {"", ""}, "": {"", ""},
		} {
			l, _ := loose.Lookup(key)
			s, _ := strict.Lookup(key)
			if l.Text() != want[0] || s.Text() != want[1] {
				t.Errorf("size %d, key %q: %q and %q, want %q", size, key, l.Text(), s.Text(), want)
			}
		}
	}
	if _, ok := expr.String("x").Lookup("x"); ok {
		t.Error("a string has no keys")
	}
}

func TestJSONRoundTrip(t *testing.T) {
	const text = `{"z":[1,2.5,-1e-7,12345678901234567000,true,null,"a\"\u0001\u2028é😀/<"],"a":{"B":{},"c":[]}}`
	v := decode(t, text)
	data, err := json.Marshal(map[string]expr.Value{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]expr.Value
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !back["v"].Same(v) || strings.Join(back["v"].Keys(), " ") != "z a" {
		t.Errorf("%s came back as %s", text, data)
	}
	if data, err := expr.Array(expr.Number(math.NaN()), expr.Number(math.Inf(-1))).MarshalJSON(); err != nil || string(data) != "[null,null]" {
		t.Errorf("NaN: %s, %v", data, err)
	}
	if got := expr.String("\x00\x1f\x7f\u0085'/").JSON(false); got != "\"\\u0000\\u001f\x7f\\u0085'/\"" {
		t.Errorf("escapes: %s", got)
	}
	for _, bad := range []string{"", "{'a':1}", "[1,]", "01", "nul", "[1] x", strings.Repeat("[", 5000) + strings.Repeat("]", 5000)} {
		if _, err := expr.DecodeJSON([]byte(bad)); err == nil {
			t.Errorf("DecodeJSON took %.20q", bad)
		}
	}
}

func TestFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		`['386','amd64']`:                   `["386","amd64"]`,
		`{a: 1, $b_2: "x", 'c d': null}`:    `{"a":1,"$b_2":"x","c d":null}`,
		"[1, /* two */ 2, // three\n3,]":    "[1,2,3]",
		`[1,,2]`:                            `[1,"",2]`,
		`{"a":1,}`:                          `{"a":1}`,
		`0x1F`:                              "31",
		`017`:                               "15",
		`-0.5e1`:                            "-5",
		`.5`:                                "0.5",
		`[NaN, Infinity, -Infinity]`:        "[NaN,Infinity,-Infinity]",
		`'it\'s \u00e9\ud83d\ude00 \ud800'`: `"it's é😀 ` + "\uFFFD" + `"`,
		"\"two\nlines\"":                    `"two\nlines"`,
		`[1] and more`:                      "[1]",
		`{"a":1,"A":2}`:                     `{"a":2}`,
		strings.Repeat("[", 500) + strings.Repeat("]", 500): strings.Repeat("[", 500) + strings.Repeat("]", 500),
	} {
		v, err := fromJSON(text)
		if err != nil || v.JSON(false) != want {
			t.Errorf("%.40s = %s, %v; want %s", text, v.JSON(false), err, want)
		}
	}
	for text, want := range map[string]string{
		"":                         "Error reading JToken from JsonReader. Path '', line 0, position 0.",
		"abc":                      "Unexpected character encountered while parsing value: a. Path '', line 0, position 0.",
		"foo":                      "Error parsing boolean value. Path '', line 1, position 1.",
		"[1,\n  x]":                "Unexpected character encountered while parsing value: x. Path '[1]', line 2, position 2.",
		`{"a":{"b":?`:              "Unexpected character encountered while parsing value: ?. Path 'a.b', line 1, position 10.",
		`{"a" 1}`:                  "Invalid character after parsing property name. Expected ':' but got: 1. Path '', line 1, position 5.",
		"12z":                      "Unexpected character encountered while parsing number: z. Path '', line 1, position 2.",
		"09":                       "Input string '09' is not a valid number. Path '', line 1, position 2.",
		`"abc`:                     `Unterminated string. Expected delimiter: ". Path '', line 1, position 4.`,
		`"\q"`:                     `Bad JSON escape sequence: q. Path '', line 1, position 2.`,
		"[1 2]":                    "After parsing a value an unexpected character was encountered: 2. Path '[0]', line 1, position 3.",
		strings.Repeat("[", 20000): "The reader's MaxDepth of 1000 has been exceeded.",
	} {
		if _, err := fromJSON(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %.200v, want %s", text, err, want)
		}
	}
}

func fromJSON(text string) (expr.Value, error) {
	e, err := expr.Parse("fromJSON(x)", nil)
	if err != nil {
		return expr.Value{}, err
	}
	return e.Eval(expr.Scope{Contexts: map[string]expr.Value{"x": expr.String(text)}})
}
