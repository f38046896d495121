package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline/images"
)

// newImages connects nothing yet; its BuildKit is to be closed.
func (a *app) newImages(p *parts, folder string, jobs images.Jobs, o buildOptions) (*images.Builder, error) {
	keep, err := o.layouts(a.dir)
	if err != nil {
		return nil, err
	}
	client, err := registry.New(registry.Options{Log: p.log})
	if err != nil {
		return nil, err
	}
	address, _ := a.lookup("BUILDKIT_HOST") // as buildctl has it
	builder, err := build.New(build.Options{
		Address: address, Registry: client, Log: p.log,
		Engine: func(ctx context.Context) (build.Engine, error) { return p.docker.Client(ctx) },
	})
	if err != nil {
		return nil, err
	}
	return images.New(images.Options{
		BuildKit: builder, Registry: client, Secret: a.buildSecret, Agent: a.sshAgent, Folder: folder, Keep: keep, Load: o.load, Publish: o.push(), Jobs: jobs,
	}), nil
}

func (a *app) buildSecret(name string) (string, error) {
	value, ok := a.lookup(name)
	if !ok {
		return "", fmt.Errorf("set the variable %s", name)
	}
	return value, nil
}

func (a *app) sshAgent() (string, error) {
	socket, ok := a.lookup("SSH_AUTH_SOCK")
	if !ok {
		return "", errors.New("start one, or set SSH_AUTH_SOCK")
	}
	return socket, nil
}
