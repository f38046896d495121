package kube

import (
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

// TestTrust: programs of a job find the operator's certificates and proxies, the
// containers beside it the certificates.
func TestTrust(t *testing.T) {
	x, labels := live(t, Options{CACert: []byte("bundle\n"), Proxy: map[string]string{"https_proxy": "http://me:pass@proxy:1"}})
	for _, kind := range []executor.Kind{executor.Machine, executor.Container} {
		t.Run(string(kind), func(t *testing.T) {
			e := create(t, x, executor.Spec{Name: "trust", Labels: labels, Kind: kind})
			want(t, e, `cat "$SSL_CERT_FILE"; test -r "$NODE_EXTRA_CA_CERTS"; echo "$HTTPS_PROXY"`, "bundle\nhttp://me:pass@proxy:1")
			b, err := e.Container(t.Context(), executor.ContainerSpec{Name: "action", Image: executor.Image{Ref: testImage}})
			if err != nil {
				t.Fatal(err)
			}
			want(t, b.(*environment), `cat "$SSL_CERT_FILE"`, "bundle")
		})
	}
}
