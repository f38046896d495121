package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/docker"
	"github.com/drydock-ci/drydock/executor/host"
	"github.com/drydock-ci/drydock/executor/kube"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/action/node"
)

// parts are the concrete things that a run is made of.
type parts struct {
	docker *docker.Executor
	host   *host.Executor
	kube   *kube.Executor
	store  *action.Store
	nodes  *node.Provider
	hooks  runner.Hooks
	log    *slog.Logger
}

func (a *app) logger() *slog.Logger {
	var level slog.Level
	switch a.config.Log.Level {
	case "debug":
		level = slog.LevelDebug
	case "info":
		level = slog.LevelInfo
	case "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	default:
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// assemble makes the parts; nothing is touched yet.
func (a *app) assemble(local []action.LocalRepository) (*parts, error) {
	c, log := a.config, a.logger()
	ca, err := caBundle(c.Network.CA, a.lookup)
	if err != nil {
		return nil, err
	}
	p := &parts{log: log, hooks: a.hooks()}
	p.docker = docker.New(docker.Options{
		Host:   c.Docker.Host,
		Policy: a.policy(),
		CACert: ca, Proxy: a.proxy(),
		HelperCache: c.CacheDir, Linger: a.linger(), Log: log,
	})
	p.host, err = host.New(host.Options{Root: filepath.Join(c.StateDir, "host"), HelperCache: c.CacheDir, Log: log})
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if p.kube, err = a.kubernetes(log, p.docker, ca); err != nil {
		return nil, err
	}
	p.store = action.NewStore(action.Options{
		Dir: c.CacheDir, Offline: c.Offline, Local: local, ServerURL: c.GitHub.ServerURL, Log: log,
	})
	p.nodes = &node.Provider{
		Dir: filepath.Join(c.CacheDir, "externals"), Source: c.Node.Source,
		UseHost: c.Node.UseHost == config.NodeAuto, Offline: c.Offline,
	}
	return p, nil
}

// policy is what the user's own configuration lets workflows ask for.
func (a *app) policy() docker.Policy {
	d := a.config.Docker
	return docker.Policy{
		AllowPrivileged: d.AllowPrivileged, AllowMounts: d.AllowMounts, AllowDevices: d.AllowDevices,
		AllowHostNamespaces: d.AllowHostNamespaces, AllowSocket: d.AllowSocket,
	}
}

func (p *parts) executors() map[string]executor.Executor {
	return map[string]executor.Executor{"docker": p.docker, "host": p.host, "kubernetes": p.kube}
}

// warmUp finds the engine while the run is being planned; whoever needs it
// later waits for that.
func (p *parts) warmUp(ctx context.Context, c *config.Config) {
	if c.Executor != config.ExecutorHost && c.Executor != config.ExecutorKubernetes {
		go func() { _, _ = p.docker.Probe(ctx) }()
	}
}

// engine puts the parts together.
func (p *parts) engine(owner executor.OwnerID, workspace runner.Workspace, secrets map[string]string) (*runner.Engine, error) {
	if err := os.MkdirAll(p.nodes.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of node builds: %w", err)
	}
	return &runner.Engine{
		Executors: p.executors(),
		Actions:   p.store,
		Node:      p.nodes,
		Externals: p.nodes.Dir,
		Workspace: workspace,
		Secrets:   func(context.Context, *runner.Job) (map[string]string, error) { return secrets, nil },
		Owner:     owner,
		Hooks:     p.hooks,
		Log:       p.log,
	}, nil
}

// hooks are the operator's scripts around jobs, named as for GitHub's runner.
func (a *app) hooks() runner.Hooks {
	started, _ := a.lookup("ACTIONS_RUNNER_HOOK_JOB_STARTED")
	completed, _ := a.lookup("ACTIONS_RUNNER_HOOK_JOB_COMPLETED")
	return runner.Hooks{JobStarted: started, JobCompleted: completed}
}

// proxy are the variables that jobs need to reach the network as this
// machine does; lower case counts first.
func (a *app) proxy() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "all_proxy"} {
		for _, n := range []string{name, strings.ToUpper(name)} {
			if v, ok := a.lookup(n); ok && v != "" {
				out[name] = v
				break
			}
		}
	}
	return out
}

// bundles are where systems keep the certificates that they trust.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // SUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
	"/etc/ssl/cert.pem",                                 // macOS, BSD
}

// caBundle reads the bundle that network.ca names.
func caBundle(setting string, lookup func(string) (string, bool)) ([]byte, error) {
	switch setting {
	case config.CAOff:
		return nil, nil
	case config.CAAuto:
		names := bundles
		if f, ok := lookup("SSL_CERT_FILE"); ok && f != "" {
			names = append([]string{f}, names...)
		}
		for _, name := range names {
			if data, err := os.ReadFile(name); err == nil {
				return data, nil
			}
		}
		return nil, nil // a machine without certificates has none to hand on
	}
	data, err := os.ReadFile(setting)
	if err != nil {
		return nil, usage("read network.ca: %w", err)
	}
	return data, nil
}
