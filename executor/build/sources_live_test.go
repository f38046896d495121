package build

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

// TestPublicOnly: builds for strangers take nothing from the builder's own network,
// also of a builder that is too old to be told.
func TestPublicOnly(t *testing.T) {
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte("internal"))
	}))
	defer inside.Close()
	named, other := host(t), host(t)
	base(t, named)
	base(t, other)
	try := func(b *Builder, dockerfile string) error {
		t.Helper()
		_, err := b.Build(t.Context(), Request{Context: folder(t, "Dockerfile", dockerfile, "f", "x"), NoCache: true, Pull: true})
		return err
	}
	for kind, b := range both(t, Options{}) {
		if err := try(b, "FROM scratch\nADD "+inside.URL+"/a /a\n"); err != nil || asked.Swap(0) == 0 {
			t.Fatalf("%s: nothing is denied to who builds for himself, and the test proves nothing: %v", kind, err)
		}
	}
	for kind, b := range both(t, Options{PublicOnly: true, Private: []string{named}}) {
		c, err := b.client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Info(t.Context()); err != nil {
			t.Logf("%s is too old for policies: %v", kind, err)
		}
		for what, dockerfile := range map[string]string{
			"ADD":         "FROM scratch\nADD " + inside.URL + "/a /a\n",
			"an argument": "FROM scratch\nARG H=127.0.0.1\nADD http://$H" + strings.TrimPrefix(inside.URL, "http://127.0.0.1") + "/a /a\n",
			"a trigger":   "FROM scratch AS a\nCOPY f /\nONBUILD ADD " + inside.URL + "/a /a\nFROM a\n",
			"git":         "FROM scratch\nADD " + strings.Replace(inside.URL, "http:", "git:", 1) + "/a.git /a\n",
			"FROM":        "FROM " + other + "/base/busybox:1\nCOPY f /\n",
			"COPY --from": "FROM scratch\nCOPY --from=" + other + "/base/busybox:1 /bin/busybox /\n",
			"a mount":     "FROM " + named + "/base/busybox:1\nRUN --mount=type=bind,from=" + other + "/base/busybox:1,target=/mnt [\"/bin/busybox\", \"true\"]\n",
			"a frontend":  "# syntax=" + other + "/base/busybox:1\nFROM scratch\nCOPY f /\n",
		} {
			err := try(b, dockerfile)
			if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "denied by policy") {
				t.Errorf("%s, %s: %v", kind, what, err)
			}
		}
		if n := asked.Load(); n != 0 {
			t.Errorf("%s: %d requests came through", kind, n)
		}
		if err := try(b, "FROM "+named+"/base/busybox:1\nCOPY f /\nRUN [\"/bin/busybox\", \"true\"]\n"); err != nil {
			t.Errorf("%s: what the operator named: %v", kind, err)
		}
	}
}
