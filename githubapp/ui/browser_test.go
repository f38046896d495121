package ui_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/stored"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/ui"
	"github.com/drydock-ci/drydock/runner"
)

// site is a server with a store, and a browser in front of it.
type site struct {
	t     *testing.T
	store store.Store
	url   string
	tab   context.Context //nolint:containedctx // chromedp's tab is a context

	mu       sync.Mutex
	did      []string
	problems []string // what the browser complained of
	// changed counts requests that the browser gave up because a network of this
	// machine came or went: containers of other tests do that.
	changed int
	// lose is how often the connection is cut before a script is answered. The
	// browser complains of that, some time.
	lose map[string]int
}

const token = "token-of-the-test"

func open(t *testing.T) *site {
	t.Helper()
	name, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium: .ci/test.sh installs it")
	}
	s := &site{t: t}
	if s.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	page, err := ui.Handler()
	if err != nil {
		t.Fatal(err)
	}
	backend := stored.New(stored.Options{Store: s.store, Workflows: func(_ context.Context, _ api.Repository, _ string) ([]api.Workflow, error) {
		return []api.Workflow{api.WorkflowOf(".github/workflows/deploy.yml", []byte(deployWorkflow)), api.WorkflowOf(".github/workflows/ci.yml", []byte("on: push\njobs: {a: {runs-on: x, steps: [{run: a}]}}"))}, nil
	}})
	srv := httptest.NewUnstartedServer(nil)
	server, err := api.New(api.Options{
		Backend: backend, Directory: backend, Ledger: backend, Work: backend, URL: "http://" + srv.Listener.Addr().String(), LocalToken: token, Page: page,
		Artifacts: artifacts{}, Services: pipelines{ledger.New(s.store)}, Web: "https://github.example/",
		Actions: api.Actions{
			Cancel: func(_ context.Context, id store.RunID, _ store.Actor, _ string, force bool) error {
				return s.note("cancel %d %t", id, force)
			},
			Rerun: func(_ context.Context, id store.RunID, r queue.RerunRequest) (int, error) {
				return 2, s.note("rerun %d %s%s", id, r.What, r.Job)
			},
			Approve: func(_ context.Context, a store.Approval) error {
				return s.note("%s %d %s %s %s", a.Verdict, a.Run, a.Environment, a.SHA, a.Comment)
			},
			Dispatch: func(_ context.Context, d api.Dispatch) (store.RunID, error) {
				return 1, s.note("dispatch %s %s %v", d.Repository.Name, d.Workflow, d.Inputs)
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cuts(r.URL.Path) {
			panic(http.ErrAbortHandler)
		}
		server.ServeHTTP(w, r)
	})
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(server.Close)
	s.url = srv.URL

	alloc, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(name), chromedp.NoSandbox, chromedp.WindowSize(1280, 800), chromedp.WSURLReadTimeout(60*time.Second))...)
	t.Cleanup(stop)
	tab, stop := chromedp.NewContext(alloc)
	t.Cleanup(stop)
	s.tab = tab
	if err := chromedp.Listen(tab, s.listen); err != nil { // starts the browser
		t.Fatal(err)
	}
	s.run(chromedp.Navigate(s.url+"/queue#token="+token), visible(`nav a[href="/queue"][aria-current]`))
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.problems {
			t.Errorf("the browser complained: %s", p)
		}
	})
	return s
}

func (s *site) listen(ev any) {
	problem := ""
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		problem = fmt.Sprintf("exception: %+v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			problem = fmt.Sprintf("console: %s", e.Args[0].Value)
		}
	case *log.EventEntryAdded: // CSP violations, failed requests
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			problem = "log: " + e.Entry.Text + " " + e.Entry.URL
		}
	}
	if problem != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		if strings.Contains(problem, "net::ERR_NETWORK_CHANGED") {
			s.changed++
			return
		}
		if s.lose != nil {
			return
		}
		s.problems = append(s.problems, problem)
	}
}

func (s *site) cuts(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lose[path] == 0 {
		return false
	}
	s.lose[path]--
	return true
}

func (s *site) note(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did = append(s.did, fmt.Sprintf(format, args...))
	return nil
}

// await waits until the server was asked to do something.
func (s *site) await(want string) {
	s.t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		s.mu.Lock()
		all := strings.Join(s.did, "; ")
		s.mu.Unlock()
		if strings.Contains(all, want) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Errorf("the server was not asked to %s, but to %v", want, s.did)
}

func (s *site) run(actions ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.tab, 3*time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		s.t.Fatal(err)
	}
}

func visible(selector string) chromedp.Action[chromedp.Void] {
	return poll(fmt.Sprintf("document.querySelector(%q)?.getClientRects().length > 0", selector))
}

// click tries again when the page has put another element in the place of the one that
// was found.
func click(selector string) chromedp.Action[chromedp.Void] {
	once := chromedp.Click(chromedp.CSS(selector))
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		for {
			v, err := once(ctx, t)
			if err == nil || !strings.Contains(err.Error(), "Could not find node") {
				return v, err
			}
		}
	}
}

func press(keys string) chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(keys) }

func poll(js string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](js, chromedp.WithPollingTimeout(time.Minute))
}

// eval gives the value of an expression; promises are awaited.
func eval[T any](s *site, js string) T {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.tab, 3*time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// none gives what an expression finds amiss, once the page has come to rest.
func (s *site) none(js string) (bad []string) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if bad = eval[[]string](s, js); len(bad) == 0 || time.Now().After(end) {
			return bad
		}
	}
}

func (s *site) visit(path, ready string) {
	s.t.Helper()
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(s.tab, 2*time.Minute)
		err := chromedp.Do(ctx, chromedp.Navigate(s.url+path), visible(ready))
		cancel()
		if err == nil {
			return
		}
		s.mu.Lock()
		again := s.changed > 0 && try < 4
		s.changed = 0
		s.mu.Unlock()
		if !again {
			s.t.Fatalf("%s: there is no %s: %v: %s", path, ready, err, eval[string](s, `document.body.innerText.slice(0, 2000)`))
		}
	}
}

func (s *site) size(width, height int64) {
	s.t.Helper()
	s.run(chromedp.EmulateViewport(width, height))
}

func (s *site) dark(on bool) {
	s.t.Helper()
	value := "light"
	if on {
		value = "dark"
	}
	features := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}}
	if _, err := chromedp.Call(s.tab, emulation.SetEmulatedMedia, features); err != nil {
		s.t.Fatal(err)
	}
}

// shot keeps a picture in the folder that DRYDOCK_SCREENSHOTS names.
func (s *site) shot(name string) {
	s.t.Helper()
	dir := os.Getenv("DRYDOCK_SCREENSHOTS")
	if dir == "" {
		return
	}
	data, err := chromedp.Run(s.tab, chromedp.CaptureScreenshot())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// emit stores events as one chunk.
func (s *site) emit(key store.JobKey, events ...runner.Event) {
	s.t.Helper()
	var data []byte
	for _, e := range events {
		data = runner.AppendEvent(data, "", e)
	}
	last, err := s.store.LastEvent(s.t.Context(), key)
	if err == nil {
		_, err = s.store.AppendEvents(s.t.Context(), key, last, [][]byte{data})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
