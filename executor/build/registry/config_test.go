package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/drydock-ci/drydock/executor"
)

// library is a registry with one image for two platforms.
type library struct {
	*httptest.Server
	documents map[string]string // by path
	bearer    bool
}

func newLibrary(bearer bool) *library {
	l := &library{documents: map[string]string{}, bearer: bearer}
	manifests := ""
	for _, arch := range []string{"amd64", "arm64"} {
		config := fmt.Sprintf(`{"architecture":%q,"config":{"Entrypoint":["/run-%s"],"Cmd":["a","b"]}}`, arch, arch)
		manifest := fmt.Sprintf(`{"config":{"digest":%q}}`, digest.FromString(config))
		l.documents["/v2/team/app/blobs/"+digest.FromString(config).String()] = config
		l.documents["/v2/team/app/manifests/"+digest.FromString(manifest).String()] = manifest
		manifests += fmt.Sprintf(`,{"digest":%q,"platform":{"os":"linux","architecture":%q}}`, digest.FromString(manifest), arch)
	}
	l.documents["/v2/team/app/manifests/1"] = `{"manifests":[` + manifests[1:] + `]}`
	l.documents["/v2/team/app/manifests/broken"] = `{"config":{"digest":"` + digest.FromString("other").String() + `"}}`
	l.documents["/v2/team/app/blobs/"+digest.FromString("other").String()] = `{"config":{"Entrypoint":["/evil"]}}`
	l.documents["/v2/team/app/manifests/empty"] = `{}`
	l.documents["/v2/team/app/manifests/long"] = strings.Repeat(" ", maxDocument+2)
	l.Server = httptest.NewServer(l)
	return l
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if r.URL.Path == "/token" {
		if user != "me" || password != "secret" || r.URL.Query().Get("scope") != "repository:team/app:pull" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `{"access_token":"t"}`)
		return
	}
	switch {
	case l.bearer && r.Header.Get("Authorization") != "Bearer t":
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+l.URL+`/token",service="s",scope="repository:team/app:pull"`)
		w.WriteHeader(http.StatusUnauthorized)
	case !l.bearer && (user != "me" || password != "secret"):
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	case l.documents[r.URL.Path] == "":
		w.WriteHeader(http.StatusNotFound)
	default:
		fmt.Fprint(w, l.documents[r.URL.Path])
	}
}

// TestConfig: the configuration for a platform comes with the login that was given,
// and nothing passes that is not what its hash says.
func TestConfig(t *testing.T) {
	for _, bearer := range []bool{true, false} {
		l := newLibrary(bearer)
		defer l.Close()
		host := strings.TrimPrefix(l.URL, "http://")
		client := func(password string) *Client {
			o := Options{NoUserLogins: true}
			if password != "" {
				o.Logins = map[string]executor.Credentials{host: {Username: "me", Password: password}}
			}
			c, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		ref := host + "/team/app:1"
		if at, err := Host(ref); err != nil || at != host {
			t.Errorf("%q, %v", at, err)
		}
		got, err := client("secret").Config(t.Context(), ref, "linux/arm64")
		if err != nil || strings.Join(got.Config.Entrypoint, " ") != "/run-arm64" || strings.Join(got.Config.Cmd, " ") != "a b" {
			t.Errorf("bearer %v: %+v %v", bearer, got.Config, err)
		}
		for tag, want := range map[string]string{"none": "404", "broken": "another digest", "empty": "it has none", "long": "too long"} {
			if _, err := client("secret").Config(t.Context(), host+"/team/app:"+tag, ""); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", tag, err, want)
			}
		}
		if _, err := client("secret").Config(t.Context(), ref, "linux/s390x"); err == nil || !strings.Contains(err.Error(), "s390x") {
			t.Errorf("no such platform: %v", err)
		}
		for _, password := range []string{"wrong-one", ""} {
			if _, err := client(password).Config(t.Context(), ref, ""); err == nil || strings.Contains(err.Error(), "wrong-one") {
				t.Errorf("the password %q: %v", password, err)
			}
		}
	}
	unsafe := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://elsewhere.example/token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer unsafe.Close()
	c, err := New(Options{NoUserLogins: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Config(t.Context(), strings.TrimPrefix(unsafe.URL, "http://")+"/team/app:1", ""); err == nil || !strings.Contains(err.Error(), "elsewhere.example: it offers no TLS") {
		t.Errorf("tokens from elsewhere: %v", err)
	}
	if _, err := Host("No Image"); err == nil {
		t.Error("a wrong name is no error")
	}
}
