package notify

import (
	"net"
	"net/http"
	"time"

	"github.com/drydock-ci/drydock/executor/publicnet"
)

// client makes connections of its own for every request, to the internet only unless
// private. A proxy would look names up by itself.
func client(private bool) *http.Client {
	const timeout = 10 * time.Second
	transport := &http.Transport{
		DialContext: publicnet.Dialer(timeout).DialContext, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: timeout, MaxResponseHeaderBytes: 64 << 10,
	}
	if private {
		transport.DialContext, transport.Proxy = (&net.Dialer{Timeout: timeout}).DialContext, http.ProxyFromEnvironment
	}
	return &http.Client{
		Transport: transport, Timeout: oneTry,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
