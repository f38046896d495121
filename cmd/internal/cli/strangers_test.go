package cli

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// TestForStrangers: what a server does for others has nobody's logins, and of the own
// network what the operator named.
func TestForStrangers(t *testing.T) {
	a := &app{config: &config.Config{
		Server: config.Server{
			RegistryLogins: map[string]string{"logins.test": "A:B"}, PlainRegistries: []string{"plain.test:5000"}, PrivateRegistries: []string{"private.test"},
			Images: map[string]string{"octo/demo": "images.test/team", "octo/hub": "team"},
		},
		Kubernetes: config.Kubernetes{Registry: "cluster.test/ci", RegistryPlain: true},
	}}
	o := a.forStrangers(registry.Options{})
	slices.Sort(o.Private)
	if want := []string{"cluster.test", "images.test", "logins.test", "plain.test:5000", "private.test"}; !slices.Equal(o.Private, want) {
		t.Errorf("named: %q", o.Private)
	}
	if want := []string{"cluster.test", "plain.test:5000"}; !slices.Equal(o.PlainHTTP, want) || !o.PublicOnly || !o.NoUserLogins {
		t.Errorf("%+v", o)
	}
}

// TestAskRegistry: a server asks nobody in its own network about the image of an
// action, wherever a registry sends it.
func TestAskRegistry(t *testing.T) {
	var asked atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	defer inner.Close()
	ref := strings.TrimPrefix(inner.URL, "http://") + "/team/app:1"
	a := &app{config: &config.Config{}, serving: true}
	ask := a.imageConfig(slog.New(slog.DiscardHandler), nil, nil)
	if _, _, err := ask(t.Context(), executor.Image{Ref: ref}); err == nil || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	a.config.Server.PlainRegistries = []string{strings.TrimPrefix(inner.URL, "http://")}
	if _, _, err := ask(t.Context(), executor.Image{Ref: ref}); err == nil || asked.Load() == 0 {
		t.Errorf("one that is named: %v, asked %d times", err, asked.Load())
	}
}
