package artifact

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanPath(t *testing.T) {
	for _, test := range []struct{ path, want string }{
		{"a", "a"}, {"a/b c/d.txt", "a/b c/d.txt"}, {`a\b\c`, "a/b/c"}, {"..a/b..", "..a/b.."}, {"größe/名前", "größe/名前"},
		{"", ""}, {"/", ""}, {"/a", ""}, {"a/", ""}, {"a//b", ""}, {".", ""}, {"..", ""}, {"a/..", ""}, {`a\..\b`, ""}, {"C:/a", ""},
		{"a\x00b", ""}, {"a\nb", ""}, {"a/\xff", ""}, {strings.Repeat("a/", 3000) + "a", ""},
	} {
		got, err := cleanPath(test.path)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("cleanPath(%.40q) = %.40q, %v, want %q", test.path, got, err, test.want)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"a/b", `a\b`, "../a", "a/../b", "a/./b", "/a", "C:\\a", "a/\x00", "ä/é", "a//b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := cleanPath(text)
		if err != nil {
			return
		}
		if got != path.Clean(got) || path.IsAbs(got) || strings.ContainsAny(got, "\\\x00\r\n:") || !utf8.ValidString(got) {
			t.Errorf("%q becomes %q", text, got)
		}
		for part := range strings.SplitSeq(got, "/") {
			if part == ".." || part == "" {
				t.Errorf("%q becomes %q", text, got)
			}
		}
		if again, err := cleanPath(got); again != got || err != nil {
			t.Errorf("%q becomes %q, and that %q (%v)", text, got, again, err)
		}
	})
}
