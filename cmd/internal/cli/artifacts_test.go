package cli

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pastArtifacts is a state folder with run 7 and its artifacts.
func pastArtifacts(t *testing.T, dir string, artifacts map[string]map[string]string) (state string) {
	t.Helper()
	state = t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		name = filepath.Join(state, "runs/7", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run, err := json.Marshal(map[string]any{"id": "7", "attempt": 1, "root": dir, "dir": dir, "conclusion": "success", "arguments": []string{}})
	if err != nil {
		t.Fatal(err)
	}
	write("run.json", run)
	id := 0
	for name, files := range artifacts {
		id++
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for file, text := range files {
			f, err := w.Create(file)
			if err == nil {
				_, err = f.Write([]byte(text))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		record, err := json.Marshal(map[string]any{
			"id": id, "repository": "o/r", "run": "7", "attempt": 1, "name": name, "size": b.Len(), "contentType": "application/zip", "created": time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		write(fmt.Sprintf("artifacts/record%d-1.json", id), record)
		write(fmt.Sprintf("artifacts/%d.zip", id), b.Bytes())
	}
	return state
}

func TestArtifacts(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	state := pastArtifacts(t, dir, map[string]map[string]string{
		"dist": {"bin/tool": "tool", "README": "text"}, "docs": {"index.html": "<p>"}, "evil": {"../../escaped": "x"}, "..": {"a": "a"},
	})
	env := []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "DRYDOCK_STATE_DIR=" + state}
	drydock := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := Main(append([]string{"drydock"}, args...), strings.NewReader(""), &out, &out, env)
		return code, out.String()
	}
	holds := func(name, want string) {
		t.Helper()
		if data, err := os.ReadFile(filepath.Join(dir, name)); string(data) != want {
			t.Errorf("%s holds %q, %v", name, data, err)
		}
	}
	for _, args := range [][]string{{"artifacts"}, {"artifacts", "7"}} {
		if code, out := drydock(args...); code != 0 || !strings.Contains(out, "dist ") || !strings.Contains(out, "docs ") {
			t.Errorf("%d %s", code, out)
		}
	}
	if code, out := drydock("artifacts", "dist"); code != 0 || !strings.Contains(out, "unpacked dist into ") {
		t.Errorf("%d %s", code, out)
	}
	holds("dist/bin/tool", "tool")
	if code, out := drydock("artifacts", "7", "docs", "--dir", "site", "--json"); code != 0 || !strings.Contains(out, `"name": "docs"`) {
		t.Errorf("%d %s", code, out)
	}
	holds("site/index.html", "<p>")
	if code, out := drydock("artifacts", "7", "evil"); code != exitUsage || !strings.Contains(out, "unsafe archive") {
		t.Errorf("%d %s", code, out)
	}
	if code, out := drydock("artifacts", "7", ".."); code != exitUsage || !strings.Contains(out, "is no name for a folder") {
		t.Errorf("%d %s", code, out)
	}
	if code, out := drydock("artifacts", "7", "..", "--dir", "named"); code != 0 {
		t.Errorf("%d %s", code, out)
	}
	holds("named/a", "a")
	if code, out := drydock("artifacts", "7", "dits"); code != exitUsage || !strings.Contains(out, "(did you mean dist?)") {
		t.Errorf("%d %s", code, out)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*escaped*")); len(found) > 0 {
		t.Errorf("outside: %q", found)
	}
	_, out := drydock("__complete", "artifacts", "7", "")
	if !strings.Contains(out, "dist\n") {
		t.Errorf("completion: %s", out)
	}
}
