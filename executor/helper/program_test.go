package helper

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

func TestInstall(t *testing.T) {
	cache := t.TempDir()
	data := bytes.Repeat([]byte("helper"), 100_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			path, err := install(cache, "key", int64(len(data)), bytes.NewReader(data))
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	dir := filepath.Join(cache, "helper", "key")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != ProgramName {
		t.Fatalf("the folder holds %v, %v", entries, err)
	}
	// A file that was cut off is written again.
	if err := os.WriteFile(filepath.Join(dir, ProgramName), []byte("half"), 0o755); err != nil {
		t.Fatal(err)
	}
	path, err := install(cache, "key", int64(len(data)), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() != int64(len(data)) || fi.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", fi, err)
	}
}

func TestProgram(t *testing.T) {
	t.Setenv("DRYDOCK_HELPER", "")
	_, err := Program("no-such-arch", t.TempDir())
	if !executor.IsKind(err, executor.Unavailable) || !strings.Contains(err.Error(), "make build") {
		t.Errorf("unknown architecture: %v", err)
	}
	file := filepath.Join(t.TempDir(), "helper")
	os.WriteFile(file, nil, 0o755)
	t.Setenv("DRYDOCK_HELPER", file)
	if got, err := Program("amd64", t.TempDir()); err != nil || got != file {
		t.Errorf("got %q, %v; want %q", got, err, file)
	}
	t.Setenv("DRYDOCK_HELPER", file+"x")
	if _, err := Program("amd64", t.TempDir()); err == nil {
		t.Error("a missing file was taken")
	}
}
