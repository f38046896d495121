package docker

import (
	"maps"
	"slices"
	"strings"
)

// caVariables make the usual programs read a bundle of certificates.
var caVariables = []string{
	"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE",
	"REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO",
}

// surroundings are variables for every container that are added where neither
// the image nor the workflow has them: proxies in both cases, and the operator's
// certificates where trust is set.
func (x *Executor) surroundings(present []string, trust bool) []string {
	has := map[string]bool{}
	for _, kv := range present {
		k, _, _ := strings.Cut(kv, "=")
		has[k] = true
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(x.opts.Proxy)) {
		lower, upper := strings.ToLower(k), strings.ToUpper(k)
		// One of the two forms in the image is the image's own choice.
		if x.opts.Proxy[k] == "" || has[lower] || has[upper] {
			continue
		}
		out = append(out, lower+"="+x.opts.Proxy[k], upper+"="+x.opts.Proxy[k])
	}
	if trust && len(x.opts.CACert) > 0 && !x.opts.NoCAEnv {
		for _, k := range caVariables {
			if !has[k] {
				out = append(out, k+"="+caTarget)
			}
		}
	}
	return out
}

// lookup finds a variable in a list.
func lookup(env []string, key string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if k, v, _ := strings.Cut(env[i], "="); k == key {
			return v
		}
	}
	return ""
}
