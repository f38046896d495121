package attacktest

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// evilNames are names that lead elsewhere for somebody.
var evilNames = []string{
	"..", ".", "../canary", "../../canary", "a/../../canary", "/etc/passwd", `..\canary`, `C:\x`, "a\x00b", "a\nb", "a:b", "a*", `a"b`,
	"a/b", `a\b`, strings.Repeat("a", 300), strings.Repeat("a/", 3000), "\xff\xfe", "\u0007",
}

// TestNamesCannotLeaveTheStore_CVE_2023_22726: no name on any route reads or
// writes outside the folder of the services.
func TestNamesCannotLeaveTheStore_CVE_2023_22726(t *testing.T) {
	d := newDesk(t)
	c := d.as(t, who{})
	above := filepath.Dir(d.root)
	canary := filepath.Join(above, "canary")
	if err := os.WriteFile(canary, []byte("canary content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(canary, filepath.Join(d.root, "link")); err != nil {
		t.Fatal(err)
	}
	look := func(what string, status int, body string) {
		t.Helper()
		if status >= 500 || strings.Contains(body, "canary content") || strings.Contains(body, "root:") {
			t.Errorf("%s: %d %.300s", what, status, body)
		}
	}

	// Artifacts of v4: by name.
	for _, name := range evilNames {
		for _, method := range []string{"CreateArtifact", "FinalizeArtifact", "GetSignedArtifactURL", "DeleteArtifact"} {
			if status, _ := c.call(artifactTwirp+method, map[string]any{"name": name, "version": 4}); status != http.StatusBadRequest && name != "\xff\xfe" {
				t.Errorf("%s of %.40q answers %d", method, name, status)
			}
		}
	}
	// Of v3: the name, and the path of each file.
	status, made := c.do(http.MethodPost, "_apis/pipelines/workflows/4711/artifacts", strings.NewReader(`{"Type":"actions_storage","Name":"n"}`))
	at := strings.Index(made, c.base+"_apis/resources/Containers/")
	if status != http.StatusCreated || at < 0 {
		t.Fatalf("no container: %d %s", status, made)
	}
	container, _, _ := strings.Cut(made[at:], `"`)
	for _, name := range evilNames {
		body := fmt.Sprintf(`{"Type":"actions_storage","Name":%q}`, name)
		status, answer := c.do(http.MethodPost, "_apis/pipelines/workflows/4711/artifacts", strings.NewReader(body))
		look("POST "+body, status, answer)
		if status < 400 {
			t.Errorf("v3 takes the name %.40q: %d", name, status)
		}
		if name == "a/b" || name == `a\b` || name == "\xff\xfe" {
			continue // as a path they are good
		}
		link := container + "?itemPath=" + url.QueryEscape("n/"+name)
		status, answer = c.do(http.MethodPut, link, strings.NewReader("evil"), "Content-Range", "bytes 0-3/4", "Content-Type", "application/octet-stream")
		look("PUT "+link, status, answer)
		if status != http.StatusBadRequest {
			t.Errorf("v3 takes the path %.40q: %d %s", name, status, answer)
		}
	}
	// Keys of caches may hold anything: they are never paths.
	for i, key := range []string{"../../canary", "/etc/passwd", `..\x`, "%2e%2e/x", "a\nb", "link"} {
		if !c.saveCache(key, "v", fmt.Sprint("entry ", i)) {
			t.Errorf("the key %q is refused", key)
		}
		if got := c.cached(key, "v"); got != fmt.Sprint("entry ", i) {
			t.Errorf("the key %q gives %q", key, got)
		}
	}
	if c.saveCache(strings.Repeat("k", 600), "v", "x") || c.saveCache("k", strings.Repeat("v", 600), "x") {
		t.Error("a key or version of 600 characters is taken")
	}
	// Raw paths, as no client of ours would write them.
	for _, prefix := range []string{
		"/blob/cache/", "/blob/artifact/", "/blob/", "/_apis/artifactcache/", "/_apis/artifactcache/caches/", "/_apis/resources/Containers/",
		"/_api/repos/octo/demo/actions/artifacts/", "/_api/repos/", "/_apis/pipelines/workflows/", "/" + artifactTwirp, "/" + cacheTwirp, "/.well-known/", "/",
	} {
		for _, rest := range []string{
			"../../../canary", "%2e%2e/%2e%2e/canary", "..%2f..%2fcanary", `..\..\canary`, "%00", "..%5c..%5ccanary", "%252e%252e%252fcanary",
			"//etc/passwd", "./link", "link", "link/data?se=9&sp=r&sig=0", "../link/data?se=9&sp=r&sig=0", strings.Repeat("a/", 4000), strings.Repeat("x", 9000),
		} {
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				u, err := url.Parse(c.base)
				if err != nil {
					t.Fatal(err)
				}
				r := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: u.Host, Opaque: "//" + u.Host + prefix + rest}, Header: http.Header{}}
				r.Header.Set("Authorization", "Bearer "+c.token)
				status, body := c.send(r)
				look(method+" "+prefix+rest[:min(len(rest), 60)], status, body)
				if status < 300 && prefix != "/.well-known/" {
					t.Errorf("%s %s%.60s answers %d: %.200s", method, prefix, rest, status, body)
				}
			}
		}
	}

	// Only the store's own folder was written.
	if data, err := os.ReadFile(canary); err != nil || string(data) != "canary content" {
		t.Errorf("the file beside the store: %q, %v", data, err)
	}
	entries, err := os.ReadDir(above)
	if err != nil || len(entries) != 2 {
		t.Errorf("beside the store: %v, %v", entries, err)
	}
	err = filepath.WalkDir(d.root, func(name string, _ fs.DirEntry, err error) error {
		if strings.Contains(name, "passwd") || strings.Contains(name, "..") {
			t.Errorf("a name of a client is a path of the store: %q", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
