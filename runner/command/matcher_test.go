package command

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseMatchers(t *testing.T) {
	one := func(body string) string { return `{"problemMatcher":[{"owner":"o",` + body + `}]}` }
	const good = `"pattern":[{"regexp":"^(.+)$","message":1}]`
	tests := []struct {
		name string
		in   string
		err  string
	}{
		{"good", one(good), ""},
		{"severity", one(`"severity":"Warning",` + good), ""},
		{"severity notice", one(`"severity":"notice",` + good), ""},
		{"severity empty", one(`"severity":"",` + good), ""},
		{"unknown keys", one(`"x":1,` + good), ""},
		{"number as text", one(`"pattern":[{"regexp":"(.)","message":"1"}]`), ""},
		{"group 0", one(`"pattern":[{"regexp":".","message":0}]`), ""},
		{"look-behind and named groups", one(`"pattern":[{"regexp":"(?<=a)(?<m>b)(?!c)","message":1}]`), ""},
		{"byte order mark", "\xef\xbb\xbf" + one(good), ""},
		{"no matchers", `{}`, ""},
		{"several patterns, loop at the end", one(`"pattern":[{"regexp":"(a)","file":1},{"regexp":"(b)","message":1,"loop":true}]`), ""},
		{"not JSON", `nonsense`, "read problem matchers"},
		{"no number", one(`"pattern":[{"regexp":"(.)","message":"x"}]`), "must be an integer"},
		{"no owner", `{"problemMatcher":[{` + good + `}]}`, `"owner"`},
		{"owner twice", `{"problemMatcher":[{"owner":"o",` + good + `},{"owner":"O",` + good + `}]}`, "occurs twice"},
		{"bad severity", one(`"severity":"fatal",` + good), `severity "fatal"`},
		{"no pattern", one(`"pattern":[]`), "no pattern"},
		{"no message", one(`"pattern":[{"regexp":"(.)","file":1}]`), `must set "message"`},
		{"group too large", one(`"pattern":[{"regexp":"(.)","message":2}]`), "groups 0 to 1"},
		{"group negative", one(`"pattern":[{"regexp":"(.)","message":-1}]`), "groups 0 to 1"},
		{"property twice", one(`"pattern":[{"regexp":"(.)","file":1},{"regexp":"(.)","file":1,"message":1}]`), `"file" is set twice`},
		{"loop alone", one(`"pattern":[{"regexp":"(.)","message":1,"loop":true}]`), "only the last"},
		{"loop not last", one(`"pattern":[{"regexp":"(.)","file":1},{"regexp":"(.)","message":1,"loop":true},{"regexp":"x"}]`), "only the last"},
		{"loop without message", one(`"pattern":[{"regexp":"(.)","message":1},{"regexp":"(.)","file":1,"loop":true}]`), `must set "message"`},
		{"bad expression", one(`"pattern":[{"regexp":"(","message":1}]`), `problem matcher "o": pattern 1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := ParseMatchers([]byte(tt.in))
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			// A checkpoint writes them as JSON.
			data, err := json.Marshal(map[string]any{"problemMatcher": list})
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseMatchers(data)
			if err != nil || len(again) != len(list) || len(list) > 0 && !reflect.DeepEqual(again, list) {
				t.Errorf("after JSON: %+v, %v; want %+v", again, err, list)
			}
		})
	}
}

func mustAdd(t *testing.T, m *Matchers, source string) {
	t.Helper()
	list, err := ParseMatchers([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Add(list); err != nil {
		t.Fatal(err)
	}
}

// summary writes what Line says about each line.
func summary(m *Matchers, lines ...string) string {
	var out []string
	for _, line := range lines {
		a, ok := m.Line(line)
		if !ok {
			out = append(out, "-")
			continue
		}
		out = append(out, fmt.Sprintf("%s %s:%d:%d %s [%s]", a.Level, a.File, a.Line, a.Column, a.Message, a.Code))
	}
	return strings.Join(out, "\n")
}

func check(t *testing.T, got string, want ...string) {
	t.Helper()
	if w := strings.Join(want, "\n"); got != w {
		t.Errorf("got\n%s\nwant\n%s", got, w)
	}
}

const gcc = `{"problemMatcher":[{"owner":"gcc","pattern":[{
	"regexp":"^(.*):(\\d+):(\\d+):\\s+(?:fatal\\s+)?(warning|error|remark):\\s+(.*?)(?:\\s+\\[(.*)\\])?$",
	"file":1,"line":2,"column":3,"severity":4,"message":5,"code":6}]}]}`

func TestSingleLine(t *testing.T) {
	m := NewMatchers(MatcherOptions{File: func(f string) string { return strings.TrimPrefix(f, "/w/") }})
	if _, ok := m.Line("/w/a.c:3:4: error: bad"); ok {
		t.Error("an empty set matches")
	}
	mustAdd(t, m, gcc)
	check(t, summary(m,
		"/w/a.c:3:4: error: bad",
		"/w/a.c:3:4: Warning: case counts",
		"b.c:3:4: warning: unused [-Wunused]",
		"\x1b[1mb.c:3:4: \x1b[0m\x1b[31merror: \x1b[mred",
		"b.c:99999999999:4: error: number too large",
		"b.c:3:4: remark: severity that is not known",
		"plain"),
		"error a.c:3:4 bad []", "-", "warning b.c:3:4 unused [-Wunused]", "error b.c:3:4 red []", "error b.c:0:4 number too large []", "-", "-")
}

func TestMultiLine(t *testing.T) {
	m := NewMatchers(MatcherOptions{})
	mustAdd(t, m, `{"problemMatcher":[{"owner":"x","severity":"warning","pattern":[
		{"regexp":"^file (\\S+)( late)?$","file":1},
		{"regexp":"^at (\\d+)$","line":1},
		{"regexp":"^says (.+)$","message":1}]}]}`)
	check(t, summary(m, "file a", "at 3", "says one", "says two"), "-", "-", "warning a:3:0 one []", "-")
	check(t, summary(m, "file a", "nothing", "at 3", "says one"), "-", "-", "-", "-")
	check(t, summary(m, "file a", "at 3", "nothing", "says one"), "-", "-", "-", "-")
	check(t, summary(m, "file a", "file b", "at 3", "says one"), "-", "-", "-", "warning b:3:0 one []")
	check(t, summary(m, "at 3", "says one"), "-", "-")
	m.Line("file a")
	m.Line("at 3")
	m.Reset()
	check(t, summary(m, "says one"), "-")
}

func TestLoop(t *testing.T) {
	m := NewMatchers(MatcherOptions{})
	mustAdd(t, m, `{"problemMatcher":[{"owner":"eslint-stylish","pattern":[
		{"regexp":"^([^\\s].*)$","file":1},
		{"regexp":"^\\s+(\\d+):(\\d+)\\s+(error|warning|info)\\s+(.*)\\s\\s+(.*)$","line":1,"column":2,"severity":3,"message":4,"code":5,"loop":true}]}]}`)
	check(t, summary(m, "a.js", "  1:2  error  One  rule-1", "  3:4  warning  Two  rule-2", "", "  5:6  error  Lost  rule"),
		"-", "error a.js:1:2 One [rule-1]", "warning a.js:3:4 Two [rule-2]", "-", "-")
	// The next head begins a new problem.
	check(t, summary(m, "b.js", "  1:2  error  One  r", "c.js", "  1:2  error  Two  r"),
		"-", "error b.js:1:2 One [r]", "-", "error c.js:1:2 Two [r]")
	// A match without annotation (unknown severity) does not break the loop.
	check(t, summary(m, "d.js", "  1:2  info  Skip  r", "  1:2  error  Take  r"), "-", "-", "error d.js:1:2 Take [r]")
}

func TestFromPath(t *testing.T) {
	var asked []string
	m := NewMatchers(MatcherOptions{File: func(f string) string { asked = append(asked, f); return "" }})
	mustAdd(t, m, `{"problemMatcher":[{"owner":"x","pattern":[{"regexp":"^(\\S*) (\\S*) (.+)$","file":1,"fromPath":2,"message":3}]}]}`)
	check(t, summary(m, "src/a.cs sub/p.csproj m", "/abs/a.cs sub/p.csproj m", "a.cs  m", " sub/p.csproj m"),
		"error :0:0 m []", "error :0:0 m []", "error :0:0 m []", "error :0:0 m []")
	want := []string{"sub/src/a.cs", "/abs/a.cs", "a.cs"}
	if !reflect.DeepEqual(asked, want) {
		t.Errorf("files %q, want %q", asked, want)
	}
}

func TestPrecedence(t *testing.T) {
	m := NewMatchers(MatcherOptions{})
	mustAdd(t, m, `{"problemMatcher":[{"owner":"old","pattern":[{"regexp":"^E: (.*)$","message":1}]}]}`)
	mustAdd(t, m, `{"problemMatcher":[
		{"owner":"new","severity":"notice","pattern":[{"regexp":"^E: (?:drop)?(.*)$","message":1}]},
		{"owner":"multi","pattern":[{"regexp":"^head (.*)$","file":1},{"regexp":"^body (.*)$","message":1}]}]}`)
	check(t, summary(m, "E: x"), "notice :0:0 x []")
	// The newest one matches without a message: the next one is tried.
	check(t, summary(m, "E: drop"), "error :0:0 drop []")
	// A match elsewhere resets what is half matched.
	check(t, summary(m, "head a", "E: x", "body m"), "-", "notice :0:0 x []", "-")

	if got := m.List(); len(got) != 3 || got[0].Owner != "old" || got[2].Owner != "multi" {
		t.Errorf("List() = %+v", got)
	}
	m.Remove("NEW")
	check(t, summary(m, "E: x"), "error :0:0 x []")
	mustAdd(t, m, `{"problemMatcher":[{"owner":"Old","severity":"warning","pattern":[{"regexp":"^F: (.*)$","message":1}]}]}`)
	check(t, summary(m, "E: x", "F: y"), "-", "warning :0:0 y []")

	restored := NewMatchers(MatcherOptions{})
	if err := restored.Add(m.List()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(restored.List(), m.List()) {
		t.Errorf("restored %+v, want %+v", restored.List(), m.List())
	}
	m.Line("head a")
	check(t, summary(m.Clone(), "body m"), "-")
	check(t, summary(m, "body m"), "error a:0:0 m []")
}

func TestAddRefusesBadMatchers(t *testing.T) {
	if err := NewMatchers(MatcherOptions{}).Add([]Matcher{{Owner: "x"}}); err == nil {
		t.Error("no error")
	}
}

func TestMessageOfAMatch(t *testing.T) {
	m := &Matchers{}
	mustAdd(t, m, `{"problemMatcher":[{"owner":"x","pattern":[{"regexp":"(.*)","message":1}]}]}`)
	a, ok := m.Line(strings.Repeat("x", MaxMessage+1))
	if !ok || len(a.Message) != MaxMessage+1 {
		t.Errorf("%v, %d characters: it is shortened after masking, not before", ok, len(a.Message))
	}
	if _, ok := m.Line("   "); ok {
		t.Error("a blank message makes no annotation")
	}
}

func TestSlowMatcherIsRemoved(t *testing.T) {
	var warnings []string
	m := NewMatchers(MatcherOptions{Warn: func(s string) { warnings = append(warnings, s) }})
	mustAdd(t, m, `{"problemMatcher":[{"owner":"fast","pattern":[{"regexp":"^(a+!)$","message":1}]}]}`)
	mustAdd(t, m, `{"problemMatcher":[{"owner":"slow","pattern":[{"regexp":"^(a+)+$","message":1}]}]}`)
	line := strings.Repeat("a", 60) + "!"
	if a, ok := m.Line(line); !ok || a.Message != line {
		t.Errorf("the next matcher must take the line: %v", a)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], `"slow"`) {
		t.Errorf("warnings %q", warnings)
	}
	if list := m.List(); len(list) != 1 || list[0].Owner != "fast" {
		t.Errorf("left: %+v", list)
	}
}

func TestStripANSI(t *testing.T) {
	if got := StripANSI("\x1b[1;31mred\x1b[0m \x1b[m x[3m"); got != "red  x[3m" {
		t.Errorf("%q", got)
	}
}

func FuzzParseMatchers(f *testing.F) {
	f.Add([]byte(gcc), "a.c:1:2: error: m")
	f.Add([]byte(`{"problemMatcher":[{"owner":"o","pattern":[{"regexp":"(a)","file":1},{"regexp":"(b)","message":1,"loop":true}]}]}`), "a\nb\nb")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		list, err := ParseMatchers(data)
		if err != nil {
			return
		}
		m := &Matchers{}
		if err := m.Add(list); err != nil {
			t.Fatalf("%q parses, but: %v", data, err)
		}
		for _, line := range strings.Split(text, "\n") {
			if a, ok := m.Line(line); ok && (a.Message == "" || a.Line < 0 || a.Column < 0) {
				t.Fatalf("%q makes %+v", line, a)
			}
		}
	})
}
