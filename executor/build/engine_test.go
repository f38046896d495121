package build

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/docker/docker/client"

	"github.com/drydock-ci/drydock/executor"
)

// TestEngineAway: an engine that does not answer, or ends in the middle, is told from
// one that refuses.
func TestEngineAway(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc // nil: there is nobody
		kind   executor.ErrorKind
	}{
		"nobody": {nil, executor.Unavailable},
		"ends": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, executor.Lost},
		"refuses": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such image", http.StatusNotFound) }, executor.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			address := "127.0.0.1:1"
			if tt.answer != nil {
				s := httptest.NewServer(tt.answer)
				defer s.Close()
				address = s.Listener.Addr().String()
			}
			c, err := client.NewClientWithOpts(client.WithHost("tcp://"+address), client.WithVersion("1.41"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = save(t.Context(), c, "drydock-build/x:1", filepath.Join(t.TempDir(), "x.tar"))
			if !executor.IsKind(err, tt.kind) {
				t.Errorf("%v", err)
			}
		})
	}
}
