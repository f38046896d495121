package kube

import (
	"context"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

func TestBeside(t *testing.T) {
	for _, tc := range []struct {
		name       string
		kind       executor.Kind
		job, image string
	}{
		{"machine", executor.Machine, testImage, testImage},
		{"container", executor.Container, testImage, testImage},
		{"both users", executor.Machine, userImage, userImage},
		{"root and user", executor.Container, testImage, userImage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x, labels := live(t, Options{ImageConfig: func(context.Context, executor.Image) ([]string, []string, error) {
				return []string{"/run"}, []string{"me"}, nil
			}})
			e := create(t, x, executor.Spec{Name: "beside", Labels: labels, Kind: tc.kind, Image: executor.Image{Ref: tc.job}, Containers: true})
			work := e.Info().Paths.Work
			want(t, e, "mkdir -p "+work+"/r/r && echo from the job >"+work+"/r/r/file", "")
			spec := executor.ContainerSpec{
				Name: "Some Action!", Image: executor.Image{Ref: tc.image}, Env: map[string]string{"PLAIN": "$(HOME) x"}, Dir: "/github/workspace",
				Share: []executor.Share{
					{Path: work + "/r/r", Target: "/github/workspace"},
					{Path: work + "/_temp/_github_home", Target: "/github/home"},
					{Path: work + "/_temp/_runner_file_commands", Target: "/github/file_commands"},
					{Path: work + "/_temp", Target: "/github/runner_temp"},
				},
			}
			b, err := e.Container(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			if i := b.Info(); len(i.Entrypoint) != 1 || len(i.Cmd) != 1 || i.Container.ID == "" || i.Container.Network != e.Info().Container.Network {
				t.Errorf("info: %+v", i)
			}
			want(t, b, `cat /github/workspace/file; echo "$PLAIN"; cd /github/workspace; pwd`, "from the job\n$(HOME) x\n/github/workspace")
			want(t, b, "echo action >/github/file_commands/out; echo home >/github/home/x; ls -d /__e 2>/dev/null || echo none", "none")
			want(t, e, "cat "+work+"/_temp/_runner_file_commands/out "+work+"/_temp/_github_home/x", "action\nhome")
			// A second one at the same time, and again after the first is closed.
			second, err := e.Container(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			again, err := x.Attach(t.Context(), b.ID())
			if err != nil {
				t.Fatal(err)
			}
			want(t, again, "cat /github/workspace/file", "from the job")
			for _, c := range []executor.Environment{b, b, second} {
				if err := c.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}
			if _, err := b.Start(t.Context(), executor.Command{ID: "x", Argv: []string{"true"}}, nil); !executor.IsKind(err, executor.Lost) {
				t.Errorf("start in a closed container: %v", err)
			}
			want(t, e, "echo the job goes on", "the job goes on")
		})
	}
	x, labels := live(t, Options{})
	e := create(t, x, executor.Spec{Name: "beside", Labels: labels, Kind: executor.Machine})
	_, err := e.Container(t.Context(), executor.ContainerSpec{Image: executor.Image{Ref: testImage}, Share: []executor.Share{{Path: "/etc", Target: "/github/x"}}})
	if !executor.IsKind(err, executor.Invalid) {
		t.Errorf("a share of the image's own files: %v", err)
	}
	_, err = e.Container(t.Context(), executor.ContainerSpec{Image: executor.Image{Ref: "drydock-test/none:1", Pull: executor.PullNever}})
	if !executor.IsKind(err, executor.NotFound) {
		t.Errorf("no such image: %v", err)
	}
}
