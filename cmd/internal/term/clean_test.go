package term

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, in, colour, plain string }{
		{"plain", "a b\tc ~", "a b\tc ~", "a b\tc ~"},
		{"unicode", "grün 日本 ✓", "grün 日本 ✓", "grün 日本 ✓"},
		{"colour", "\x1b[1;31mred\x1b[0m x", "\x1b[1;31mred\x1b[0m x", "red x"},
		{"open colour", "\x1b[38;5;9mred", "\x1b[38;5;9mred\x1b[0m", "red"},
		{"true colour", "\x1b[38:2::1:2:3mx\x1b[m", "\x1b[38:2::1:2:3mx\x1b[m", "x"},
		{"move and erase", "a\x1b[2J\x1b[1;1H\x1b[Kb", "ab", "ab"},
		{"private m", "a\x1b[>4;2mb\x1b[?1mc", "abc", "abc"},
		{"intermediate m", "a\x1b[1 mb", "ab", "ab"},
		{"alternate screen", "\x1b[?1049hx", "x", "x"},
		{"title", "\x1b]0;owned\x07x\x1b]2;owned\x1b\\y", "xy", "xy"},
		{"clipboard without an end", "x\x1b]52;c;aGk=", "x", "x"},
		{"link", "\x1b]8;;http://e\x1b\\text\x1b]8;;\x1b\\", "text", "text"},
		{"device control", "\x1bP$q m\x1b\\x\x1b_apc\x1b\\y\x1b^pm\x1b\\z\x1bXsos\x1b\\.", "xyz.", "xyz."},
		{"reset", "\x1bcx\x1b7\x1b8y\x1b(0z", "xyz", "xyz"},
		{"eight bit", "\u009b2Jx\u009d0;t\u009cy\u0085z\u0090q\x1b\\.", "xyz.", "xyz."},
		{"escape before colour", "\x1b\x1b[31mx", "\x1b[31mx\x1b[0m", "x"},
		{"put together", "\x1b[\x1b[0m31mx", "\x1b[0m31mx", "31mx"},
		{"ends early", "x\x1b", "x", "x"},
		{"ends in parameters", "x\x1b[31", "x", "x"},
		{"control characters", "a\x00b\x07c\bd\x7fe\x0bf", "abcdef", "abcdef"},
		{"carriage returns", "1%\r 2%\r\r", " 2%", " 2%"},
		{"overwritten", "a\rb", "b", "b"},
		{"broken", "a\xffb\xc2", "a\ufffdb\ufffd", "a\ufffdb\ufffd"},
		{"raw eight bit", "a\x9b2Jb", "a\ufffd2Jb", "a\ufffd2Jb"},
		{"separators", "a\u2028b", "a b", "a b"},
		{"very long", "\x1b[" + strings.Repeat("1;", 40) + "mx", "x", "x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := clean(tc.in, true); got != tc.colour {
				t.Errorf("with colours %q, want %q", got, tc.colour)
			}
			if got := clean(tc.in, false); got != tc.plain {
				t.Errorf("without colours %q, want %q", got, tc.plain)
			}
		})
	}
	if got, want := flat(" a\r\nb\tc\x1b[1m\n"), "a b c"; got != want {
		t.Errorf("flat is %q, want %q", got, want)
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a\x1b[31mb\x1b[0m", "\x1b]0;t\x07", "\x1b\x1b[[m", "\u009b1m", "\xc2\x1b[m\x9b", "\x1b[\x1b]\x9c", "a\r\x1b[\r31m", "日本\tx"} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, columns int) {
		for _, colour := range []bool{false, true} {
			got := clean(s, colour)
			if !utf8.ValidString(got) {
				t.Fatalf("%q is no UTF-8", got)
			}
			if colour {
				if all := sgr.FindAllString(got, -1); len(all) > 0 && !regexp.MustCompile(`^\x1b\[0*m$`).MatchString(all[len(all)-1]) && !strings.HasSuffix(got, reset) {
					t.Fatalf("%q leaves a colour", got)
				}
				got = sgr.ReplaceAllString(got, "")
			}
			for _, r := range got {
				if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
					t.Fatalf("%q of %q has a control character", got, s)
				}
			}
			if again := clean(got, false); again != got {
				t.Fatalf("%q becomes %q when it is cleaned again", got, again)
			}
		}
		columns = max(0, min(columns, 1000))
		text := untab(clean(s, false))
		if short := cut(text, columns, "…"); width(short) > columns {
			t.Fatalf("%q is cut to %d columns: %q has %d", text, columns, short, width(short))
		}
		if n := width(pad(text, columns)); n < columns {
			t.Fatalf("%q is filled to %d columns, not %d", text, n, columns)
		}
		if strings.ContainsAny(flat(s), "\n\t\r\x1b") {
			t.Fatalf("flat leaves %q", flat(s))
		}
	})
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		in      string
		columns int
		want    string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"ab", 1, "…"}, {"ab", 0, ""}, {"", 0, ""}, {"❤️❤️", 4, "❤️❤️"}, {"e\u0301e\u0301", 2, "e\u0301e\u0301"},
	} {
		if got := cut(tc.in, tc.columns, "…"); got != tc.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tc.in, tc.columns, got, tc.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]string{
		-1: "0.0 s", 0.04: "0.0 s", 12.34: "12.3 s", 59.94: "59.9 s", 59.96: "1 min 00 s", 75.2: "1 min 15 s",
		3599.4: "59 min 59 s", 3599.6: "1 h 00 min", 3700: "1 h 02 min", 90000: "25 h 00 min",
	} {
		if got := seconds(s); got != want {
			t.Errorf("seconds(%v) = %q, want %q", s, got, want)
		}
	}
}

func TestDetect(t *testing.T) {
	for _, tc := range []struct {
		tty  bool
		env  map[string]string
		want bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"NO_COLOR": ""}, true},
		{true, map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, false},
		{false, map[string]string{"CLICOLOR_FORCE": "1"}, true},
		{false, map[string]string{"CLICOLOR_FORCE": "0"}, false},
		{true, map[string]string{"CLICOLOR": "0"}, false},
		{true, map[string]string{"TERM": "dumb"}, false},
		{true, map[string]string{"TERM": "dumb", "CLICOLOR_FORCE": "1"}, true},
	} {
		lookup := func(name string) (string, bool) {
			v, ok := tc.env[name]
			return v, ok
		}
		if got := DetectColor(tc.tty, lookup); got != tc.want {
			t.Errorf("terminal %v with %v: colour %v, want %v", tc.tty, tc.env, got, tc.want)
		}
	}
	if DetectTTY(nil, func(string) (string, bool) { return "", false }) {
		t.Error("nothing is a terminal")
	}
}
