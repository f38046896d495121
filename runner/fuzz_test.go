package runner

import (
	"strings"
	"testing"
)

func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{"", "a b", `a "b c" 'd'`, `\`, `"`, "a\tb\nc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := splitWords(s)
		if err != nil {
			return
		}
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		again, err := splitWords(strings.Join(quoted, " "))
		if err != nil || strings.Join(again, "\x00") != strings.Join(words, "\x00") {
			t.Errorf("%q gives %q, quoted %q, %v", s, words, again, err)
		}
	})
}

func FuzzShell(f *testing.F) {
	for _, s := range []string{"", "bash", "perl {0}", "bash -x {0} {{a}}", `ruby "{0}"`, " {0}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sh, err := shellOf(s, false, false)
		if err != nil {
			return
		}
		if argv := sh.argv("/f"); len(argv) == 0 || argv[0] == "" {
			t.Errorf("%q gives %q", s, argv)
		}
	})
}
