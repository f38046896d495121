package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/ui"
)

func (a *app) uiCommand() *cobra.Command {
	var listen string
	var noOpen bool
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Show the runs of this machine in a browser",
		Long: `Ui shows what "drydock run" did and does, of all repositories: graphs of jobs, logs as they are
written, step times, summaries and artifacts. The page is the one of "drydock serve". It is for this
machine and whoever gets its address, which holds a token that is new each time.`,
		Example: "  drydock ui\n  drydock ui --listen 127.0.0.1:8090 --no-open",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return a.ui(ctx, listen, !noOpen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "`HOST:PORT` to listen at, of this machine; port 0 is any that is free")
	cmd.Flags().BoolVar(&noOpen, "no-open", false, "only print the address")
	return cmd
}

func (a *app) ui(ctx context.Context, listen string, open bool) error {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usage("--listen %q: give an address of this machine alone, such as 127.0.0.1:8090", listen)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("listen at %s: %w", listen, err)}
	}
	defer l.Close()
	page, err := ui.Handler()
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	key := make([]byte, 16)
	_, _ = rand.Read(key)
	token := hex.EncodeToString(key)
	past := pastRuns{a}
	server, err := api.New(api.Options{
		Backend: past, Artifacts: past, URL: "http://" + l.Addr().String(), LocalToken: token, Page: page,
		Actions: api.Actions{Cancel: func(_ context.Context, id store.RunID, _ store.Actor, _ string, force bool) error {
			return past.cancel(id, force)
		}},
	})
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	address := "http://" + l.Addr().String() + "/#token=" + token
	fmt.Fprintf(a.stdout, "The runs of this machine: %s\nCtrl-C ends it.\n", address)
	if open {
		openBrowser(ctx, address)
	}
	web := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- web.Serve(l) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		server.Close()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err = web.Shutdown(last); err != nil { // a browser may hold connections that it has not used
			err = web.Close()
		}
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return &exitError{exitInfrastructure, fmt.Errorf("serve the page: %w", err)}
	}
	return nil
}
