package githubtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// TB is what the package needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Options of New.
type Options struct {
	Permissions map[string]string // of the App; nil: all that a CI server asks for
	Events      []string          // that the App hears; nil: all
	Webhook     string            // where deliveries go; "": nowhere until SetWebhook
	Now         func() time.Time  // nil: time.Now
	Listen      string            // "": a free port of 127.0.0.1
	URL         string            // that others reach it at, through a proxy; "": http:// and what it listens at
	Hourly      int               // requests of each caller in an hour; 0: 5,000
}

// GitHub is one GitHub with one App. Its methods may be called at any time from
// any goroutine.
type GitHub struct {
	t      TB
	o      Options
	url    string
	here   string // the same, without what is between others and it
	dir    string
	bypass string // a header's value: requests of the test itself meet no faults
	server *http.Server
	app    App

	faults faulty
	hooks  *sender

	// mu guards all that follows, and all accounts, repositories and what is in
	// them. Handlers hold it while they run.
	mu            sync.Mutex
	skew          time.Duration
	ids           map[string]int64
	accounts      map[string]*Account // by lower-case login
	repositories  map[string]*Repository
	renamed       map[string]*Repository // by their old names
	installations []*Installation
	tokens        map[string]*token
	codes         map[string]*code
	manifests     map[string]*manifest
	browser       *Account // who is signed in on GitHub's pages
	callbacks     []string // where sign-ins may lead back to; none: anywhere
	setupURL      string   // where an installation leads to
	budgets       map[string]*budget
	unserved      []string

	observe func(exchange) // a test's look at every API exchange
}

// New starts a GitHub, with at most one Options. It ends with the test.
func New(t TB, options ...Options) *GitHub {
	t.Helper()
	g := &GitHub{
		t: t, ids: map[string]int64{}, accounts: map[string]*Account{}, repositories: map[string]*Repository{}, renamed: map[string]*Repository{},
		tokens: map[string]*token{}, codes: map[string]*code{}, manifests: map[string]*manifest{}, budgets: map[string]*budget{},
	}
	if len(options) > 0 {
		g.o = options[0]
	}
	if g.o.Now == nil {
		g.o.Now = time.Now
	}
	if g.o.Listen == "" {
		g.o.Listen = "127.0.0.1:0"
	}
	if g.o.Hourly == 0 {
		g.o.Hourly = 5000
	}
	if g.o.Permissions == nil {
		g.o.Permissions = defaultPermissions()
	}
	listener, err := net.Listen("tcp", g.o.Listen)
	if err != nil {
		t.Fatalf("start GitHub: %v", err)
	}
	g.here = "http://" + listener.Addr().String()
	if g.url = g.o.URL; g.url == "" {
		g.url = g.here
	}
	if g.dir, err = os.MkdirTemp("", "githubtest-"); err != nil {
		t.Fatalf("make a folder for GitHub's repositories: %v", err)
	}
	if g.app, err = newApp(); err != nil {
		t.Fatalf("make the App: %v", err)
	}
	g.bypass = secretText("bypass", 1)
	g.hooks = newSender(g, g.o.Webhook)
	g.server = &http.Server{Handler: g.handler(), ReadHeaderTimeout: 30 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.server.Serve(listener)
	}()
	t.Cleanup(func() {
		g.hooks.close()
		closing, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if g.server.Shutdown(closing) != nil {
			_ = g.server.Close()
		}
		<-done
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, r := range g.repositories {
			r.git.close()
		}
		_ = os.RemoveAll(g.dir)
	})
	return g
}

// URL is the address of this GitHub as a person writes it, without a slash at
// its end; auth.Options.Address takes it.
func (g *GitHub) URL() string { return g.url }

// App is the App that everybody talks about.
func (g *GitHub) App() App {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.app
}

// Advance puts GitHub's clock ahead: tokens and limits run out.
func (g *GitHub) Advance(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.skew += d
}

// Unserved are the API requests that GitHub may know and this one does not, such
// as "GET /repos/octo/demo/hooks".
func (g *GitHub) Unserved() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.unserved...)
}

func (g *GitHub) now() time.Time { return g.o.Now().Add(g.skew).UTC() }

// firstIDs keep the kinds of ids apart, so that a mix-up shows.
var firstIDs = map[string]int64{
	"account": 100, "repository": 1_000, "installation": 50_000, "pull": 200_000, "issue": 300_000, "comment": 400_000,
	"suite": 5_000_000, "check": 6_000_000, "delivery": 70_000_000, "environment": 8_000, "release": 90_000, "label": 10_000, "rule": 20_000, "team": 30_000, "activity": 40_000, "asset": 95_000, "status": 45_000,
}

// id is the next id of a kind: the same ones in each run of a test.
func (g *GitHub) id(kind string) int64 {
	g.ids[kind]++
	return firstIDs[kind] + g.ids[kind]
}

func (g *GitHub) api(format string, args ...any) string {
	return g.url + "/api/v3/" + fmt.Sprintf(format, args...)
}

func (g *GitHub) web(format string, args ...any) string {
	return g.url + "/" + fmt.Sprintf(format, args...)
}

func (g *GitHub) folder(name string) string { return filepath.Join(g.dir, name) }

func (g *GitHub) find(fullName string) *Repository {
	return g.repositories[strings.ToLower(fullName)]
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// stampOrNull is null for a time that is not set.
func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}
