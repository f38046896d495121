package workflow

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameAsLibrary reads src both ways and tells whether the quick one did.
func sameAsLibrary(t *testing.T, src []byte, limits Limits) bool {
	t.Helper()
	got := readQuick(src, limits)
	if got == nil {
		return false
	}
	r := newReport("f.yml")
	want := readWhole(r, src, limits)
	if len(r.found) > 0 {
		t.Fatalf("read what is wrong: %v\n%s", r.found, src)
	}
	if reflect.DeepEqual(want, got) {
		return true
	}
	if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
		t.Fatalf("not the nodes of the library (-library +quick):\n%s\n%s", d, src)
	}
	return true
}

// quickly are texts that are read without the library, and slowly those that
// are left to it.
var (
	quickly = []string{
		"a: b\n",
		"a: b",
		"\n# c\n---\n# d\na: b # e\n  # f\nc:  d  \n# g",
		"  a: b\n  c: d\n",
		"- a\n- - b\n  - c\n-\n  - d\n-\n- e: f\n  g: h\n-   i: j\n    k:\n",
		"a:\n- b\n-\n- c:\n  - d\ne:\n  - f\n",
		"a: ~\nb: true\nc: -3.10\nd: .inf\ne: 0x1F\nf: 'true'\ng: on\nh: .nan\n",
		"'a b': \"c # d: e\" # f\n\"g\": 'it''s'\nh: \"a\\n\\t\\\"\\\\b\"\ni: ''\nj: \"\"\n",
		"a: http://b#c:d\nb: --x\n\"c:d\": e:f\n${{ insert }}: ${{ a }}\n${{ insert }}: ${{ b }}\n",
		"a: |\n\n  b\n\n   c\n  \td: 1\n",
		"a: |\n  b\n",
		"a: |-\n  b\n\n\n# c\nd: |+ # e\n    f\n  \n\ng: >\n  h\n  i\n\n  j\n    k\n  \tl\n  m\n\n\nn: >-\n o\n p\nq: >+\n r\n\n",
		"a: |\n  b  \n    \n  c",
		"- |\n a\n- b: |\n   c\n  d: e\n",
		"a: [b, 'c', \"d\", 1, [e], {f: g}, {}, []]\nh: [\n  i,  # j\n\n# k\nl, ] # m\nn: { o: p, 'q': [r],\n s: t }\n",
		"a: [b c, d:e, -1, a*]\n",
		"ä: [ö, ü] # ß\nb: ['é', x]\n'日本': y\n🚀: {🚀: 🚀, b: c}\n",
		"a: b#c\n",
		"a:\n  b\nc:\n  [d,\n  e]\nf:\n    'g'\nh:\n  |\n  i\nj:\n- # k\n  l\n-\n  {m: n}\n",
		"- #a\n  b: c\n", "a: #b\n  c\n",
		strings.Repeat("a", 900) + ": b\n",
	}
	slowly = []string{
		"", "\n", "# a\n", "a", "a: b\n---\nc: d\n", "--- a: b\n", "a: b\n...\n", "%YAML 1.2\n---\na: b\n", "---\n---\na: b\n",
		"a: b\n  c\n", "a: b\n  c: d\n", "a:\n    b: c\n  d: e\n", "a: b: c\n", "a: - b\n", "a: b:\n", "a: - \n",
		"a: &b c\nd: *b\n", "a: !!str b\n", "? a\n: b\n", "<<: {a: b}\n", "a: {<<: b}\n", "a: 1\nA: 2\n", "a: {b: 1, B: 2}\n", "1: a\ntrue: b\n",
		"a:\tb\n", "a: b\t\n", "\ta: b\n", "a: b\r\nc: d\r\n", "\ufeffa: b\n", "a: \u0085\n", "a: \u2028b\n", "a: \xff\n", "a: \x00\n",
		"a: 'b\n  c'\n", "a: \"b\\\n  c\"\n", "a: \"\\x41\"\n", "a: 'b'c\n", "a: 'b'#c\n", "a: 'b' c\n", "a: \"b\n",
		"a: |2\n    b\n", "a: |\nb: c\n", "a: |\n    \n  b\n", "a: |\n \tb\n", "a: | b\n", "a: |#b\n", "a: |\n\tb\n", "a: |\n  b\n c\n", "a: |\n  b\n  ",
		"a: [b\n", "a: [b] c\n", "a: [b]#c\n", "a: [b: c]\n", "a: [b\n c]\n", "a: {b}\n", "a: {b: , c: d}\n", "a: [,]\n", "a: [-]\n", "a: [? b]\n", "a: [b#c]\n", "a: [#b\n]\n",
		"a: {\"b\":c}\n", "[a]: b\n", "a: [b\n---\n]\n", "a: [\n\tb]\n", "a: ${{ b }}: c\n", "a: [${{ b }}]\n", "a: %b\n", "a: @b\n", "a: `b`\n", "a: 0x1FFFFFFFF\n",
		"- a:\n  - b\n - c\n", "- a\nb: c\n", "a: b\n- c\n", strings.Repeat("a", 1100) + ": b\n", strings.Repeat("- ", 60) + "a\n", "a: " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\n",
		"- ? a\n", "- : a\n",
	}
)

func TestQuick(t *testing.T) {
	for _, in := range quickly {
		if !sameAsLibrary(t, []byte(in), Limits{}.orDefault()) {
			t.Errorf("left to the library: %q", in)
		}
	}
	for _, in := range slowly {
		if sameAsLibrary(t, []byte(in), Limits{}.orDefault()) {
			t.Errorf("not left to the library: %q", in)
		}
	}
}

// TestQuickTokens: texts of YAML's own tokens in any order.
func TestQuickTokens(t *testing.T) {
	tokens := []string{
		"a", "b", "c d", "1", "é", "${{ e }}", "<<", "~", " ", " ", "  ", "   ", "\n", "\n", "\n  ", "\n ", "\n    ", ": ", ": ", "a: ", "b:\n", ":", "- ", "- ", "-", "---",
		"#", " # f", "'", "''", "\"", "'g'", "\"h\"", "\\", "|", "|\n  ", ">\n  ", "|-\n ", ">+\n ", "+", "[", "]", "{", "}", ", ", ",", "[a, b]", "{a: b}", "?", "*", "&", "!", "%", "\t", "...",
	}
	count, seed := 30_000, uint64(1) // QUICK_COUNT asks for as many others
	if n, err := strconv.Atoi(os.Getenv("QUICK_COUNT")); err == nil {
		count, seed = n, uint64(time.Now().UnixNano())
	}
	random := rand.New(rand.NewPCG(seed, 2))
	read := 0
	for range count {
		var b strings.Builder
		if random.IntN(2) == 0 {
			b.WriteString([]string{"a: ", "- ", "a:\n  ", "a:\n- ", "- a: ", "a: [", "a: {", "a: |\n", "a: >\n"}[random.IntN(9)])
		}
		for range 1 + random.IntN(16) {
			b.WriteString(tokens[random.IntN(len(tokens))])
		}
		if sameAsLibrary(t, []byte(b.String()), Limits{}.orDefault()) {
			read++
		}
	}
	if read < count/50 {
		t.Errorf("only %d of %d were read", read, count)
	}
	t.Logf("read %d of %d", read, count)
}

// TestQuickLimits: a file that is too large in one way is left to the library,
// which reports it, before much memory is used.
func TestQuickLimits(t *testing.T) {
	for _, in := range []string{strings.Repeat("- a\n", 30), "[" + strings.Repeat("a, ", 30) + "]", "- [" + strings.Repeat("a, ", 30) + "]", "a: b\n" + strings.Repeat("-", 40)} {
		if readQuick([]byte(in), Limits{Nodes: 20, Depth: 50}) != nil {
			t.Errorf("read %q", in)
		}
	}
	deep := []byte("a:\n - b:\n    - [c, {d: e}]\n")
	if sameAsLibrary(t, deep, Limits{Depth: 5, Nodes: 100}) || !sameAsLibrary(t, deep, Limits{Depth: 6, Nodes: 100}) {
		t.Error("the limit of depth is not the library's")
	}
}

// TestQuickTime: a long line costs no more than many short ones.
func TestQuickTime(t *testing.T) {
	read := func(src []byte) time.Duration {
		began := time.Now()
		if readQuick(src, Limits{}.orDefault()) == nil {
			t.Fatal("left to the library")
		}
		return time.Since(began)
	}
	for _, part := range []string{"éééééééé, ", "{é: é}, ", "'é', "} {
		long := []byte("a: [" + strings.Repeat(part, 9000) + "]\n")
		short := []byte("a: [" + strings.Repeat(part+"\n ", 9000) + "]\n")
		// A machine that does other things at the same time gets more tries.
		for end := time.Now().Add(30 * time.Second); ; {
			one, many := read(long), read(short)
			if one <= 10*many {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%q: %s, in many lines %s", part, one, many)
				break
			}
		}
		sameAsLibrary(t, long, Limits{}.orDefault())
	}
}

func FuzzQuick(f *testing.F) {
	f.Add([]byte(everything))
	for _, in := range append(quickly, slowly...) {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		sameAsLibrary(t, src, Limits{Nodes: 1000, Depth: 12}.orDefault())
	})
}

// TestQuickReads: the workflows that people write are read without the library.
func TestQuickReads(t *testing.T) {
	shared := os.Getenv("DRYDOCK_SHARED")
	if shared == "" {
		t.Skip("DRYDOCK_SHARED is not set")
	}
	files, read := 0, 0
	root := filepath.Join(shared, "suites/real-workflows/workflows")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if sameAsLibrary(t, src, Limits{}.orDefault()) {
			read++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d are read", read, files)
	if read < files*9/10 {
		t.Errorf("only %d of %d are read", read, files)
	}
}
