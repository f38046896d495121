package cli

import (
	"slices"
	"testing"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// TestStrangersBases: what a server builds for others has nobody's logins, and of the
// own network what the operator named.
func TestStrangersBases(t *testing.T) {
	a := &app{config: &config.Config{Server: config.Server{
		RegistryLogins: map[string]string{"logins.test": "A:B"}, PlainRegistries: []string{"plain.test:5000"}, PrivateRegistries: []string{"private.test"},
		Images: map[string]string{"octo/demo": "images.test/team", "octo/hub": "team"},
	}}}
	var b build.Options
	if c, err := a.strangersBases(registry.Options{}, "cluster.test", &b); c != nil || err != nil || b.PublicOnly {
		t.Errorf("who runs his own: %v, %v, %+v", c, err, b)
	}
	a.serving = true
	c, err := a.strangersBases(registry.Options{}, "cluster.test", &b)
	if c == nil || err != nil || !b.PublicOnly {
		t.Fatalf("%v, %v, %+v", c, err, b)
	}
	slices.Sort(b.Private)
	if want := []string{"cluster.test", "images.test", "logins.test", "plain.test:5000", "private.test"}; !slices.Equal(b.Private, want) {
		t.Errorf("named: %q", b.Private)
	}
}
