package build

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// TestActions: an action is built once for its content, and told by the name that
// nodes have for the registry.
func TestActions(t *testing.T) {
	host := host(t)
	a := &Actions{Builder: shared(t, Options{}), Registry: anonymous(t), Repository: host + "/ci/", Nodes: "registry.nodes.test/ci"}
	dir := folder(t, "Dockerfile", "FROM scratch\nCOPY run /run\nENTRYPOINT [\"/run\"]\nCMD [\"now\"]\n", "run", "1")
	spec := executor.BuildSpec{Repository: "Own_er/Repo/./sub", Context: dir, Dockerfile: "Dockerfile"}
	build := func(spec executor.BuildSpec) (executor.Image, string) {
		t.Helper()
		var lines []string
		img, err := a.Build(t.Context(), spec, func(l string) { lines = append(lines, l) })
		if err != nil {
			t.Fatal(err)
		}
		return img, strings.Join(lines, "\n")
	}
	first, log := build(spec)
	if !strings.HasPrefix(first.Ref, "registry.nodes.test/ci/drydock-action/own-er/repo/sub@sha256:") || !strings.Contains(log, "COPY run /run") || strings.Contains(log, "[internal]") {
		t.Errorf("%+v: %s", first, log)
	}
	if again, log := build(spec); again != first || !strings.Contains(log, "is there") || strings.Contains(log, "COPY") {
		t.Errorf("%+v: %s", again, log)
	}
	spec.Rebuild = true
	if again, log := build(spec); again != first || !strings.Contains(log, "COPY") {
		t.Errorf("%+v: %s", again, log)
	}
	spec.Rebuild = false
	other := spec
	other.Repository = "some/one"
	if img, log := build(other); !strings.Contains(log, "COPY") || !strings.Contains(img.Ref, "/some/one@") {
		t.Errorf("another repository took it: %+v %s", img, log)
	}
	if err := os.WriteFile(filepath.Join(dir, "run"), []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if img, _ := build(spec); img == first {
		t.Error("a change is not built")
	}
	entrypoint, cmd, err := a.ImageConfig(t.Context(), first)
	if diff := cmp.Diff([][]string{{"/run"}, {"now"}}, [][]string{entrypoint, cmd}); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, _, err := a.ImageConfig(t.Context(), executor.Image{Ref: "alpine"}); !errors.Is(err, ErrNotOurs) {
		t.Error(err)
	}
	spec.Dockerfile = "../Dockerfile"
	if _, err := a.Build(t.Context(), spec, nil); !executor.IsKind(err, executor.Invalid) {
		t.Error(err)
	}
}

// TestActionBases: the logins that images are pushed with are not for base images, when
// others are told.
func TestActionBases(t *testing.T) {
	realm := ""
	closed, maker, _ := guarded(t, func() string { return realm })
	realm = maker.URL
	userLogin(t, closed)
	oneFile(t, closed+"/other/private:1", "a secret")
	mine, err := registry.New(registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &Actions{Builder: shared(t, Options{Registry: mine}), Registry: mine, Bases: anonymous(t), Repository: host(t)}
	spec := executor.BuildSpec{Repository: "some/one", Context: folder(t, "Dockerfile", "FROM "+closed+"/other/private:1\nCOPY Dockerfile /f\n"), Dockerfile: "Dockerfile"}
	if _, err := a.Build(t.Context(), spec, nil); !executor.IsKind(err, executor.Refused) {
		t.Errorf("with the logins of pushes: %v", err)
	}
	a.Bases = nil
	if _, err := a.Build(t.Context(), spec, nil); err != nil {
		t.Error(err)
	}
}

func TestImageName(t *testing.T) {
	var got []string
	for _, s := range []string{"Actions/Hello_World", "./..", "a/b/c/d", strings.Repeat("x", 59) + "-y/é"} {
		got = append(got, imageName(s))
	}
	if want := []string{"actions/hello-world", "local", "a/b/c", strings.Repeat("x", 59)}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
