package api_test

import (
	"strings"
	"testing"
)

// TestServices reads where services stand, and what two builds differ in.
func TestServices(t *testing.T) {
	w := start(t)
	reader, _ := w.browser("reader")
	ask := func(path string, status int, parts ...string) {
		t.Helper()
		got, body, _ := w.do(reader, "GET", path, "")
		if got != status {
			t.Errorf("%s: status %d, want %d: %s", path, got, status, body)
		}
		for _, part := range parts {
			if !strings.Contains(body, part) {
				t.Errorf("%s lacks %s: %s", path, part, body)
			}
		}
	}
	ask("/api/v1/services", 200, `"repository":"octo/app"`, `"service":"web"`)
	if _, body, _ := w.do(reader, "GET", "/api/v1/services", ""); strings.Contains(body, "octo/hidden") || strings.Contains(body, "sha256:3") {
		t.Errorf("a reader sees what is hidden: %s", body)
	}
	ask("/api/v1/repositories/octo/app/services", 200, `"last":{"service":"web","run":2`, `"published":{"service":"web","run":1`)
	ask("/api/v1/repositories/octo/app/services/web", 200, `"builds":[{"service":"web","run":2`, `"commit":"c1"`)
	ask("/api/v1/repositories/octo/app/services/nosuch", 404)
	ask("/api/v1/repositories/octo/app/services/web/diff?from=1.1&to=2", 200,
		`"digest":{"from":"sha256:1","to":"sha256:2"}`, `"subject":"in octo/app since c1"`, `"commit":"c2"`)
	ask("/api/v1/repositories/octo/app/services/web/diff?from=1&to=3", 404) // another repository's
	ask("/api/v1/repositories/octo/app/services/web/diff?from=1&to=x", 400, "RUN or RUN.ATTEMPT")
	ask("/api/v1/repositories/octo/app/services/web/diff?from=1.7&to=2", 404)
	ask("/api/v1/repositories/octo/app/services/web/diff", 400)
}
