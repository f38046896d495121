package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

// library is a registry with one image for two platforms.
type library struct {
	*httptest.Server
	documents map[string]string // by path
	bearer    bool
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func newLibrary(bearer bool) *library {
	l := &library{documents: map[string]string{}, bearer: bearer}
	manifests := ""
	for _, arch := range []string{"amd64", "arm64"} {
		config := fmt.Sprintf(`{"architecture":%q,"config":{"Entrypoint":["/run-%s"],"Cmd":["a","b"]}}`, arch, arch)
		manifest := fmt.Sprintf(`{"config":{"digest":%q}}`, digest(config))
		l.documents["/v2/team/app/blobs/"+digest(config)] = config
		l.documents["/v2/team/app/manifests/"+digest(manifest)] = manifest
		manifests += fmt.Sprintf(`,{"digest":%q,"platform":{"os":"linux","architecture":%q}}`, digest(manifest), arch)
	}
	l.documents["/v2/team/app/manifests/1"] = `{"manifests":[` + manifests[1:] + `]}`
	l.documents["/v2/team/app/manifests/broken"] = `{"config":{"digest":"` + digest("other") + `"}}`
	l.documents["/v2/team/app/blobs/"+digest("other")] = `{"config":{"Entrypoint":["/evil"]}}`
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

func TestRegistryConfig(t *testing.T) {
	ask := RegistryConfig(nil)
	for _, bearer := range []bool{true, false} {
		l := newLibrary(bearer)
		defer l.Close()
		img := executor.Image{
			Ref: strings.TrimPrefix(l.URL, "http://") + "/team/app:1", Platform: "linux/arm64",
			Credentials: &executor.Credentials{Username: "me", Password: "secret"},
		}
		entrypoint, cmd, err := ask(t.Context(), img)
		if err != nil || strings.Join(entrypoint, " ") != "/run-arm64" || strings.Join(cmd, " ") != "a b" {
			t.Errorf("bearer %v: %q %q %v", bearer, entrypoint, cmd, err)
		}
		for change, want := range map[string]string{":none": "404", ":broken": "hash", ":empty": "names no configuration", ":long": "too long"} {
			bad := img
			bad.Ref = strings.TrimSuffix(img.Ref, ":1") + change
			if _, _, err := ask(t.Context(), bad); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", change, err, want)
			}
		}
		bad := img
		bad.Platform = "linux/s390x"
		if _, _, err := ask(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "s390x") {
			t.Errorf("no such platform: %v", err)
		}
		bad = img
		bad.Credentials = &executor.Credentials{Username: "me", Password: "wrong-one"}
		if _, _, err := ask(t.Context(), bad); err == nil || strings.Contains(err.Error(), "wrong-one") {
			t.Errorf("wrong password: %v", err)
		}
		bad.Credentials = nil
		if _, _, err := ask(t.Context(), bad); err == nil {
			t.Error("no login, no error")
		}
	}
	unsafe := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://elsewhere.example/token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer unsafe.Close()
	_, _, err := ask(t.Context(), executor.Image{Ref: strings.TrimPrefix(unsafe.URL, "http://") + "/a:1"})
	if err == nil || !strings.Contains(err.Error(), "not safe") {
		t.Errorf("tokens from elsewhere: %v", err)
	}
	if _, _, err := ask(t.Context(), executor.Image{Ref: "No Image"}); err == nil {
		t.Error("a wrong name is no error")
	}
}
