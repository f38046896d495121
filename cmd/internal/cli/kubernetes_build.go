package cli

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/executor/kube"
)

// actionBuilder gives o what builds the images of Dockerfile actions, if one is
// configured.
func (a *app) actionBuilder(log *slog.Logger, o *kube.Options) error {
	k := a.config.Kubernetes
	if k.Builder == "" {
		return nil
	}
	host, _, _ := strings.Cut(k.Registry, "/")
	ro := registry.Options{CACert: o.CACert, Log: log}
	if k.RegistryPlain {
		ro.PlainHTTP = []string{host}
	}
	reg, err := registry.New(ro)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	bo := a.clusterBuilder(log)
	bo.Registry = reg
	var bases *registry.Client // nil: whoever runs this program starts actions, and has his own
	if a.serving {
		strangers := a.forStrangers(registry.Options{CACert: o.CACert, Log: log})
		bo.PublicOnly, bo.Private = true, strangers.Private
		if bases, err = registry.New(strangers); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	b, err := build.New(bo)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	actions := &build.Actions{Builder: b, Registry: reg, Bases: bases, Repository: k.Registry, Nodes: k.RegistryNodes, Args: map[string]string{}}
	for name, value := range o.Proxy { // every builder knows them without an ARG
		actions.Args[name], actions.Args[strings.ToUpper(name)] = value, value
	}
	o.Builder = actions
	ask := o.ImageConfig
	o.ImageConfig = func(ctx context.Context, img executor.Image) (entrypoint, cmd []string, err error) {
		if entrypoint, cmd, err = actions.ImageConfig(ctx, img); errors.Is(err, build.ErrNotOurs) {
			return ask(ctx, img)
		}
		return entrypoint, cmd, err
	}
	return nil
}

// clusterBuilder is where and how the operator's builder is reached.
func (a *app) clusterBuilder(log *slog.Logger) build.Options {
	k := a.config.Kubernetes
	o := build.Options{Address: k.Builder, Plain: k.BuilderPlain, Log: log}
	if k.BuilderCerts != "" {
		at := func(name string) string { return filepath.Join(k.BuilderCerts, name) }
		o.TLS = &build.TLS{CACert: at("ca.pem"), Cert: at("cert.pem"), Key: at("key.pem")}
	}
	return o
}
