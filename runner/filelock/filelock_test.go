package filelock_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/filelock"
)

func opened(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// What an opening may have while another one has something.
func TestTry(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second func(*os.File) (bool, error)
		want          bool
	}{
		{"only, only", filelock.Try, filelock.Try, false},
		{"only, shared", filelock.Try, filelock.TryShared, false},
		{"shared, only", filelock.TryShared, filelock.Try, false},
		{"shared, shared", filelock.TryShared, filelock.TryShared, true},
	} {
		name := filepath.Join(t.TempDir(), "lock")
		first, second := opened(t, name), opened(t, name)
		if ok, err := tt.first(first); !ok || err != nil {
			t.Errorf("%s: the first: %t, %v", tt.name, ok, err)
		}
		if ok, err := tt.second(second); ok != tt.want || err != nil {
			t.Errorf("%s: %t, %v", tt.name, ok, err)
		}
		_ = first.Close()
		if ok, err := tt.second(second); !ok || err != nil {
			t.Errorf("%s: when it is free: %t, %v", tt.name, ok, err)
		}
	}
	closed := opened(t, filepath.Join(t.TempDir(), "lock"))
	_ = closed.Close()
	if ok, err := filelock.Try(closed); ok || err == nil {
		t.Errorf("a closed file: %t, %v", ok, err)
	}
	if err := filelock.Lock(closed); err == nil {
		t.Error("a closed file is locked")
	}
}

func TestLockWaits(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, second := opened(t, name), opened(t, name)
	if err := filelock.Lock(first); err != nil {
		t.Fatal(err)
	}
	locked := make(chan error)
	go func() { locked <- filelock.Lock(second) }()
	select {
	case err := <-locked:
		t.Fatalf("both have it: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	_ = first.Close()
	if err := <-locked; err != nil {
		t.Error(err)
	}
}

// A program that was handed the file keeps its lock when this process closes it.
func TestHandedOn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	f, other := opened(t, name), opened(t, name)
	if ok, err := filelock.Try(f); !ok || err != nil {
		t.Fatal(ok, err)
	}
	cmd := exec.Command("cat")
	cmd.ExtraFiles = []*os.File{f}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if ok, err := filelock.Try(other); ok || err != nil {
		t.Errorf("while the program lives: %t, %v", ok, err)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if ok, err := filelock.Try(other); !ok || err != nil {
		t.Errorf("after it: %t, %v", ok, err)
	}
}
