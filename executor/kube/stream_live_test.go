package kube

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/drydock-ci/drydock/executor"
)

// TestWithoutWebSocket has a proxy between that knows no WebSocket.
func TestWithoutWebSocket(t *testing.T) {
	x, labels := live(t, Options{})
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(c.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	direct := rest.CopyConfig(c.config)
	direct.NextProtos = []string{"http/1.1"} // what can be upgraded
	transport, err := rest.TransportFor(direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: transport, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	var refused, spdy atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch up := strings.ToLower(r.Header.Get("Upgrade")); {
		case up == "websocket":
			refused.Add(1)
			http.Error(w, "no", http.StatusBadRequest)
			return
		case strings.HasPrefix(up, "spdy"):
			spdy.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	if *x.found, err = newClient(&rest.Config{Host: server.URL}, c.namespace); err != nil {
		t.Fatal(err)
	}
	defer func() { *x.found = c }()
	e := create(t, x, executor.Spec{Name: "spdy", Labels: labels, Kind: executor.Machine})
	want(t, e, "echo through the old way; head -c 3000000 /dev/zero | wc -c", "through the old way\n3000000")
	if refused.Load() == 0 || spdy.Load() == 0 {
		t.Errorf("WebSocket was tried %d times, SPDY %d times", refused.Load(), spdy.Load())
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
