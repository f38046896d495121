package registry

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// web is the way to a registry, and to where it leads: redirects, uploads, and the
// realm that makes its tokens.
func (c *Client) web(host string) http.RoundTripper {
	return guard{c, c.opts.PublicOnly && !listed(c.opts.Private, host)}
}

// guard lets no request go out unencrypted that may not (go-containerregistry falls
// back to HTTP for every private address, and a registry may redirect), and none go
// where it may not.
type guard struct {
	*Client
	strict bool // nobody named the registry: it leads to the internet only
}

var (
	errPlain = errors.New("it offers no TLS, and is not declared to be without")
	errForm  = errors.New("it sends credentials on to somebody else")
)

// maxRefusal bounds the answers of which errors are made, in bytes.
const maxRefusal = 64 << 10

func (g guard) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Scheme != "https" && !g.mayBePlain(q.URL.Host) {
		return nil, fmt.Errorf("%s: %w", q.URL.Host, errPlain)
	}
	next := g.anywhere
	if g.strict || g.opts.PublicOnly && !listed(g.opts.Private, q.URL.Host) {
		next = g.public
	}
	answer, err := next.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	// Whoever asks for a token by a form has the credentials in it, and clients send
	// it on. What stands in headers they take away by themselves.
	if answer.StatusCode/100 == 3 && q.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		answer.Body.Close()
		return nil, fmt.Errorf("%s: %w", q.URL.Host, errForm)
	}
	most := int64(maxDocument + 1) // layers are never read
	if answer.StatusCode >= http.StatusBadRequest {
		most = maxRefusal
	}
	answer.Body = bounded{io.LimitReader(answer.Body, most), answer.Body}
	return answer, nil
}

type bounded struct {
	io.Reader
	io.Closer
}

// mayBePlain tells whether a host may be spoken to without TLS.
func (c *Client) mayBePlain(host string) bool {
	bare := hostname(host)
	if ip := net.ParseIP(bare); !c.opts.PublicOnly && (bare == "localhost" || ip != nil && ip.IsLoopback()) {
		return true
	}
	return listed(c.opts.PlainHTTP, host)
}

// listed tells whether a list of HOST and HOST:PORT has a host.
func listed(all []string, host string) bool {
	bare := hostname(host)
	return slices.ContainsFunc(all, func(one string) bool {
		return strings.EqualFold(one, host) || strings.EqualFold(one, bare) || host == bare && strings.EqualFold(one, bare+":443")
	})
}

func hostname(host string) string {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		return bare
	}
	return strings.Trim(host, "[]")
}
