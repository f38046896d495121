package local

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUncommitted(t *testing.T) {
	f := newFixture(t)
	f.commit("kept", "1", "one")
	f.commit("gone", "1", "two")
	r := f.open()
	if files, err := r.Uncommitted(t.Context()); err != nil || len(files) != 0 {
		t.Fatalf("clean: %q %v", files, err)
	}
	for name, text := range map[string]string{"kept": "2", "new folder/new file": "1", ".gitignore": "*.log", "x.log": "1"} {
		name = filepath.Join(r.Root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f.git("mv", "gone", "moved")
	files, err := r.Uncommitted(t.Context())
	slices.Sort(files)
	if want := []string{".gitignore", "gone", "kept", "moved", "new folder/new file"}; err != nil || !slices.Equal(files, want) {
		t.Fatalf("got %q %v, want %q", files, err, want)
	}
}
