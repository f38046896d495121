package simulation

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp"
	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/reconcile"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/githubapp/vault"
	"github.com/drydock-ci/drydock/githubapp/webhook"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const serverVariable = "DRYDOCK_SIMULATION_SERVER"

// settings are what the server's process is told.
type settings struct {
	Folder, Yard, GitHub, Database string
	App                            githubtest.App
	Slots                          int
	Reconcile                      time.Duration // between two passes
}

// TestMain is the test, or the server.
func TestMain(m *testing.M) {
	text := os.Getenv(serverVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic(err)
	}
	if err := serve(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve is the server as "drydock serve" puts it together, with the yard as its
// only back end and a reconciler that is in more of a hurry.
func serve(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() { // the test holds the other end, however it ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	app, err := auth.New(auth.Options{AppID: s.App.ID, PrivateKey: s.App.PrivateKey, Address: s.GitHub, Log: log})
	if err != nil {
		return err
	}
	db, err := sqlite.Open(ctx, s.Database, sqlite.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := vault.MakeKeys(filepath.Join(s.Folder, "key"))
	if err != nil {
		return err
	}
	client, err := rpc.Dial("unix", s.Yard)
	if err != nil {
		return err
	}
	back := &reach{client}
	const owner = "simulation"
	server, err := githubapp.New(ctx, githubapp.Options{
		App: app, Store: db, Keys: keys, Policy: trust.Default(),
		Identity: githubapp.Identity{ID: s.App.ID, Slug: s.App.Slug, WebhookSecrets: [][]byte{[]byte(s.App.WebhookSecret)}},
		Engine:   &runner.Engine{Executors: map[string]executor.Executor{"yard": back}, Owner: owner, Name: owner, Log: log},
		Place: func(_ *plan.Leg, labels []string, _ string) (runner.Place, error) {
			return runner.Place{Executor: "yard", Labels: labels}, nil
		},
		Name: owner, Slots: s.Slots, URL: "http://ci.test", Log: log,
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, server) }() //nolint:gosec // it is the test that asks
	fmt.Println("http://" + l.Addr().String())
	go func() {
		for ctx.Err() == nil {
			time.Sleep(5 * time.Second)
			if _, err := back.Sweep(ctx, owner, func(run executor.RunID) bool { return server.Alive(ctx, string(run)) }); err != nil {
				log.Warn("sweep", "err", err)
			}
		}
	}()
	hurried := reconcile.New(reconcile.Options{
		Store: db, Reader: repository.New(repository.Options{Clients: app.Installation}), App: app.Client(), Events: webhook.Events(),
		Grace: s.Reconcile, Budget: 5000, Log: log,
	})
	go func() {
		for ctx.Err() == nil {
			found, err := hurried.Pass(ctx)
			log.Info("hurried", "found", found, "err", err)
			time.Sleep(s.Reconcile)
		}
	}()
	_, err = server.Run(ctx, time.Second)
	return err
}

// process of the server, as the test has it.
type server struct {
	t        *testing.T
	settings settings
	gh       *githubtest.GitHub
	cmd      *exec.Cmd
	log      *os.File
	kills    int
}

// start starts the server and leads webhooks there.
func (s *server) start() {
	text, err := json.Marshal(s.settings)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.cmd = exec.Command(os.Args[0], "-test.run=^$")
	s.cmd.Env = append(os.Environ(), serverVariable+"="+string(text))
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		_, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Errorf("start the server: %v", err)
		return
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Errorf("the server does not start: %v", err)
		return
	}
	s.gh.SetWebhook(strings.TrimSpace(line) + "/webhook")
}

// stop lets the server come to an end by itself.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server, told to stop: %v", err)
	}
}

// kill is kill -9.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.kills++
}
