package images

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

// TestNothingFromOutside: no link of a repository brings files of this machine into
// an image, wherever a service names it.
func TestNothingFromOutside(t *testing.T) {
	top := t.TempDir()
	secret := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(secret, "Dockerfile"), "hunter2")
	write(filepath.Join(top, "app/Dockerfile"), "FROM scratch\n")
	write(filepath.Join(top, "app/main.go"), "package main\n\nfunc main() {}\n")
	write(filepath.Join(top, "go.mod"), "module example.com/m\n\ngo 1.24\n")
	for name, target := range map[string]string{
		"out": secret, "root": "/", "up": "..", "app/kodata": secret, "chain": "out", "file": filepath.Join(secret, "Dockerfile"), "within": "app", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	scalar := func(text string) declaration.Scalar { return declaration.Scalar{Text: text} }
	for name, build := range map[string]declaration.Build{
		"context":          {Context: scalar("out"), Dockerfile: scalar("app/Dockerfile")},
		"all of it":        {Context: scalar("root"), Dockerfile: scalar("app/Dockerfile")},
		"above":            {Context: scalar("up"), Dockerfile: scalar("app/Dockerfile")},
		"by another link":  {Context: scalar("chain"), Dockerfile: scalar("app/Dockerfile")},
		"below a link":     {Context: scalar("root/etc"), Dockerfile: scalar("app/Dockerfile")},
		"Dockerfile":       {Context: scalar("app"), Dockerfile: scalar("file")},
		"Dockerfile below": {Context: scalar("app"), Dockerfile: scalar("out/Dockerfile")},
		"in circles":       {Context: scalar("loop"), Dockerfile: scalar("app/Dockerfile")},
		"program":          {Ko: scalar("out")},
		"data":             {Ko: scalar("app")},
	} {
		t.Run(name, func(t *testing.T) {
			b := New(Options{Folder: t.TempDir()})
			r := pipeline.Request{Folder: top, Service: &declaration.Service{Name: scalar("web"), Image: scalar("r/web"), Build: build}}
			_, err := b.Build(t.Context(), r, io.Discard)
			if err == nil || strings.Contains(err.Error(), "hunter2") || name != "in circles" && !strings.Contains(err.Error(), "leads out of the repository") {
				t.Errorf("%v", err)
			}
		})
	}
	if at, err := inside(top, "within/main.go"); err != nil || filepath.Base(filepath.Dir(at)) != "app" {
		t.Errorf("a link within the repository: %q, %v", at, err)
	}
}
