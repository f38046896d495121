package setup

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/auth"
)

// Flow is one run of GitHub's manifest flow: a page on this machine sends the
// browser to GitHub with the manifest, and GitHub sends it back with a code.
type Flow struct {
	request   Request
	endpoints auth.Endpoints
	listener  net.Listener
	state     string
	results   chan result
	client    *http.Client
}

type result struct {
	credentials Credentials
	err         error
}

// NewFlow listens on a loopback address and asks nobody yet.
func NewFlow(r Request, server string) (*Flow, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	endpoints, err := auth.ParseEndpoints(server)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for GitHub's answer: %w", err)
	}
	return &Flow{
		request: r, endpoints: endpoints, listener: listener, state: rand.Text(),
		results: make(chan result, 1), client: &http.Client{Timeout: time.Minute},
	}, nil
}

// Page is what to open in a browser of this machine.
func (f *Flow) Page() string { return "http://" + f.listener.Addr().String() + "/" }

// Wait serves the page until GitHub has made the App. A code that GitHub does not
// know ends it: codes live for an hour and work once.
func (f *Flow) Wait(ctx context.Context) (Credentials, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.page)
	mux.HandleFunc("GET /created", f.created)
	server := &http.Server{Handler: f.local(mux), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 16}
	served := make(chan error, 1)
	go func() { served <- server.Serve(f.listener) }()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(closing)
	}()
	select {
	case r := <-f.results:
		return r.credentials, r.err
	case err := <-served:
		return Credentials{}, fmt.Errorf("serve the page: %w", err)
	case <-ctx.Done():
		return Credentials{}, fmt.Errorf("wait for GitHub to make the App: %w", context.Cause(ctx))
	}
}

// local refuses names that somebody else's DNS may point at this machine.
func (f *Flow) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != f.listener.Addr().String() {
			http.Error(w, "this page answers only at "+f.Page(), http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; form-action "+strings.TrimRight(f.endpoints.Web, "/"))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

var pages = template.Must(template.New("begin").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Create a GitHub App for Drydock</title>
<h1>Create the GitHub App "{{.Name}}"</h1>
<p>GitHub asks you to confirm its name, then sends you back here. Deliveries will go to {{.Webhook}}.</p>
<form action="{{.Action}}" method="post">
<input type="hidden" name="manifest" value="{{.Manifest}}">
<button>Create it on {{.Host}}</button>
</form>
</html>
`))

func (f *Flow) page(w http.ResponseWriter, _ *http.Request) {
	m := f.request.manifest(f.Page() + "created")
	text, err := json.Marshal(m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	action := f.endpoints.Web
	if f.request.Organization != "" {
		action += "organizations/" + url.PathEscape(f.request.Organization) + "/"
	}
	action += "settings/apps/new?state=" + url.QueryEscape(f.state)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.Execute(w, map[string]string{
		"Name": m.Name, "Webhook": m.Hook.URL, "Action": action, "Manifest": string(text), "Host": f.endpoints.Web,
	})
}

// created takes the code, if it answers our own question.
func (f *Flow) created(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.state)) != 1 || q.Get("code") == "" {
		http.Error(w, "this answer belongs to no question of ours: begin again at "+f.Page(), http.StatusForbidden)
		return
	}
	c, err := f.convert(r.Context(), q.Get("code"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><meta charset=utf-8><title>Done</title><h1>The App is made</h1><p>Go on in the terminal.</p>")
	}
	select {
	case f.results <- result{c, err}:
	default: // somebody pressed twice
	}
}

func (f *Flow) convert(ctx context.Context, code string) (Credentials, error) {
	client := github.NewClient(f.client)
	base, err := url.Parse(f.endpoints.API)
	if err != nil {
		return Credentials{}, fmt.Errorf("ask GitHub for the App: %w", err)
	}
	client.BaseURL = base
	made, _, err := client.Apps.CompleteAppManifest(ctx, url.PathEscape(code))
	if err != nil {
		return Credentials{}, fmt.Errorf("ask GitHub for the App: %w", err)
	}
	c := Credentials{
		ID: made.GetID(), Slug: made.GetSlug(), Page: made.GetHTMLURL(), ClientID: made.GetClientID(), Server: strings.TrimRight(f.endpoints.Web, "/"),
		PrivateKey: []byte(made.GetPEM()), WebhookSecrets: [][]byte{[]byte(made.GetWebhookSecret())}, ClientSecret: made.GetClientSecret(),
	}
	if c.ID == 0 || len(c.PrivateKey) == 0 || made.GetWebhookSecret() == "" {
		return Credentials{}, fmt.Errorf("ask GitHub for the App: its answer lacks the id, the key or the webhook secret")
	}
	return c, nil
}
