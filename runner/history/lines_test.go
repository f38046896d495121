package history

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLines: whole lines come in pages that follow on each other; half a line
// waits until it is whole.
func TestLines(t *testing.T) {
	s := Open(t.TempDir())
	r := &Run{ID: "1", Attempt: 1}
	if _, next, err := s.Lines(r, 0, 100); err != nil || next != 0 {
		t.Errorf("no record: %d, %v", next, err)
	}
	name := filepath.Join(s.folder(r), eventsFile)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 100)
	if err := os.WriteFile(name, []byte("a\nbb\n"+long+"\nhalf"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for from := int64(0); ; {
		lines, next, err := s.Lines(r, from, 6)
		if err != nil {
			t.Fatal(err)
		}
		if next == from {
			break
		}
		from = next
		got = append(got, string(lines))
	}
	if all := strings.Join(got, "|"); all != "a\nbb\n|"+long+"\n" {
		t.Errorf("got %q", all)
	}
}
