package worker

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOwnFolder: what a process that is gone left is removed, what one has that lives
// is not.
func TestOwnFolder(t *testing.T) {
	top := t.TempDir()
	left := filepath.Join(top, "process-1", "files")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(left, 0o500); err != nil {
		t.Fatal(err)
	}
	first, lock, err := ownFolder(top)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what was left is there")
	}
	second, other, err := ownFolder(top)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := os.Stat(first); err != nil || first == second {
		t.Errorf("the first has %q (%v), the second %q", first, err, second)
	}
	lock.Close() // as the end of the process does
	_, third, err := ownFolder(top)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if _, err := os.Stat(first); err == nil {
		t.Error("the folder of the first is there after its end")
	}
	if _, err := os.Stat(second); err != nil {
		t.Error(err)
	}
}
