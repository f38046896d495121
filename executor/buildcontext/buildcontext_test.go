package buildcontext

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBuildContext(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "docker/Dockerfile"), "# syntax=x\nFROM --platform=linux/amd64 registry.test/base:1 AS b\nfrom b\n")
	write(t, filepath.Join(dir, ".dockerignore"), "*\n!src\nsrc/*.log\n")
	write(t, filepath.Join(dir, "src/a"), "a")
	write(t, filepath.Join(dir, "src/b.log"), "b")
	write(t, filepath.Join(dir, "top"), "x")
	if err := os.Symlink("../../etc/passwd", filepath.Join(dir, "src/link")); err != nil {
		t.Fatal(err)
	}
	b, err := Read(dir, "docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := b.Write(&buf); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(&buf); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeSymlink && h.Linkname != "../../etc/passwd" {
			t.Errorf("link %+v", h)
		}
		names = append(names, h.Name)
	}
	if !slices.Equal(names, []string{"docker/Dockerfile", "src/", "src/a", "src/link"}) {
		t.Errorf("packed %q", names)
	}
	if got := b.Bases(); !slices.Equal(got, []string{"registry.test/base:1", "b"}) {
		t.Errorf("bases %q", got)
	}
	sum, err := b.Sum("a/b", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "src/a"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "top"), "ignored")
	if again, _ := b.Sum("a/b", ""); again != sum {
		t.Error("the digest changes with what the builder does not see")
	}
	write(t, filepath.Join(dir, "src/a"), "other")
	if again, _ := b.Sum("a/b", ""); again == sum {
		t.Error("the digest does not change with the content")
	}
	for _, name := range []string{"../Dockerfile", "/etc/passwd", "none", "src"} {
		if _, err := Read(dir, name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
