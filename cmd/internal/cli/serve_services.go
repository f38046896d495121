package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/services/worker"
)

// serviceWorker says how the server makes the services of repositories; nil: it does
// not.
func (a *app) serviceWorker(p *parts, log *slog.Logger) (*worker.Options, error) {
	c := a.config.Server
	if !c.Services {
		return nil, nil
	}
	logins := map[string]worker.Login{}
	for host, names := range c.RegistryLogins {
		username, password, ok := strings.Cut(names, ":")
		if !ok || username == "" || password == "" {
			return nil, usage("server.registry_logins: %q of %s: write it as USERNAME:PASSWORD, both names of secrets", names, host)
		}
		logins[host] = worker.Login{Username: username, Password: password}
	}
	known := a.forStrangers(registry.Options{Log: log})
	builder, err := a.serverBuilder(p, known, log)
	if err != nil {
		return nil, err
	}
	return &worker.Options{
		BuildKit: builder, Registry: known, Folder: filepath.Join(a.serverFolder(), "services"),
		PrivateWebhooks: c.PrivateWebhooks,
		Policy:          worker.Policy{Publish: c.Publish, Preview: c.Preview, Logins: logins, Images: c.Images},
	}, nil
}

// serverBuilder is the cluster's builder, that of BUILDKIT_HOST or the engine's own.
func (a *app) serverBuilder(p *parts, known registry.Options, log *slog.Logger) (*build.Builder, error) {
	o := build.Options{Log: log}
	if a.onKubernetes() {
		o = a.clusterBuilder(log)
		o.Engine = func(context.Context) (build.Engine, error) {
			return nil, errors.New("there is no builder for images: set kubernetes.builder to the address of a buildkitd")
		}
	} else {
		o.Address, _ = a.lookup("BUILDKIT_HOST")
		o.Engine = func(ctx context.Context) (build.Engine, error) { return p.docker.Client(ctx) }
	}
	client, err := registry.New(known)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	o.Registry, o.PublicOnly, o.Private = client, true, known.Private
	made, err := build.New(o)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("the builder of services: %w", err)}
	}
	return made, nil
}
