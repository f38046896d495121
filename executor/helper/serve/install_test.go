//go:build linux

package serve

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInstall(t *testing.T) {
	from, dir, to := t.TempDir(), filepath.Join(t.TempDir(), "bin"), filepath.Join(t.TempDir(), "ext")
	if err := os.MkdirAll(filepath.Join(from, "node24/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "node24/bin/node"), []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // an init container may run again
		if code := Main([]string{"install", dir, from, to}); code != 0 {
			t.Fatalf("exit code %d", code)
		}
	}
	for _, p := range []string{filepath.Join(dir, "drydock-helper"), filepath.Join(to, "node24/bin/node")} {
		if fi, err := os.Stat(p); err != nil || fi.Mode().Perm() != 0o755 || fi.Size() == 0 {
			t.Errorf("%s: %v, %v", p, fi, err)
		}
	}
	for _, args := range [][]string{{"install"}, {"install", dir, from}, {"install", dir, "/no/such", to}} {
		if Main(args) == 0 {
			t.Errorf("%q: no error", args)
		}
	}
}
