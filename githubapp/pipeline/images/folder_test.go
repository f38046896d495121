package images

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

// TestFolder: what a build leaves when its process is killed lies in the folder whose
// owner removes it: the system's is not used.
func TestFolder(t *testing.T) {
	away, err := build.New(build.Options{Address: "unix:///nowhere/s"})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	top, folder := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(top, "Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", filepath.Join(top, "none"))
	scalar := func(text string) declaration.Scalar { return declaration.Scalar{Text: text} }
	_, err = New(Options{Folder: folder, BuildKit: away}).Build(t.Context(), pipeline.Request{Folder: top, Service: &declaration.Service{
		Name: scalar("web"), Image: scalar("r/web"), Build: declaration.Build{Context: scalar("."), Dockerfile: scalar("Dockerfile")},
	}}, io.Discard)
	if !executor.IsKind(err, executor.Unavailable) {
		t.Errorf("it came to something else than asking the builder: %v", err)
	}
}
