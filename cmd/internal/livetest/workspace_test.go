package livetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWorkspace(t *testing.T) {
	w := newWorld(t)
	w.file(".gitignore", "ignored/\n*.log\n")
	w.file("tracked.txt", "committed\n")
	w.file("gone.txt", "x\n")
	w.workflow(`
jobs:
  root:
    runs-on: ubuntu-latest
    steps: &steps
      - uses: actions/checkout@v4
      - run: |
          cat tracked.txt fresh.txt
          ls -d ignored noise.log gone.txt 2>/dev/null && echo leaked
          echo changed > tracked.txt; echo new > new.txt; mkdir -p ignored; rm fresh.txt
          echo "written by $(id -un)"
          test -O tracked.txt && echo "mine: $(id -un)"
  app:
    runs-on: ubuntu-latest
    container: {image: "` + bash + `", options: --user app}
    steps: *steps
  image:
    runs-on: someone
    steps: *steps
`)
	makeImage(t, "drydock-test/bash-user:1", "FROM "+bash+"\nUSER app\n")
	w.file("tracked.txt", "changed here\n")
	w.file("fresh.txt", "untracked\n")
	w.file("noise.log", "noise\n")
	w.file("ignored/big", "big\n")
	if err := os.Remove(filepath.Join(w.repo, "gone.txt")); err != nil {
		t.Fatal(err)
	}
	before := w.snapshot()
	r := w.pass("-P", "someone=drydock-test/bash-user:1")
	r.wantLines("written by root", "mine: root")
	if r.count("written by app") != 2 || r.count("mine: app") != 2 || r.count("changed here") != 3 || r.count("untracked") != 3 || r.count("leaked") > 0 {
		t.Errorf("the copy is wrong:\n%s", r.text())
	}
	if after := w.snapshot(); after != before {
		t.Errorf("the working copy was changed:\n%s\nthen\n%s", before, after)
	}
}

// snapshot is every file of the repository, .git too, with its times.
func (w *world) snapshot() string {
	w.t.Helper()
	var b strings.Builder
	err := filepath.Walk(w.repo, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// TestLargeRepository measures how a repository with 1 GiB of files starts.
func TestLargeRepository(t *testing.T) {
	w := newWorld(t)
	chunk := []byte(strings.Repeat("sixteen megabytes of a cheap line\n", 16<<20/34+1))[:16<<20]
	for i := range 64 {
		copy(chunk, fmt.Sprintf("file %02d\n", i))
		if err := os.WriteFile(filepath.Join(w.repo, fmt.Sprintf("file%02d.txt", i)), chunk, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.git("config", "core.looseCompression", "1")
	w.workflow(`
jobs:
  with:
    runs-on: ubuntu-latest
    steps: [{uses: actions/checkout@v4}, {run: "ls | wc -l; head -n 1 file63.txt; du -sm . | cut -f 1"}]
`)
	before := w.snapshot()
	r := w.pass()
	r.wantLines("64", "file 63")
	if w.snapshot() != before {
		t.Error("the working copy was changed")
	}
	var checkout float64
	for _, e := range r.events {
		if e.Type == "step-finished" && strings.Contains(e.step(), "checkout") {
			checkout = e.Seconds
		}
	}
	w.workflow("jobs: {without: {runs-on: ubuntu-latest, steps: [{run: echo no checkout}]}}\n")
	bare := w.pass()
	t.Logf("1 GiB: run %.1f s, its checkout %.1f s (%.0f MiB/s); without a checkout %.1f s", r.took.Seconds(), checkout, 1024/checkout, bare.took.Seconds())
}
