package command

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		line string
		want Command // no Name: no command
	}{
		{"plain", "hello", Command{}},
		{"empty", "", Command{}},
		{"data", "::debug::hello", Command{Name: "debug", Data: "hello"}},
		{"no data", "::endgroup::", Command{Name: "endgroup"}},
		{"case is ignored", "::Set-Output name=a::b", Command{Name: "Set-Output", Props: Props{{"name", "a"}}, Data: "b"}},
		{"leading white space", "  \t::warning::x", Command{Name: "warning", Data: "x"}}, // act's bug 10
		{"text before", "x ::warning::x", Command{}},
		{"unknown name", "::frobnicate::x", Command{}},
		{"no end", "::warning file=a", Command{}},
		{"only colons", "::::", Command{}},
		{"data keeps its spaces and colons", "::error:: a::b ", Command{Name: "error", Data: " a::b "}},
		{"properties", "::error file=a.go,line=3::m", Command{Name: "error", Props: Props{{"file", "a.go"}, {"line", "3"}}, Data: "m"}},
		{"properties are trimmed as a whole", "::error   file=a ::m", Command{Name: "error", Props: Props{{"file", "a"}}, Data: "m"}},
		{"a space belongs to the key", "::error file=a, line=3::m", Command{Name: "error", Props: Props{{"file", "a"}, {" line", "3"}}, Data: "m"}},
		{"equals in the value", "::error title=k=v=w::m", Command{Name: "error", Props: Props{{"title", "k=v=w"}}, Data: "m"}}, // act's bug 11
		{"padding stays", "::error title=YQ==::m", Command{Name: "error", Props: Props{{"title", "YQ=="}}, Data: "m"}},
		{"empty value is no property", "::error file=,line=1::m", Command{Name: "error", Props: Props{{"line", "1"}}, Data: "m"}},
		{"key without value is no property", "::error file,line=1::m", Command{Name: "error", Props: Props{{"line", "1"}}, Data: "m"}},
		{"leading equals vanish", "::error =title==x::m", Command{Name: "error", Props: Props{{"title", "x"}}, Data: "m"}},
		{"escaped data", "::error::a%0Ab%0Dc%25d%3Ae%2Cf", Command{Name: "error", Data: "a\nb\rc%d%3Ae%2Cf"}},
		{"escaped property", "::error title=a%0Ab%0Dc%25d%3Ae%2Cf::m", Command{Name: "error", Props: Props{{"title", "a\nb\rc%d:e,f"}}, Data: "m"}},
		{"percent last", "::error::100%250Aend", Command{Name: "error", Data: "100%0Aend"}}, // act's bug 9
		{"percent last in a property", "::error title=%253A::m", Command{Name: "error", Props: Props{{"title", "%3A"}}, Data: "m"}},
		{"lower-case escapes are text", "::error::a%0ab", Command{Name: "error", Data: "a%0ab"}},

		{"v1", "##[error]m", Command{Name: "error", Data: "m", V1: true}},
		{"v1 anywhere", "12:00 ##[warning]m", Command{Name: "warning", Data: "m", V1: true}},
		{"v1 properties", "##[error file=a,b;line=3]m", Command{Name: "error", Props: Props{{"file", "a,b"}, {"line", "3"}}, Data: "m", V1: true}},
		{"v1 escapes", "##[error title=a%3Bb%5Dc%0Ad%25e%3A]x%3By%5Dz%2C", Command{Name: "error", Props: Props{{"title", "a;b]c\nd%e%3A"}}, Data: "x;y]z%2C", V1: true}},
		{"v1 percent last", "##[error]%250A", Command{Name: "error", Data: "%0A", V1: true}},
		{"v1 no end", "##[error m", Command{}},
		{"v1 unknown", "##[section]m", Command{}},
		{"v1 only the first counts", "##[section]##[error]m", Command{}},
		{"v2 before v1", "::error::##[warning]m", Command{Name: "error", Data: "##[warning]m"}},
		{"v1 after what is no v2", "::nothing:: ##[error]m", Command{Name: "error", Data: "m", V1: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 { // act decoded differently from run to run
				got, ok := Parse(tt.line)
				if ok != (tt.want.Name != "") || got.Name != tt.want.Name || got.Data != tt.want.Data || got.V1 != tt.want.V1 || !slices.Equal(got.Props, tt.want.Props) {
					t.Fatalf("Parse(%q) = %+v, %v; want %+v", tt.line, got, ok, tt.want)
				}
			}
		})
	}
}

func TestKnown(t *testing.T) {
	for _, name := range []string{"set-env", "add-path", "set-output", "save-state", "add-mask", "debug", "error", "warning", "notice",
		"group", "endgroup", "echo", "stop-commands", "add-matcher", "remove-matcher", "internal-set-repo-path"} {
		if !Known(name) || !Known(strings.ToUpper(name)) {
			t.Errorf("%q is not known", name)
		}
	}
	for _, name := range []string{"", "command", "section", "start-action", "set_output"} {
		if Known(name) {
			t.Errorf("%q is known", name)
		}
	}
}

func TestPropsLookup(t *testing.T) {
	c, _ := Parse("::error File=a,file=b::m")
	if v, ok := c.Props.Lookup("FILE"); v != "b" || !ok {
		t.Errorf("Lookup = %q, %v: the last one wins, case is ignored", v, ok)
	}
	if _, ok := c.Props.Lookup("line"); ok {
		t.Error("found a property that is not there")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("::error file=a,line=1::m%250A")
	f.Add("  ##[warning title=x;y]z")
	f.Fuzz(func(t *testing.T, line string) {
		one, ok := Parse(line)
		two, again := Parse(line)
		if ok != again || one.Data != two.Data || !slices.Equal(one.Props, two.Props) {
			t.Fatalf("Parse(%q) differs from call to call", line)
		}
		if ok != (one.Name != "") || ok && !Known(one.Name) {
			t.Fatalf("Parse(%q) = %+v, %v", line, one, ok)
		}
		// What @actions/core writes must come back.
		escaped := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(line)
		if c, ok := Parse("::debug::" + escaped); !ok || c.Data != line {
			t.Fatalf("data %q came back as %q", line, c.Data)
		}
		property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(line)
		if c, ok := Parse("::debug title=x" + property + "::"); !ok {
			t.Fatalf("property %q made the line no command", line)
		} else if v, _ := c.Props.Lookup("title"); strings.TrimSpace(v) != strings.TrimSpace("x"+line) { // the end is trimmed
			t.Fatalf("property %q came back as %q", line, v)
		}
		s := NewScanner(Options{})
		out := s.Line(line)
		if !Marked(line) && (out.Consumed() || out.Echo != line) {
			t.Fatalf("Line(%q) = %+v, but the line is not marked", line, out)
		}
		if out.Consumed() != (ok && !strings.EqualFold(one.Name, nameSetRepoPath)) {
			t.Fatalf("Line(%q) = %+v, but Parse says %v", line, out, ok)
		}
		switch out.Effect.(type) {
		case SetEnv, AddPath:
			t.Fatalf("Line(%q) changes the environment", line)
		}
	})
}
