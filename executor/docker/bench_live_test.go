package docker

import (
	"context"
	"io"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/drydock-ci/drydock/executor"
)

// BenchmarkBare is what the engine itself needs: create, start, exec, remove,
// on a network that is there already.
func BenchmarkBare(b *testing.B) {
	x, labels := live(b, Options{})
	c, _ := x.connection(context.Background())
	api, ctx := c.api.(*client.Client), context.Background()
	host := &container.HostConfig{NetworkMode: defaultNetwork}
	for b.Loop() {
		r, err := api.ContainerCreate(ctx, &container.Config{
			Image: testImage, Entrypoint: []string{"sleep"}, Cmd: []string{"1000"},
			Labels: labelsOf(labels, "bare", roleJob),
		}, host, nil, nil, "")
		if err != nil {
			b.Fatal(err)
		}
		if err := api.ContainerStart(ctx, r.ID, container.StartOptions{}); err != nil {
			b.Fatal(err)
		}
		e, err := api.ContainerExecCreate(ctx, r.ID, container.ExecOptions{Cmd: []string{"true"}, AttachStdout: true, AttachStderr: true})
		if err != nil {
			b.Fatal(err)
		}
		a, err := api.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{})
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Reader)
		a.Close()
		if err := api.ContainerRemove(ctx, r.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlace is the same through the back end: a whole job of one step.
func BenchmarkPlace(b *testing.B) {
	benchPlace(b, executor.Spec{Name: "bench", Kind: executor.Machine})
}

// BenchmarkPlaceOwnNetwork adds a network, for jobs with services or actions.
func BenchmarkPlaceOwnNetwork(b *testing.B) {
	benchPlace(b, executor.Spec{Name: "bench", Kind: executor.Machine, Containers: true})
}

func benchPlace(b *testing.B, spec executor.Spec) {
	x, labels := live(b, Options{})
	spec.Labels, spec.Image = labels, executor.Image{Ref: testImage, Pull: executor.PullNever}
	ctx := context.Background()
	for b.Loop() {
		e, err := x.Create(ctx, spec)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := executor.Run(ctx, e, executor.Command{ID: "1", Argv: []string{"true"}, Dir: "/"}, nil, executor.DefaultStop); err != nil {
			b.Fatal(err)
		}
		if err := e.Close(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep is one more command in a place.
func BenchmarkStep(b *testing.B) {
	x, labels := live(b, Options{})
	e := create(b, x, executor.Spec{Name: "bench", Labels: labels, Kind: executor.Machine})
	for b.Loop() {
		if _, err := executor.Run(context.Background(), e, executor.Command{ID: executor.ProcessID(newName("p")), Argv: []string{"true"}, Dir: "/"}, nil, executor.DefaultStop); err != nil {
			b.Fatal(err)
		}
	}
}
