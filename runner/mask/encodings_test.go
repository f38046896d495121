package mask

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// printed is a secret as a program prints it: see testdata/encodings.py.
type printed struct{ Secret, By, Text string }

func encodings(t *testing.T) []printed {
	t.Helper()
	data, err := os.ReadFile("testdata/encodings.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all []printed
	for line := range strings.Lines(string(data)) {
		var p printed
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		if p.By == "the secret" {
			p.By = "plain"
		}
		if p.Secret == "" {
			p.Secret = p.Text
			if len(all) > 0 {
				p.Secret = all[0].Secret
			}
		}
		all = append(all, p)
	}
	const control = "Wq7kL2m\"xB<ü%\x01Np9Xz4Vb3"
	all = append(all, printed{"Wq7\xffkL2mNp9\xfe\xfdXz4Vb", "replacement of what is no UTF-8", "Wq7\uFFFDkL2mNp9\uFFFDXz4Vb"},
		printed{"Wq7\xffkL2mNp9\xfe\xfdXz4Vb", "replacement of each byte", "Wq7\uFFFDkL2mNp9\uFFFD\uFFFDXz4Vb"},
		// %q and JSON differ in control characters.
		printed{control, "Go, quoted", fmt.Sprintf("%q", control)},
		printed{control, "Go, JSON", `"Wq7kL2m\"xB<ü%\u0001Np9Xz4Vb3"`})
	return all
}

// leak is a piece of text that is in masked, or nothing.
func leak(text, masked string) string {
	const size = 7
	for line := range strings.Lines(text) {
		for i := 0; i+size <= len(strings.TrimRight(line, "\n")); i++ {
			if strings.Contains(masked, line[i:i+size]) {
				return line[i : i+size]
			}
		}
	}
	return ""
}

func TestWhatProgramsPrint(t *testing.T) {
	all := encodings(t)
	if len(all) < 80 {
		t.Fatalf("%d encodings", len(all))
	}
	for _, p := range all {
		t.Run(p.By, func(t *testing.T) {
			m := New(p.Secret)
			if got := m.MaskShown("<<" + p.Text + ">>"); leak(p.Text, got) != "" {
				t.Errorf("%q is shown:\n%s\nof\n%s", leak(p.Text, got), got, p.Text)
			}
			if !m.Contains(p.Text) {
				t.Error("Contains finds nothing")
			}
		})
	}
}

// TestEveryEncoderIsNeeded proves that the test above would fail without any one of them.
func TestEveryEncoderIsNeeded(t *testing.T) {
	shows := func(m *Masker, p printed) bool { return leak(p.Text, byLine(m, "<<"+p.Text+">>")) != "" }
	var all []printed
	var others int
	for _, p := range encodings(t) {
		if shows(New(p.Secret), p) { // it takes a reading
			others++
			continue
		}
		all = append(all, p)
	}
	if others > 2 {
		t.Errorf("%d forms are only found by a reading", others)
	}
	for _, name := range Encoders() {
		maskers := map[string]*Masker{}
		needed := slices.ContainsFunc(all, func(p printed) bool {
			m := maskers[p.Secret]
			if m == nil {
				m = NewWithout(name)
				m.Add(p.Secret)
				maskers[p.Secret] = m
			}
			return shows(m, p)
		})
		if !needed {
			t.Errorf("without %q nothing is shown", name)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	names := append(Encoders(), Readings()...)
	slices.Sort(names)
	if all := len(names); len(slices.Compact(names)) != all {
		t.Errorf("a name stands for two things: %q", names)
	}
}
