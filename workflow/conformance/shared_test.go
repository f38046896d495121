package conformance

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared gives a folder of the conformance suites, or skips.
func shared(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("DRYDOCK_SHARED")
	if root == "" {
		t.Skip("DRYDOCK_SHARED is not set: the conformance suites are not here")
	}
	return filepath.Join(root, "suites", path)
}

// jsonLines decodes a file of one JSON value a line.
func jsonLines[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s, line %d: %v", path, len(all)+1, err)
		}
		all = append(all, v)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// realFile is a workflow of a public project.
type realFile struct {
	name string // project/file.yml
	path string
	src  []byte
}

func realWorkflows(t testing.TB) []realFile {
	t.Helper()
	root := shared(t, "real-workflows/workflows")
	var files []realFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files = append(files, realFile{name: filepath.ToSlash(name), path: path, src: src})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 500 {
		t.Fatalf("only %d real workflows in %s", len(files), root)
	}
	return files
}

// score prints the line of a suite that `go test -v` and .ci/run show.
func score(t *testing.T, suite string, parts ...string) {
	t.Helper()
	t.Logf("score: %s: %s", suite, strings.Join(parts, ", "))
}
