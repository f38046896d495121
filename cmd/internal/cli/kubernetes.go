package cli

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/executor/docker"
	"github.com/drydock-ci/drydock/executor/kube"
)

// kubernetes makes the back end for the cluster that is configured, with a class
// for every runner that may be there. It connects when it is first used.
func (a *app) kubernetes(log *slog.Logger, engine *docker.Executor, ca []byte) (*kube.Executor, error) {
	k := a.config.Kubernetes
	o := kube.Options{
		Kubeconfig: k.Kubeconfig, Context: k.Context, Namespace: k.Namespace,
		HelperImage: helperImage(a.config), Externals: k.Externals,
		Pod: podOf(k), Classes: map[string]kube.Class{},
		Wait: k.Wait, PullWait: k.PullWait, Linger: a.linger(), Log: log,
		CACert: ca, Proxy: a.proxy(),
		ImageConfig: a.imageConfig(log, engine, ca),
	}
	for _, r := range a.config.Runners {
		if r.Executor != config.ExecutorHost {
			o.Classes[r.Name()] = kube.Class{Namespace: r.Kubernetes.Namespace, Pod: podOf(r.Kubernetes)}
		}
	}
	if err := a.actionBuilder(log, &o); err != nil {
		return nil, err
	}
	x, err := kube.New(o)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return x, nil
}

// imageConfig asks the registry what Kubernetes does not tell of an image; one
// that no registry has may be this machine's own.
func (a *app) imageConfig(log *slog.Logger, engine *docker.Executor, ca []byte) func(context.Context, executor.Image) (entrypoint, cmd []string, err error) {
	return func(ctx context.Context, img executor.Image) (entrypoint, cmd []string, err error) {
		if a.config.Offline {
			return engine.ImageConfig(ctx, img)
		}
		c, err := a.askRegistry(ctx, img, registry.Options{CACert: ca, Log: log})
		if err == nil {
			return c.Entrypoint, c.Cmd, nil
		}
		if a.serving {
			return nil, nil, err
		}
		if e, c, here := engine.ImageConfig(ctx, img); here == nil {
			return e, c, nil
		}
		return nil, nil, err
	}
}

// registryTimeout is for a registry that is asked of an image while a step waits.
const registryTimeout = 30 * time.Second

// askRegistry uses the login that came with the image; on a server no other one.
func (a *app) askRegistry(ctx context.Context, img executor.Image, o registry.Options) (ocispec.ImageConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	host, err := registry.Host(img.Ref)
	if err != nil {
		return ocispec.ImageConfig{}, err
	}
	if img.Credentials != nil {
		o.Logins = map[string]executor.Credentials{host: *img.Credentials}
	}
	if a.serving {
		o = a.forStrangers(o)
	}
	client, err := registry.New(o)
	if err != nil {
		return ocispec.ImageConfig{}, err
	}
	c, err := client.Config(ctx, img.Ref, img.Platform)
	return c.Config, err
}

// helperImage is the image that brings the helper into pods.
func helperImage(c *config.Config) string {
	if c.Kubernetes.HelperImage != "" {
		return c.Kubernetes.HelperImage
	}
	tag := strings.Map(func(r rune) rune {
		if r == '+' { // may not be in a tag
			return '-'
		}
		return r
	}, version())
	return kube.DefaultHelperImage + ":" + strings.Trim(tag, "()")
}

// podOf is the operator's part of pods.
func podOf(k config.Kubernetes) kube.Pod {
	pod := kube.Pod{
		Restricted: k.Restricted, AllowEscalation: k.AllowEscalation,
		ServiceAccount: k.ServiceAccount, NodeSelector: k.NodeSelector, RuntimeClass: k.RuntimeClass, PriorityClass: k.PriorityClass,
		Requests: k.Requests, Limits: k.Limits, Labels: k.Labels, Annotations: k.Annotations, PullSecrets: k.PullSecrets,
	}
	for _, text := range k.Tolerations {
		t, err := config.ParseToleration(text)
		if err != nil {
			continue // config.Load has refused it
		}
		operator := "Exists"
		if t.HasValue {
			operator = "Equal"
		}
		pod.Tolerations = append(pod.Tolerations, kube.Toleration{Key: t.Key, Operator: operator, Value: t.Value, Effect: t.Effect})
	}
	return pod
}

// onKubernetes tells whether some job may be placed in the cluster.
func (a *app) onKubernetes() bool {
	return a.config.Executor == config.ExecutorKubernetes ||
		a.config.Origin("executor").Source < config.FromEnv && slices.ContainsFunc(a.config.Runners, func(r config.Runner) bool {
			return r.Executor == config.ExecutorKubernetes
		})
}

// kubeProbe asks once for each class whether its pods can be made.
func (p *parts) kubeProbe(ctx context.Context) func(class string) error {
	var mu sync.Mutex
	known := map[string]error{}
	return func(class string) error {
		mu.Lock()
		defer mu.Unlock()
		if err, ok := known[class]; ok {
			return err
		}
		x, err := p.kube.Class(class)
		if err == nil {
			_, err = x.Probe(ctx)
		}
		known[class] = err
		return err
	}
}

// labelsKnown are the labels that are mapped, each to its image or the host.
func (a *app) labelsKnown() map[string]string {
	all := map[string]string{}
	for label, image := range a.config.Platforms {
		all[label] = image
	}
	for _, r := range a.config.Runners {
		image := r.Image
		if r.Executor == config.ExecutorHost {
			image = config.PlatformHost
		}
		for _, label := range r.Labels {
			all[label] = image
		}
	}
	return all
}
