package runner

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner/mask"
)

// printed is what a step's output becomes.
type printed struct {
	*output
	x      *execution
	lines  []Line
	events []Event
}

func printer(secrets ...string) *printed {
	p := &printed{}
	p.x = newExecution(&Engine{}, &Job{}, SinkFunc(func(e Event) {
		p.events = append(p.events, e)
		if l, ok := e.(Line); ok {
			p.lines = append(p.lines, l)
		}
	}))
	p.x.masker.Add(secrets...)
	p.output = p.x.newOutput(1, "", &vars{}, &Effects{})
	return p
}

// texts are the lines without those of the runner about long lines.
func (p *printed) texts() []string {
	var all []string
	for _, l := range p.lines {
		if l.Level != "notice" {
			all = append(all, l.Text)
		}
	}
	return all
}

func TestLines(t *testing.T) {
	tests := []struct {
		name   string
		writes []string
		want   []string
	}{
		{"partial", []string{"one\r\ntw", "o\n\nlast"}, []string{"one", "two", "", "last"}},
		{"carriage return and newline come apart", []string{"one\r", "\ntwo\r"}, []string{"one", "two"}},
		{"carriage returns inside stay", []string{"10%\r20%\rdone\n"}, []string{"10%\r20%\rdone"}},
		{"colours stay", []string{"\x1b[31mred\x1b[0m\n"}, []string{"\x1b[31mred\x1b[0m"}},
		{"NUL stays", []string{"a\x00b\n"}, []string{"a\x00b"}},
		{"no UTF-8", []string{"a\xff\xfeb\xc3\n", "\x89PNG\r\n"}, []string{"a\uFFFDb\uFFFD", "\uFFFDPNG"}},
		{"UTF-8 over chunks", []string{"a\xc3", "\xbcb\n"}, []string{"aüb"}},
		{"secret over chunks", []string{"a sec", "ret", "-one b\n"}, []string{"a *** b"}},
		{"secret before a carriage return", []string{"secret-", "one\r", "\n"}, []string{"***"}},
		{"secret in a progress line", []string{"x\rsecret-one\ry\n"}, []string{"x\r***\ry"}},
		{"carriage return in a secret", []string{"x sec\rret-one\n"}, []string{"x ***"}},
		{"colour in a secret", []string{"a \x1b[1;31m\x1b[Ksecret\x1b[m\x1b[K-one\n"}, []string{"a \x1b[1;31m\x1b[K***"}},
		{"multi-line secret", []string{"first half\r", "\nsecond ", "half\n"}, []string{"***", "***"}},
		{"multi-line secret with carriage returns", []string{"first half\rsecond half\n"}, []string{"***"}},
		{"command over chunks", []string{"::no", "tice::x", "\n::debug::y\n"}, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := printer("secret-one", "first half\nsecond half")
			for _, w := range tt.writes {
				p.write(0, []byte(w))
			}
			p.flush()
			if got := p.texts(); !slices.Equal(got, tt.want) && len(got)+len(tt.want) > 0 {
				t.Errorf("lines %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongLineIsShownInPieces(t *testing.T) {
	p := printer()
	long := strings.Repeat("ä", maxLine) + "end" // twice maxLine in bytes
	p.write(0, []byte("short\n"+long+"\r\n"))
	p.write(0, []byte(strings.Repeat("x", maxLine)+"\nshort\n"))
	p.write(0, []byte(long))
	p.flush()
	var notices int
	var sizes []int
	for _, l := range p.lines {
		if l.Level == "notice" {
			notices++
			if !strings.Contains(l.Text, "longer than 1024 KiB") {
				t.Errorf("notice %q", l.Text)
			}
			continue
		}
		sizes = append(sizes, len(l.Text))
	}
	if want := []int{5, maxLine, maxLine, 3, maxLine, 5, maxLine, maxLine, 3}; notices != 1 || !slices.Equal(sizes, want) {
		t.Errorf("%d notices, lines of %v, want 1, %v", notices, sizes, want)
	}
	if got := strings.Join(p.texts()[1:4], ""); got != long {
		t.Error("the pieces are not the line")
	}
}

func TestSecretAcrossTheCutOfALongLine(t *testing.T) {
	const secret = "correct horse battery staple"
	for before := maxLine - len(secret) - 2; before < maxLine+2; before++ {
		p := printer(secret)
		text := strings.Repeat("x", before) + secret + strings.Repeat("y", 2*slice) + secret
		for len(text) > 0 {
			n := min(len(text), 100_000)
			p.write(0, []byte(text[:n]))
			text = text[n:]
		}
		p.flush()
		got := strings.Join(p.texts(), "")
		if want := strings.Repeat("x", before) + "***" + strings.Repeat("y", 2*slice) + "***"; got != want {
			t.Fatalf("secret at %d: %d bytes, want %d", before, len(got), len(want))
		}
	}
}

func TestLongLineIsNoCommand(t *testing.T) {
	for _, command := range []string{"::set-output name=a::", "::add-mask::", "##[error]", "  ::warning::"} {
		p := printer()
		p.write(0, []byte(command+strings.Repeat("s", maxLine)+"\nnext\n"))
		p.flush()
		if p.err == nil || !strings.Contains(p.err.Error(), "longer than 1024 KiB") {
			t.Errorf("%s: error %v", command, p.err)
		}
		if got := p.texts(); len(got) != 2 || got[1] != "next" || strings.Contains(got[0], "sss") {
			t.Errorf("%s: lines %.80q", command, got)
		}
		if len(p.effects.Outputs) != 0 {
			t.Errorf("%s: half a value became an output", command)
		}
	}
}

// TestLongLineNeedsNoMemory prints one line of 100 MB.
func TestLongLineNeedsNoMemory(t *testing.T) {
	var m mask.Masker
	m.Add("some-secret-value")
	pieces := 0
	l := lineReader{masker: &m, line: func(string) {}, long: func(string) bool { return true }, piece: func(string) { pieces++ }}
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 2048)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	highest := uint64(0)
	for i := range 100 << 20 / len(chunk) {
		l.read(chunk)
		if i%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			highest = max(highest, after.HeapAlloc)
		}
	}
	l.flush()
	if grown := int64(highest) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("a line of 100 MB needs %d MB", grown>>20)
	}
	if pieces != 100 {
		t.Errorf("%d pieces", pieces)
	}
}

func TestBinaryOutput(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	p := printer("some-secret-value")
	p.write(0, data[:min(len(data), 4<<20)])
	p.flush()
	if len(p.lines) < 100 {
		t.Fatalf("%d lines", len(p.lines))
	}
	for _, l := range p.lines {
		if strings.ToValidUTF8(l.Text, "") != l.Text || strings.ContainsAny(l.Text, "\n") {
			t.Fatalf("line %q", l.Text)
		}
	}
}

func TestAnnotationsOfAStepAreLimited(t *testing.T) {
	p := printer()
	for i := range 15 {
		for _, level := range []string{"error", "warning", "notice"} {
			p.write(0, fmt.Appendf(nil, "::%s::number %d\n", level, i))
		}
	}
	count := map[string]int{}
	for _, e := range p.events {
		if a, ok := e.(Annotated); ok {
			count[string(a.Level)]++
		}
	}
	if len(p.lines) != 45 || count["error"] != 10 || count["warning"] != 10 || count["notice"] != 10 {
		t.Errorf("%d lines, annotations %v", len(p.lines), count)
	}
}

func TestSecretAtTheCutOfAMessage(t *testing.T) {
	const secret = "correct-horse-battery"
	p := printer(secret)
	p.write(0, []byte("::error::"+strings.Repeat("x", 4096-10)+secret+"\n"))
	for _, e := range p.events {
		if a, ok := e.(Annotated); ok && (strings.Contains(a.Message, "correct") || !strings.HasSuffix(a.Message, "x***")) {
			t.Errorf("half a secret is shown: %q", a.Message[4000:])
		}
	}
	if m := p.x.masked(Result{FirstError: p.x.firstError}).FirstError.Message; strings.Contains(m, "correct") {
		t.Error("half a secret is in the result")
	}
}

// FuzzLines cuts a stream anywhere: its lines must be the same.
func FuzzLines(f *testing.F) {
	f.Add("a\r\nsecret b\nsec", "ret", uint64(1))
	f.Add("\x1b[31msecret\x1b[0m\xff\n\n\r", "::add-mask::x\nx\n", uint64(2))
	f.Fuzz(func(t *testing.T, a, b string, seed uint64) {
		data := []byte(a + b)
		whole := printer("secret", b)
		whole.write(0, data)
		whole.flush()
		parts := printer("secret", b)
		r := rand.New(rand.NewPCG(seed, 0))
		for rest := data; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 20))
			parts.write(0, rest[:n])
			rest = rest[n:]
		}
		parts.flush()
		if !slices.Equal(whole.texts(), parts.texts()) {
			t.Fatalf("%q\nwhole %q\nparts %q", data, whole.texts(), parts.texts())
		}
		for _, l := range whole.texts() {
			if strings.Contains(l, "secret") {
				t.Fatalf("%q shows the secret: %q", data, l)
			}
		}
	})
}
