package command

import (
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
)

func TestNeedles(t *testing.T) {
	tests := []struct{ expr, want string }{
		{`^\s*(\.{0,2}[\/\\].+\.go):(?:(\d+):(\d+):)? (.*)`, ".go & : & _"}, // actions/setup-go
		{`^(?:\s+\d+\>)?([^\s].*)\((\d+),(\d+)\)\s*:\s+(error|warning|info)\s+(\w{1,2}\d+)\s*:\s*(.*)$`, "error|warning|info & ( & , & ) & :"},
		{`^(.+):\sline\s(\d+),\scol\s(\d+),\s(Error|Warning|Info)\s-\s(.+)\s\((.+)\)$`, "line & Error|Warning|Info & col & : & , & - & ( & )"},
		{`^(error)(\[E\d+\])?: (.*)$`, "error & :_"},
		{`abc+`, "ab & c"},
		{`(abc){2,}`, "abc"},
		{`(abc)?`, ""},
		{`a|`, ""},
		{`(.*)`, ""},
		{`(?i)error`, ""},
		{`(?!x)error`, ""},
		{`\berror\b`, "error"},
		{`\x41bcd`, ""},
		{`(?<name>error)`, ""},
		{`[error]`, ""},
		{`(ab|cd)(ef|gh)`, "abef|abgh|cdef|cdgh"},
		{`(ab.*c|d)e`, "ab|d & e"},
		{``, ""},
	}
	for _, tt := range tests {
		var lists []string
		for _, list := range needlesOf(tt.expr) {
			lists = append(lists, strings.ReplaceAll(strings.Join(list, "|"), " ", "_"))
		}
		if got := strings.Join(lists, " & "); got != tt.want {
			t.Errorf("%s: needles %s, want %s", tt.expr, got, tt.want)
		}
	}
}

// FuzzNeedles: a line without a needle does not match.
func FuzzNeedles(f *testing.F) {
	for _, e := range []string{`^(.*)\.go:(\d+)$`, `(error|warn(ing)?)x?: `, `a{2,3}b*c`, `(a|b)(c|d)|e`, `[^\s]x\/y`, `(^|,)ab($|x)`} {
		f.Add(e, "x.go:1 error: aabc,ab")
	}
	f.Fuzz(func(t *testing.T, expr, line string) {
		if len(expr) > 100 || len(line) > 200 || strings.Count(expr, "*")+strings.Count(expr, "+")+strings.Count(expr, "{") > 4 {
			return // regexp2 may take very long
		}
		re, err := regexp2.Compile(expr, regexp2.ECMAScript)
		if err != nil {
			return
		}
		re.MatchTimeout = matchTimeout
		needles := needlesOf(expr)
		if needles.in(line) {
			return
		}
		if ok, err := re.MatchString(line); err == nil && ok {
			t.Fatalf("%q matches %q, which has none of %q", expr, line, needles)
		}
	})
}
