package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/githubapp"
	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/setup"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/postgres"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/githubapp/vault"
	"github.com/drydock-ci/drydock/runner"
)

type serveOptions struct {
	listen, url string
	drain       time.Duration
}

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Be a GitHub App: run the workflows of its repositories here",
		Long: `Serve hears the webhooks of a GitHub App, plans the workflows of its repositories at the right commit, runs
every job in a container or a pod of its own, and shows runs as check runs at GitHub and on its own page.

It needs a GitHub App (drydock app create) and keeps its state below state_dir, or in the Postgres of
database_url, which several servers may share. On SIGTERM it takes no more jobs and waits for those that run;
what runs longer than --drain goes on in its place, and the next start takes it up.`,
		Example: "  drydock serve --url https://ci.example.com\n  drydock serve --listen :8080 --url https://ci.example.com --log-level info",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "", "`HOST:PORT` to listen at (default server.listen)")
	f.StringVar(&o.url, "url", "", "`URL` that people and GitHub reach the server at (default server.url)")
	f.DurationVar(&o.drain, "drain", 30*time.Second, "`TIME` that running jobs may take to end when the server is stopped")
	return cmd
}

func (a *app) serve(ctx context.Context, o serveOptions) error {
	if o.listen != "" {
		a.config.Server.Listen = o.listen
	}
	if o.url != "" {
		a.config.Server.URL = strings.TrimRight(o.url, "/")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log := a.serverLog()

	a.serving = true
	p, err := a.assemble(nil)
	if err != nil {
		return err
	}
	s, err := a.openServer(ctx, p, log)
	if err != nil {
		return err
	}
	defer s.close()
	listener, err := net.Listen("tcp", a.config.Server.Listen)
	if err != nil {
		return &exitError{exitInfrastructure, fmt.Errorf("listen: %w: set server.listen", err)}
	}
	web := &http.Server{
		Handler: s.app, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	fmt.Fprintf(a.stderr, "drydock: serving %s at %s\n", a.serverURL(), listener.Addr())
	if token := s.tokenFile; token != "" {
		fmt.Fprintf(a.stderr, "drydock: from this machine you can sign in with the token in %s\n", token)
	}
	go s.sweep(ctx, log)

	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("serve pages: %w", err))
		}
	}()
	left, err := s.app.Run(running, o.drain)
	closing, end := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer end()
	_ = web.Shutdown(closing)
	if left > 0 {
		fmt.Fprintf(a.stderr, "drydock: %d jobs go on in their places; the next start takes them up\n", left)
	}
	if err == nil && ctx.Err() == nil {
		err = context.Cause(running)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return &exitError{exitInfrastructure, err}
	}
	return nil
}

// serverLog is the server's own log; unlike a run it has one unless it is off.
func (a *app) serverLog() *slog.Logger {
	if a.config.Log.Level == "off" && a.config.Origin("log.level").Source == config.FromDefault {
		a.config.Log.Level = "warn"
	}
	return a.logger()
}

// server is what "serve" opens and has to close.
type server struct {
	app       *githubapp.Server
	a         *app
	p         *parts
	store     store.Store
	services  *services
	tokenFile string
	stateDir  string
}

func (a *app) serverFolder() string { return filepath.Join(a.config.StateDir, "server") }

func (a *app) openServer(ctx context.Context, p *parts, log *slog.Logger) (_ *server, err error) {
	c, dir := a.config, a.serverFolder()
	credentials, err := a.credentials()
	if errors.Is(err, setup.ErrNone) {
		return nil, usage("serve: %w", err)
	}
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	gitHub, err := auth.New(auth.Options{AppID: credentials.ID, PrivateKey: credentials.PrivateKey, Address: c.GitHub.ServerURL, Log: log})
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := setup.Verify(asking, gitHub, log); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &exitError{exitInfrastructure, fmt.Errorf("make the server's folder: %w", err)}
	}
	keys, err := a.vaultKeys()
	if err != nil {
		return nil, err
	}
	s := &server{a: a, p: p, stateDir: dir}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.store, err = a.openStore(ctx); err != nil {
		return nil, err
	}
	token := ""
	if c.Server.LocalToken {
		s.tokenFile = filepath.Join(dir, "token")
		if token, err = localToken(s.tokenFile); err != nil {
			return nil, &exitError{exitInfrastructure, err}
		}
	}
	policy, err := trust.Default().WithApproval(trust.When(c.Server.Approval))
	if err == nil {
		policy, err = policy.Without(c.Server.Deny)
	}
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("server.deny and server.approval: %w", err)}
	}
	id, err := owner(dir)
	if err != nil {
		return nil, &exitError{exitInfrastructure, err}
	}
	engine, err := p.engine(id, nil, nil)
	if err != nil {
		return nil, &exitError{exitInfrastructure, err}
	}
	engine.ServicesForScripts, engine.Linger, engine.Log = c.Services.RunSteps, a.linger(), log
	s.services = a.services(p, runOptions{})
	declared, err := a.serviceWorker(p, log)
	if err != nil {
		return nil, err
	}
	place := &serverPlacer{placer{config: c, docker: p.probe(ctx, c), kube: p.kubeProbe(ctx)}}
	s.app, err = githubapp.New(ctx, githubapp.Options{
		App: gitHub, Store: s.store, Keys: keys, Secrets: c.Server.SecretsFolder, Policy: policy,
		Identity: githubapp.Identity{
			ID: credentials.ID, Slug: credentials.Slug, WebhookSecrets: credentials.WebhookSecrets,
			ClientID: credentials.ClientID, ClientSecret: credentials.ClientSecret,
		},
		Engine: engine, Services: s.services, Artifacts: keptArtifacts{s.services}, Worker: declared, Place: place.place,
		// Pods can be reached from every server, containers and processes from their own.
		Resumes: func(p runner.Place, worker string) bool {
			return p.Executor == "kubernetes" || worker == a.serverName()
		},
		Name: a.serverName(), Labels: c.Server.Labels, Slots: a.serverSlots(), Limits: store.Limits{PerRepository: c.Server.RepositoryJobs},
		URL: a.serverURL(), LocalToken: token, Admins: c.Server.Admins, PublicMetrics: c.Server.PublicMetrics, Log: log,
	})
	if err != nil {
		return nil, &exitError{exitInfrastructure, err}
	}
	return s, nil
}

func (s *server) close() {
	if s.services != nil {
		_ = s.services.Close()
	}
	if s.store != nil {
		_ = s.store.Close()
	}
}

// openStore opens the database: a file of the server's folder, or Postgres.
func (a *app) openStore(ctx context.Context) (store.Store, error) {
	var s store.Store
	var err error
	if address := a.config.DatabaseURL; address != "" {
		if s, err = postgres.Open(ctx, address, postgres.Options{}); err != nil { // in several lines
			err = fmt.Errorf("%s: see that the database runs and database_url is right", strings.Join(strings.Fields(err.Error()), " "))
		}
	} else if err = os.MkdirAll(a.serverFolder(), 0o700); err == nil {
		s, err = sqlite.Open(ctx, filepath.Join(a.serverFolder(), "drydock.db"), sqlite.Options{})
	}
	if err != nil {
		return nil, &exitError{exitInfrastructure, err}
	}
	return s, nil
}

// vaultKeys are those of the variable, else of the file, which is made.
func (a *app) vaultKeys() (vault.Keys, error) {
	var keys vault.Keys
	var err error
	if text, ok := a.lookup("DRYDOCK_VAULT_KEY"); ok && text != "" {
		keys, err = vault.ParseKeys(text)
	} else {
		keys, err = vault.MakeKeys(a.config.Vault.KeyFile)
	}
	if err != nil {
		return keys, &exitError{exitUsage, err}
	}
	return keys, nil
}

// serverName tells this server from others of the same database.
func (a *app) serverName() string {
	if name := a.config.Server.Name; name != "" {
		return name
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "drydock"
}

func (a *app) serverSlots() int {
	if n := a.config.Server.Jobs; n > 0 {
		return n
	}
	return a.slots()
}

// localToken reads the token that opens the page from this machine, and makes it
// at the first start.
func localToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte(vault.NewKey() + "\n")
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("keep the token of this machine: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
