package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/setup"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9080", "`HOST:PORT` to listen at, of this machine alone")
	server := flag.String("server", "http://127.0.0.1:8080", "`URL` of drydock serve, where webhooks go")
	folder := flag.String("folder", "", "`FOLDER` for the App's credentials and the address to clone from")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	life := &lifetime{}
	err := pretend(ctx, life, *listen, *server, *folder)
	life.end()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pretend-github:", err)
		os.Exit(1) //nolint:gocritic // all is cleaned up
	}
}

func pretend(ctx context.Context, life *lifetime, listen, server, folder string) error {
	if folder == "" {
		return fmt.Errorf("give --folder, for the App's credentials")
	}
	gh := githubtest.New(life, githubtest.Options{Listen: listen, Webhook: strings.TrimRight(server, "/") + "/webhook"})
	gh.User("mona")
	gh.SignedIn("mona")
	repo := gh.Repository("octo/demo", githubtest.Files{"README.md": "# Demo\n"})
	repo.Collaborator("mona", "admin")
	app := gh.App()
	if err := setup.Save(filepath.Join(folder, "app"), setup.Credentials{
		ID: app.ID, Slug: app.Slug, ClientID: app.ClientID, Server: gh.URL(),
		PrivateKey: app.PrivateKey, WebhookSecrets: [][]byte{[]byte(app.WebhookSecret)}, ClientSecret: app.ClientSecret,
	}); err != nil {
		return err
	}
	clone := strings.Replace(repo.CloneURL(), "://", "://mona:"+gh.UserToken("mona")+"@", 1)
	file := filepath.Join(folder, "clone-url")
	if err := os.WriteFile(file, []byte(clone+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Printf("GitHub is at %s; you are mona. Webhooks go to %s/webhook.\n", gh.URL(), strings.TrimRight(server, "/"))
	fmt.Printf("Its repository octo/demo is cloned with: git clone \"$(cat %s)\"\n", file)
	told := map[int64]string{}
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		runs := gh.CheckRuns(repo, "")
		slices.SortStableFunc(runs, func(a, b githubtest.CheckRun) int { return int(a.ID - b.ID) })
		for _, r := range runs {
			text := fmt.Sprintf("check run %q of %s is %s", r.Name, r.SHA[:7], r.Status)
			if r.Conclusion != "" {
				text += ": " + r.Conclusion
			}
			if told[r.ID] != text {
				told[r.ID] = text
				fmt.Println(text)
			}
		}
	}
}

// lifetime is what a test is to the GitHub of tests.
type lifetime struct{ cleanup []func() }

func (l *lifetime) Helper()          {}
func (l *lifetime) Cleanup(f func()) { l.cleanup = append(l.cleanup, f) }

// Fatalf is only called before there is anything to clean up.
func (l *lifetime) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "pretend-github: "+format+"\n", args...)
	os.Exit(1)
}

func (l *lifetime) end() {
	for _, f := range slices.Backward(l.cleanup) {
		f()
	}
}
