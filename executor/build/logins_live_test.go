package build

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// both are the kinds of builders: buildkitd and the engine's own.
func both(t *testing.T, o Options) map[string]*Builder {
	t.Helper()
	inEngine := o
	inEngine.Engine = engineOf(docker(t))
	e, err := New(inEngine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return map[string]*Builder{"engine": e, "buildkitd": shared(t, o)}
}

// TestBuilderLogins: builders get tokens for base images, for those alone that the
// logins are for, and a realm in the own network is asked for nobody.
func TestBuilderLogins(t *testing.T) {
	realm := ""
	host, maker, asked := guarded(t, func() string { return realm })
	realm = maker.URL
	userLogin(t, host)
	for _, repository := range []string{"/team/base", "/other/private"} {
		ref, err := name.ParseReference(host + repository + ":1")
		if err != nil {
			t.Fatal(err)
		}
		img, err := random.Image(100, 1)
		if err == nil {
			img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: mustConfig(t, img).RootFS})
		}
		if err == nil {
			err = remote.Write(ref, img, remote.WithAuthFromKeychain(authn.DefaultKeychain))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	try := func(b *Builder, o registry.Options, repository string) error {
		t.Helper()
		c, err := registry.New(o)
		if err != nil {
			t.Fatal(err)
		}
		dir := folder(t, "Dockerfile", "FROM "+host+repository+":1\nCOPY f /f\n", "f", t.Name())
		_, err = b.Build(t.Context(), Request{Context: dir, Registry: c, Pull: true})
		return err
	}
	team := func(repository string) bool { return strings.HasPrefix(repository, host+"/team/") }
	for kind, b := range both(t, Options{}) {
		if err := try(b, registry.Options{UserLogins: team}, "/other/private"); !executor.IsKind(err, executor.Refused) {
			t.Errorf("%s: what the login is not for: %v", kind, err)
		}
		if err := try(b, registry.Options{UserLogins: team}, "/team/base"); err != nil {
			t.Errorf("%s: what the login is for: %v", kind, err)
		}
		if err := try(b, registry.Options{}, "/other/private"); err != nil {
			t.Errorf("%s: all logins: %v", kind, err)
		}
		if err := try(b, registry.Options{NoUserLogins: true}, "/other/private"); !executor.IsKind(err, executor.Refused) {
			t.Errorf("%s: after somebody else had it: %v", kind, err)
		}
		before := asked.Load()
		err := try(b, registry.Options{PublicOnly: true, Private: []string{host}, PlainHTTP: []string{host, strings.TrimPrefix(realm, "http://")}}, "/team/base")
		if !executor.IsKind(err, executor.Refused) || asked.Load() != before {
			t.Errorf("%s: a realm in the own network: %v, asked %d times", kind, err, asked.Load()-before)
		}
	}
}
