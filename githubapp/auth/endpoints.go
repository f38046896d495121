package auth

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Endpoints are where a GitHub answers; each ends in a slash.
type Endpoints struct {
	Web    string // https://github.com/
	API    string // https://api.github.com/
	Upload string // https://uploads.github.com/
}

// ParseEndpoints finds the endpoints of the GitHub at an address as people write
// it: "" and "github.com", "https://octo.ghe.com", "https://ghe.example.com",
// "https://ghe.example.com/api/v3/".
func ParseEndpoints(address string) (Endpoints, error) {
	text := strings.TrimSpace(address)
	if text == "" {
		text = "https://github.com"
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Endpoints{}, fmt.Errorf("GitHub address %q: write it like https://github.example.com", address)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return Endpoints{}, fmt.Errorf("GitHub address %q: use https: tokens would travel in the clear", address)
	}
	path := strings.Trim(u.Path, "/")
	host := strings.ToLower(u.Host)
	switch bare := strings.TrimPrefix(host, "api."); {
	case bare == "github.com" || bare == "www.github.com":
		host = "github.com"
		fallthrough
	case strings.HasSuffix(bare, ".ghe.com"):
		if path != "" {
			return Endpoints{}, fmt.Errorf("GitHub address %q: leave out %q", address, "/"+path)
		}
		host = strings.TrimPrefix(host, "api.")
		return Endpoints{Web: "https://" + host + "/", API: "https://api." + host + "/", Upload: "https://uploads." + host + "/"}, nil
	case path != "" && path != "api/v3":
		return Endpoints{}, fmt.Errorf("GitHub address %q: leave out %q: the API's path is known", address, "/"+path)
	}
	root := u.Scheme + "://" + host + "/"
	return Endpoints{Web: root, API: root + "api/v3/", Upload: root + "api/uploads/"}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
