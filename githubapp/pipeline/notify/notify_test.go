package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

const digest = "sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"

var now = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// published is a service that was published, and what its declaration notifies.
func published(t *testing.T, notify string) ([]declaration.Notification, pipeline.Request, pipeline.Result) {
	t.Helper()
	src := "services:\n  web:\n    path: web\n    image: localhost:5000/shop/web\n    notify:\n" + notify
	all, found := declaration.Parse("drydock.yaml", []byte(src))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	s := all.Lookup("web")
	return s.Notify, pipeline.Request{Service: s, Commit: strings.Repeat("a1", 20)}, pipeline.Result{
		Service: "web", Outcome: pipeline.Built, Reason: "web/main.go (path)", Version: "1.4.0", Tags: []string{"abc1234", "main"},
		Image:  pipeline.Image{Name: "localhost:5000/shop/web", Digest: digest},
		Chart:  "oci://localhost:5000/shop/charts/web:1.4.0",
		Stages: []pipeline.Stage{{Name: pipeline.StageBuild, Took: 1234567 * time.Microsecond}, {Name: pipeline.StagePush, Took: time.Second}},
	}
}

func options() Options {
	return Options{
		Run: "42.1", RunURL: "https://ci.example/runs/42", Source: "https://git.example/shop/web", Repository: "shop/web", AllowPrivate: true,
		Lookup: func(name string) (string, bool) {
			secret, ok := map[string]string{"HOOK_SECRET": "canary-4711", "EMPTY": ""}[name]
			return secret, ok
		},
		Now: func() time.Time { return now },
	}
}

// newNotifier does not wait long.
func newNotifier(o Options) *Notifier {
	n := New(o)
	n.pause = time.Millisecond
	return n
}

// A receiver of the CloudEvents project takes the event, and the signature is right.
func TestCloudEvent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var header http.Header
	var body []byte
	keep := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			header = q.Header.Clone()
			body, _ = io.ReadAll(q.Body)
			q.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, q)
		})
	}
	receiver, err := cloudevents.NewClientHTTP(cehttp.WithListener(listener), cehttp.WithPath("/in"), cehttp.WithMiddleware(keep))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	events, done := make(chan cloudevents.Event, 2), make(chan error, 1)
	go func() { done <- receiver.StartReceiver(ctx, func(e cloudevents.Event) { events <- e }) }()
	defer func() { stop(); <-done }()

	to, request, result := published(t, "      - {webhook: \"http://"+listener.Addr().String()+"/in\", secret: HOOK_SECRET}\n")
	n := newNotifier(options())
	for range 2 { // told again, it is the same event
		if err := n.Notify(t.Context(), to[0], request, result); err != nil {
			t.Fatal(err)
		}
		e := <-events
		if err := e.Validate(); err != nil {
			t.Errorf("the receiver says: %v", err)
		}
		const subject = "pkg:oci/web@sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427?repository_url=localhost%3A5000/shop/web"
		got := []string{e.SpecVersion(), e.ID(), e.Source(), e.Type(), e.Subject(), e.Time().Format(time.RFC3339), e.DataContentType()}
		want := []string{"1.0", "42.1.web", "https://git.example/shop/web", "dev.cdevents.artifact.published.0.3.0", subject, "2026-11-21T10:00:00Z", "application/json"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("envelope (-want +got):\n%s", d)
		}
		var data, wanted any
		if err := json.Unmarshal(e.Data(), &data); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(`{
			"context": {"specversion": "0.5.1", "id": "42.1.web", "source": "https://git.example/shop/web", "type": "dev.cdevents.artifact.published.0.3.0", "timestamp": "2026-11-21T10:00:00Z"},
			"subject": {"id": "`+subject+`", "content": {}},
			"customData": {"service": "web", "version": "1.4.0", "image": "localhost:5000/shop/web", "digest": "`+digest+`", "tags": ["abc1234", "main"],
				"commit": "`+request.Commit+`", "repository": "shop/web", "chart": "oci://localhost:5000/shop/charts/web:1.4.0", "reason": "web/main.go (path)",
				"run": {"id": "42.1", "url": "https://ci.example/runs/42", "stages": [{"name": "build", "seconds": 1.235}, {"name": "push", "seconds": 1}]}}}`), &wanted); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(wanted, data); d != "" {
			t.Errorf("data (-want +got):\n%s", d)
		}
	}
	if got := header.Get("X-Hub-Signature-256"); got != sign(body, "canary-4711") {
		t.Errorf("signature %q", got)
	}
	if got := header.Get("Content-Type"); got != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
}

// GitHub docs: "Validating webhook deliveries" has this example.
func TestSign(t *testing.T) {
	if got := sign([]byte("Hello, World!"), "It's a Secret to Everybody"); got != "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Error(got)
	}
}

// GitHub takes the dispatch and starts what waits for it.
func TestDispatch(t *testing.T) {
	g := githubtest.New(t)
	g.Repository("octo/deploy", githubtest.Files{"f": "1"})
	g.Repository("octo/shop", githubtest.Files{"f": "1"})
	writer, stranger := g.UserToken("octo"), g.UserToken("stranger")
	tests := []struct {
		name, notify, token, event, want string
	}{
		{name: "default type", notify: "dispatch: octo/deploy", token: writer, event: "service-published"},
		{name: "type", notify: "dispatch: octo/deploy, event-type: roll-out", token: writer, event: "roll-out"},
		{name: "no rights", notify: "dispatch: octo/deploy", token: stranger, want: `drydock.yaml:6: tell repository "octo/deploy" about service "web": it answers 403 Forbidden`},
		{name: "no such repository", notify: "dispatch: octo/gone", token: writer, want: `it answers 404 Not Found: "{`},
		{name: "no token", notify: "dispatch: octo/deploy", want: "there is no token that may write to it"},
		{name: "long type", notify: "dispatch: octo/deploy, event-type: " + strings.Repeat("x", 101), token: writer, want: "more than 100 characters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to, request, result := published(t, "      - {"+tt.notify+"}\n")
			o := options()
			o.API = g.URL() + "/api/v3/"
			o.Token = func(_ context.Context, repository string) (string, error) {
				if repository != to[0].Dispatch.Text {
					t.Errorf("a token for %q is asked for", repository)
				}
				return tt.token, nil
			}
			before := len(g.Deliveries())
			err := newNotifier(o).Notify(t.Context(), to[0], request, result)
			g.Settle()
			all := g.Deliveries()[before:]
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || len(all) != 0 {
					t.Errorf("%d deliveries, error %v, want %q", len(all), err, tt.want)
				}
				if err != nil && tt.token != "" && strings.Contains(err.Error(), tt.token) {
					t.Errorf("the token is told: %v", err)
				}
				return
			}
			if err != nil || len(all) != 1 {
				t.Fatalf("%d deliveries, error %v", len(all), err)
			}
			var payload struct {
				Action  string
				Payload map[string]any `json:"client_payload"`
			}
			if err := json.Unmarshal(all[0].Payload, &payload); err != nil {
				t.Fatal(err)
			}
			if all[0].Event != "repository_dispatch" || payload.Action != tt.event || len(payload.Payload) != 10 ||
				payload.Payload["digest"] != digest || payload.Payload["service"] != "web" {
				t.Errorf("%s %s", all[0].Event, all[0].Payload)
			}
		})
	}
}
