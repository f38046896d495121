package intake

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/event"
)

// FuzzPayload reads payloads that nobody vouches for.
func FuzzPayload(f *testing.F) {
	f.Add("push", []byte(`{"ref":"refs/heads/main","after":"a","commits":[{"id":"x","added":["a"]}],"repository":{"id":1,"name":"r","owner":{"login":"o"}}}`))
	f.Add("pull_request", []byte(`{"action":"opened","number":1,"pull_request":{"number":1,"head":{"repo":null},"base":{"repo":{"id":"x"}}}}`))
	f.Add("workflow_dispatch", []byte(`{"workflow":{"path":1},"inputs":{"a":[]}}`))
	if files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "suites", "webhook-payloads", "*", "*.payload.json")); err == nil {
		for _, file := range files {
			if raw, err := os.ReadFile(file); err == nil {
				f.Add(filepath.Base(filepath.Dir(file)), raw)
			}
		}
	}
	w, _ := workflow.Parse("a.yml", []byte("on: [push, pull_request, issues]\njobs: {a: {runs-on: x, steps: [{run: a}]}}"))
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		h, err := readHead(raw)
		if err != nil {
			return
		}
		for _, name := range event.Names(name) {
			c, err := newCause(name, store.Delivery{ID: "d", Event: name, Body: raw}, h)
			if err != nil {
				continue
			}
			again, err := newCause(name, store.Delivery{ID: "d", Event: name, Body: raw}, h)
			if err != nil || again.origin != c.origin || c.origin == "" {
				t.Errorf("one cause has two names: %q and %q (%v)", c.origin, again.origin, err)
			}
			if title(c, "name") == "" {
				t.Error("no title")
			}
			ref, sha := moved(c)
			if (ref == "") != (sha == "") && name != "push" && sha != "" {
				t.Errorf("%q is at %q", ref, sha)
			}
			judge(parsed{path: "a.yml", w: w}, c)
		}
	})
}
