package docker

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/buildcontext"
)

func TestBeside(t *testing.T) {
	x, labels := live(t, Options{})
	job := create(t, x, executor.Spec{
		Name: "job", Labels: labels, Kind: executor.Machine, Containers: true,
		Services: []executor.Service{{ID: "s", Image: executor.Image{Ref: testImage}, Command: []string{"httpd", "-f", "-p", "80"}}},
	})
	work := job.Info().Paths.Work
	want(t, job, "mkdir -p "+work+"/r/r && echo hello > "+work+"/r/r/file && echo ok", "ok")
	beside, err := job.Container(context.Background(), executor.ContainerSpec{
		Name: "action", Image: executor.Image{Ref: userImage, Pull: executor.PullNever}, Env: map[string]string{"A": "b"},
		Share: []executor.Share{
			{Path: work + "/r/r", Target: "/github/workspace"},
			{Path: work + "/_temp/_new", Target: "/github/file_commands"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, beside, "cat /github/workspace/file; ls -A /github/workspace /github/file_commands; echo $A; id -un", strings.Join([]string{
		"hello", "/github/file_commands:", "", "/github/workspace:", "file", "b", "app",
	}, "\n"))
	want(t, beside, "until wget -q -O- http://s/etc/group 2>/dev/null; do sleep 0.1; done | head -n 1", "root:x:0:")
	if i := beside.Info(); i.Home != "/home/app" || len(i.Cmd) != 1 {
		t.Errorf("info: %+v", i)
	}
	want(t, job, "ls -A "+work+"/r/r", "file")
	again, err := x.Attach(context.Background(), beside.ID())
	if err != nil {
		t.Fatal(err)
	}
	want(t, again, "echo again", "again")
	if err := beside.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, share := range []executor.Share{
		{Path: "/etc", Target: "/github/workspace"}, {Path: work + "/../../etc", Target: "/a"}, {Path: work, Target: "/proc"},
	} {
		_, err := job.Container(context.Background(), executor.ContainerSpec{Image: executor.Image{Ref: testImage}, Share: []executor.Share{share}})
		if !executor.IsKind(err, executor.Invalid) {
			t.Errorf("%v: %v", share, err)
		}
	}
	// A link of the job must not show a folder of the engine's machine.
	want(t, job, "ln -s /etc "+work+"/evil; echo ok", "ok")
	evil, err := job.Container(context.Background(), executor.ContainerSpec{
		Image: executor.Image{Ref: testImage}, Share: []executor.Share{{Path: work + "/evil", Target: "/evil"}},
	})
	if err == nil {
		out, _ := sh(t, evil, "cat /evil/hostname")
		t.Errorf("a link was followed: %q", out)
	} else if !executor.IsKind(err, executor.Refused) && !executor.IsKind(err, executor.Failed) && !executor.IsKind(err, executor.Invalid) {
		t.Errorf("got %v", err)
	}
	// Closing the job closes what is beside it.
	if _, err := job.Container(context.Background(), executor.ContainerSpec{Image: executor.Image{Ref: testImage}}); err != nil {
		t.Fatal(err)
	}
	if err := job.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, x, labels.Owner); n != 0 {
		t.Errorf("%d things remain", n)
	}
}

func TestBuild(t *testing.T) {
	x, labels := live(t, Options{})
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("Dockerfile", "FROM "+testImage+"\nCOPY . /src/\nRUN echo building && test ! -e /src/secret\nENTRYPOINT [\"/src/run\"]\n")
	write(".dockerignore", "secret\n")
	write("secret", "1")
	write("run", "#!/bin/sh\n# "+rand.Text()+"\n") // what a test that was killed left is not this
	build := func(s executor.BuildSpec) (executor.Image, []string, error) {
		var lines []string
		img, err := x.Build(context.Background(), s, func(l string) { lines = append(lines, l) })
		return img, lines, err
	}
	spec := executor.BuildSpec{Repository: "Octo/Repo.js", Context: dir, Dockerfile: "Dockerfile", Labels: labels}
	img, lines, err := build(spec)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := x.connection(context.Background())
	t.Cleanup(func() {
		_, _ = c.api.(*client.Client).ImageRemove(context.Background(), img.Ref, image.RemoveOptions{Force: true})
	})
	if !strings.HasPrefix(img.Ref, "drydock-action/octo/repo-js:") || !strings.Contains(strings.Join(lines, "\n"), "building") {
		t.Errorf("image %q, lines %q", img.Ref, lines)
	}
	write("secret", "2")
	again, lines, err := build(spec)
	if err != nil || again.Ref != img.Ref || len(lines) > 0 {
		t.Errorf("an unchanged context was built again: %q %q %v", again.Ref, lines, err)
	}
	write("run", "#!/bin/sh\necho 2\n")
	folder, err := buildcontext.Read(dir, "Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := folder.Sum("a/b", "")
	b, _ := folder.Sum("c/d", "")
	if a == b || strings.HasSuffix(img.Ref, a[:16]) {
		t.Error("the digest does not tell repositories or contents apart")
	}
	write("Dockerfile", "FROM "+testImage+"\nRUN echo no >&2; exit 4\n")
	_, lines, err = build(spec)
	if err == nil || !strings.Contains(err.Error(), "Step 2/2 : RUN echo no") || !strings.Contains(err.Error(), "non-zero code: 4") {
		t.Errorf("got %v; %q", err, lines)
	}
	spec.Dockerfile = "../Dockerfile"
	if _, _, err := build(spec); !executor.IsKind(err, executor.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestMissingImage(t *testing.T) {
	x, labels := live(t, Options{NoUserLogins: true})
	_, err := x.Create(context.Background(), executor.Spec{
		Name: "none", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: "drydock-test/none:9", Pull: executor.PullNever},
	})
	if !executor.IsKind(err, executor.NotFound) || !strings.Contains(err.Error(), `"docker pull drydock-test/none:9"`) {
		t.Errorf("got %v", err)
	}
	for ref, want := range map[string]bool{testImage: true, "drydock-test/none:9": false} {
		if has, err := x.HasImage(context.Background(), executor.Image{Ref: ref}); has != want || err != nil {
			t.Errorf("%s: %t, %v", ref, has, err)
		}
	}
	// Nothing listens there, so each try fails at once.
	old := pullPauses
	pullPauses = pullPauses[:0]
	t.Cleanup(func() { pullPauses = old })
	var lines []string
	err = x.Pull(context.Background(), executor.Image{Ref: "127.0.0.1:1/none:9"}, func(l string) { lines = append(lines, l) })
	if err == nil || !strings.Contains(err.Error(), `pull image "127.0.0.1:1/none:9"`) || len(lines) == 0 {
		t.Errorf("got %v, %q", err, lines)
	}
	if n := count(t, x, labels.Owner); n != 0 {
		t.Errorf("%d things remain", n)
	}
}
