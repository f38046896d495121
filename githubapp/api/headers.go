package api

import (
	"net"
	"net/http"
	"strings"
)

// policy lets a page use what this server gives and nothing else: no inline
// script or style, no frame, no foreign request, and HTML only through the one
// place of the page that takes what the server has sanitised.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types drydock"

// filePolicy is for what jobs made: wherever it is opened, it cannot act.
const filePolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"

func secure(h http.Header, https bool) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if https {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// ours tells whether a request names this server: its own host, and for one of
// this machine any name of it. Ports are not looked at, since proxies and
// tunnels change them, and no page can choose a name by one.
func (s *Server) ours(host string) bool {
	name, own := hostName(host), s.base.Hostname()
	return name != "" && (strings.EqualFold(name, own) || isLoopbackName(own) && isLoopbackName(name) ||
		s.LocalToken != "" && isLoopbackName(name))
}

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

func isLoopbackName(name string) bool {
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// fromHere tells whether a request was made on this machine, to this machine,
// and not handed on by a proxy.
func fromHere(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return isLoopbackName(hostName(r.RemoteAddr)) && isLoopbackName(hostName(r.Host))
}
