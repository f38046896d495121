package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestMask(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		in     string
		want   string
	}{
		{"nothing registered", nil, "plain", "plain"},
		{"blank values are ignored", []string{"", "  ", "\n\t"}, "a b\nc", "a b\nc"},
		{"once", []string{"hunter2"}, "pw=hunter2!", "pw=***!"},
		{"whole text", []string{"hunter2"}, "hunter2", "***"},
		{"trimmed", []string{"  hunter2\n"}, "x hunter2 y", "x *** y"},
		{"case counts", []string{"hunter2"}, "Hunter2", "Hunter2"},
		{"one letter", []string{"a"}, "banana", "b***n***n***"},
		{"adjacent become one", []string{"abc", "def"}, "xabcdefy", "x***y"},
		{"same value twice in a row", []string{"abc"}, "abcabc", "***"},
		{"overlapping become one", []string{"abcd", "cdef"}, "xabcdefy", "x***y"},
		{"self overlap", []string{"aba"}, "ababa", "***"},
		{"contained", []string{"secretive", "cret"}, "secretive cret secr", "*** *** secr"},
		{"a long prefix that fails hides no short match", []string{"abcdefgh", "bcd"}, "abcdefg", "a***efg"},
		{"not adjacent stay apart", []string{"abc"}, "abc abc", "*** ***"},
		{"multi-line whole", []string{"line1\nline2"}, "x line1\nline2 y", "x *** y"},
		{"multi-line by line", []string{"first part\n\n  second part\r\n"}, "a first part b second part c", "a *** b *** c"},
		{"value of asterisks", []string{"**"}, "a**b", "a***b"},
		{"invalid UTF-8", []string{"\xff\xfe"}, "a\xff\xfeb", "a***b"},
		{"quoted value without quotes", []string{`"longvalue"`}, "longvalue", "***"},
		{"short quoted value keeps quotes", []string{`"abcdef"`}, `abcdef "abcdef"`, `abcdef ***`},
		{"quoted lines in a stream", []string{"\"first one\nsecond one\""}, "first one / second one", "*** / ***"},
		{"PowerShell sections", []string{"secretpart1&secretpart2&secretpart3"}, "secretpart1&secretpart2& secretpart3", "*** ***"},
		{"PowerShell plus", []string{"secretpart1&+secretpart2"}, "secretpart1&+ s ecretpart2", "*** s ***"},
		{"PowerShell short sections stay", []string{"a&bcdef"}, "bcdef", "bcdef"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := New(tt.values...)
			if got := m.Mask(tt.in); got != tt.want {
				t.Errorf("Mask(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if got, want := m.Contains(tt.in), tt.in != tt.want; got != want {
				t.Errorf("Contains(%q) = %v, want %v", tt.in, got, want)
			}
		})
	}
}

// TestEncodings prints a canary in the ways that programs do; nothing of it may stay.
func TestEncodings(t *testing.T) {
	const canary = `p"a's<s>&w\o rd/+$%ü` + "`"
	m := New(canary)
	jsonText, _ := json.Marshal(canary)
	std, raw := base64.StdEncoding, base64.RawStdEncoding
	tests := map[string]string{
		"plain":                 canary,
		"base64":                std.EncodeToString([]byte(canary)),
		"base64 raw":            raw.EncodeToString([]byte(canary)),
		"base64 url":            base64.URLEncoding.EncodeToString([]byte(canary)),
		"base64 raw url":        base64.RawURLEncoding.EncodeToString([]byte(canary)),
		"json Go":               string(jsonText[1 : len(jsonText)-1]),
		"json JavaScript":       `p\"a's<s>&w\\o rd/+$%ü` + "`",
		"json Python":           `p\"a's<s>&w\\o rd/+$%\u00fc` + "`",
		"query":                 url.QueryEscape(canary),
		"path":                  url.PathEscape(canary),
		"encodeURIComponent":    "p%22a's%3Cs%3E%26w%5Co%20rd%2F%2B%24%25%C3%BC%60",
		"lower-case percent":    "p%22a%27s%3cs%3e%26w%5co%20rd%2f%2b%24%25%c3%bc%60",
		"xml":                   "p&quot;a&apos;s&lt;s&gt;&amp;w\\o rd/+$%ü`",
		"xml numbers":           "p&#34;a&#39;s&lt;s&gt;&amp;w\\o rd/+$%ü`",
		"xml text":              "p\"a's&lt;s&gt;&amp;w\\o rd/+$%ü`",
		"shell single":          `p"a'\''s<s>&w\o rd/+$%ü` + "`",
		"shell single in quote": `p"a'"'"'s<s>&w\o rd/+$%ü` + "`",
		"shell double":          `p\"a's<s>&w\\o rd/+\$%ü` + "\\`",
		"command line":          `p\"a's<s>&w\o rd/+$%ü` + "`",
		"expression":            `p"a''s<s>&w\o rd/+$%ü` + "`",
		"hex":                   "7022612773",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if name == "hex" {
				m := New(`p"a's`)
				for _, h := range []string{text, strings.ToUpper(text)} {
					if got := m.Mask(h); got != "***" {
						t.Errorf("Mask(%q) = %q", h, got)
					}
				}
				return
			}
			if got := m.Mask("<<" + text + ">>"); got != "<<***>>" {
				t.Errorf("Mask(%q) = %q", text, got)
			}
		})
	}
}

func TestBase64InsideLongerText(t *testing.T) {
	const secret = "correct-horse-battery"
	m := New(secret)
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		for before := range 7 {
			for after := range 7 {
				text := enc.EncodeToString([]byte(strings.Repeat("\xfb", before) + secret + strings.Repeat("\xfb", after)))
				got := m.Mask(text)
				if strings.Count(got, Replacement) != 1 {
					t.Fatalf("%d bytes before, %d after: Mask(%q) = %q", before, after, text, got)
				}
				head, tail, _ := strings.Cut(got, Replacement)
				if len(head) > (before*8+5)/6 {
					t.Errorf("%d bytes before: head %q shows secret bits", before, head)
				}
				if after == 0 && tail != "" {
					t.Errorf("value at the end: tail %q stays", tail)
				}
			}
		}
	}
	if got := m.Mask("Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+secret))); strings.Contains(got, "YmF0dGVy") {
		t.Errorf("basic authorization shows the token: %q", got)
	}
}

func TestWrappedBase64(t *testing.T) {
	secret := strings.Repeat("0123456789abcdefXYZ", 12)
	m := New(secret)
	text := base64.StdEncoding.EncodeToString([]byte(secret))
	for _, width := range []int{64, 76} {
		for rest := text; rest != ""; rest = rest[min(width, len(rest)):] {
			if line := rest[:min(width, len(rest))]; m.Mask(line) != "***" {
				t.Errorf("line of width %d stays: %q", width, line)
			}
		}
	}
}

func TestShortValuesDoNotMaskOrdinaryText(t *testing.T) {
	m := New("ab")
	const text = "The quick YW brown dog; 6162"
	if got := m.Mask(text); got != text {
		t.Errorf("fragments of a short value mask text: %q", got)
	}
}

func TestValues(t *testing.T) {
	m := New("one", "", "two\nlines")
	m.Add("one", " three ")
	want := []string{"one", "two\nlines", " three "}
	if got := m.Values(); !slices.Equal(got, want) {
		t.Errorf("Values() = %q, want %q", got, want)
	}
	again := New(m.Values()...)
	if got := again.Mask("one lines three"); got != "*** *** ***" {
		t.Errorf("after a restore: %q", got)
	}
}

func TestAddCountsAtOnce(t *testing.T) {
	m := &Masker{}
	if got := m.Mask("token"); got != "token" {
		t.Fatalf("zero value masks: %q", got)
	}
	m.Add("token")
	if got := m.Mask("token"); got != "***" {
		t.Errorf("after Add: %q", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	m := New("start")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				value := strings.Repeat(string(rune('a'+i)), 5) + strings.Repeat(string(rune('a'+j%26)), 3)
				m.Add(value)
				if got := m.Mask("<" + value + ">"); got != "<***>" {
					t.Errorf("Mask(%q) = %q", value, got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestWriter(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		writes []string
		want   []string // output after each write, then after Close
	}{
		{"passes through", nil, []string{"a", "b\n"}, []string{"a", "ab\n", "ab\n"}},
		{"split value", []string{"secret"}, []string{"a sec", "ret b\n"}, []string{"a ", "a *** b\n", "a *** b\n"}},
		{"false start is released", []string{"secret"}, []string{"sec", "tor"}, []string{"", "sector", "sector"}},
		{"end of stream releases", []string{"secret"}, []string{"x sec"}, []string{"x ", "x sec"}},
		{"newline releases", []string{"secret"}, []string{"sec\nret"}, []string{"sec\nret", "sec\nret"}},
		{"complete value shows at once", []string{"secret"}, []string{"secret", "!"}, []string{"***", "***!", "***!"}},
		{"adjacent over writes", []string{"abc"}, []string{"abc", "abc", "abc\n"}, []string{"***", "***", "***\n", "***\n"}},
		{"multi-line by line", []string{"line one\nline two"}, []string{"line one\nli", "ne two\n"}, []string{"***\n", "***\n***\n", "***\n***\n"}},
		{"CRLF", []string{"one1\r\ntwo2"}, []string{"one1\r\ntwo2\r\n"}, []string{"***\r\n***\r\n", "***\r\n***\r\n"}},
		{"longer value follows", []string{"abc", "abcdef"}, []string{"abc", "def", "g"}, []string{"***", "***", "***g", "***g"}},
		{"byte by byte", []string{"aab"}, []string{"a", "a", "a", "b", "c"}, []string{"", "", "a", "a***", "a***c", "a***c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			w := New(tt.values...).Writer(&out)
			for i, text := range tt.writes {
				n, err := w.Write([]byte(text))
				if err != nil || n != len(text) {
					t.Fatalf("Write(%q) = %d, %v", text, n, err)
				}
				if out.String() != tt.want[i] {
					t.Fatalf("after write %d: %q, want %q", i, out.String(), tt.want[i])
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want[len(tt.writes)] {
				t.Fatalf("after Close: %q, want %q", out.String(), tt.want[len(tt.writes)])
			}
		})
	}
}

func TestWriterSeesValuesAddedMidLine(t *testing.T) {
	var out bytes.Buffer
	m := New("other", "tokenize")
	w := m.Writer(&out)
	w.Write([]byte("a token"))
	m.Add("token-1")
	w.Write([]byte("-1 b"))
	w.Close()
	if got := out.String(); got != "a *** b" {
		t.Errorf("got %q", got)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterReportsFailure(t *testing.T) {
	for _, m := range []*Masker{New(), New("x")} {
		if _, err := m.Writer(failing{}).Write([]byte("line\n")); err == nil {
			t.Error("no error")
		}
	}
}

// byLine is what a Writer must produce.
func byLine(m *Masker, s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = m.Mask(lines[i])
	}
	return strings.Join(lines, "\n")
}

func FuzzMask(f *testing.F) {
	f.Add("secret", "two\nlines", "a secret two\nlines b", uint8(3))
	f.Add("aab", "aba", "aabaabaab", uint8(1))
	f.Add("\"quoted value\"", "b", "x\r\nb", uint8(0))
	f.Add("sec\\ret", "k\"e\"y", "a \x1b[1msec\x1b[0m\\ret k\\\"e\\\"y %25\\u00e9\\ud83d\\ude00", uint8(5))
	f.Fuzz(func(t *testing.T, one, two, text string, step uint8) {
		text = text + one + text + two
		m := New(one, two)
		whole := m.Mask(text)
		for _, v := range []string{one, two} {
			v = strings.TrimSpace(v)
			// A value with an asterisk can be built by the replacement itself.
			if v == "" || strings.Contains(v, "*") {
				continue
			}
			if strings.Contains(whole, v) {
				t.Fatalf("Mask(%q) = %q shows %q", text, whole, v)
			}
		}
		shown := m.MaskShown(text)
		for _, v := range []string{one, two} {
			if v = strings.TrimSpace(v); v != "" && !strings.Contains(v, "*") && strings.Contains(shown, v) {
				t.Fatalf("MaskShown(%q) = %q shows %q", text, shown, v)
			}
		}
		if whole != text && !m.Contains(text) && !strings.Contains(text, "*") {
			t.Fatalf("Contains(%q) finds nothing, but Mask gives %q", text, whole)
		}
		if m.Contains(text) != (shown != text) && !strings.Contains(text, "*") {
			t.Fatalf("Contains(%q) = %v, but MaskShown gives %q", text, m.Contains(text), shown)
		}
		var out bytes.Buffer
		w := m.Writer(&out)
		for rest := text; rest != ""; {
			n := min(int(step)%7+1, len(rest))
			w.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		w.Close()
		if want := byLine(m, text); out.String() != want {
			t.Fatalf("stream %q (steps of %d) = %q, want %q", text, int(step)%7+1, out.String(), want)
		}
		for _, v := range []string{one, two} {
			for _, line := range appendLines([]string{strings.TrimSpace(v)}, strings.TrimSpace(v)) {
				if line != "" && !strings.Contains(line, "*") && strings.Contains(out.String(), line) {
					t.Fatalf("stream shows %q: %q", line, out.String())
				}
			}
		}
	})
}
