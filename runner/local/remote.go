package local

import (
	"net/url"
	"path"
	"strings"
)

// remote is what the address of a repository tells.
type remote struct {
	server      string // https://github.com
	owner, name string
}

// parseRemote reads an address that git takes: a URL with https, http, ssh or
// git, or the short form user@host:owner/name. A path or a file URL tells
// nothing about a server.
func parseRemote(address string) (remote, bool) {
	address = strings.TrimSpace(address)
	if scheme, _, ok := strings.Cut(address, "://"); ok {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" {
			return remote{}, false
		}
		switch strings.TrimPrefix(scheme, "git+") {
		case "https", "http":
			return newRemote(scheme, u.Host, u.Path)
		case "ssh", "git":
			return newRemote("https", u.Hostname(), u.Path) // its port is another service's
		}
		return remote{}, false
	}
	// git takes it for a path if a slash comes before the colon.
	host, rest, ok := strings.Cut(address, ":")
	if !ok || strings.Contains(host, "/") || len(host) < 2 {
		return remote{}, false
	}
	if i := strings.LastIndex(host, "@"); i >= 0 {
		host = host[i+1:]
	}
	return newRemote("https", host, rest)
}

func newRemote(scheme, host, p string) (remote, bool) {
	p = strings.TrimSuffix(strings.Trim(path.Clean("/"+p), "/"), ".git")
	parts := strings.Split(p, "/")
	if host == "" || len(parts) < 2 {
		return remote{}, false
	}
	host = strings.ToLower(host)
	// Aliases of ~/.ssh/config ("github.com-work") and GitHub's ssh over 443.
	if host == "ssh.github.com" || strings.HasPrefix(host, "github.com-") {
		host = "github.com"
	}
	owner, name := parts[len(parts)-2], parts[len(parts)-1]
	if owner == "" || name == "" {
		return remote{}, false
	}
	return remote{server: scheme + "://" + host, owner: owner, name: name}, true
}

// apiURL and graphqlURL are where GitHub of that server answers: github.com,
// a data residency host (name.ghe.com) or an Enterprise Server.
func apiURL(server string) string {
	scheme, host, _ := strings.Cut(server, "://")
	if host == "github.com" || strings.HasSuffix(host, ".ghe.com") {
		return scheme + "://api." + host
	}
	return server + "/api/v3"
}

func graphqlURL(server string) string {
	if api := apiURL(server); !strings.HasSuffix(api, "/api/v3") {
		return api + "/graphql"
	}
	return server + "/api/graphql"
}

// withoutCredentials removes user and password from an address.
func withoutCredentials(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		if scheme, rest, ok := strings.Cut(address, "://"); ok {
			authority, p, _ := strings.Cut(rest, "/")
			if i := strings.LastIndex(authority, "@"); i >= 0 {
				return scheme + "://" + authority[i+1:] + "/" + p
			}
		}
		return address
	}
	if u.Scheme == "ssh" && u.User != nil {
		u.User = url.User(u.User.Username()) // the user is part of the address there
	} else {
		u.User = nil
	}
	return u.String()
}
