package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// forStrangers keeps what jobs of a server name to the internet and to registries that
// the operator named, without logins of the server's user.
func (a *app) forStrangers(o registry.Options) registry.Options {
	o.NoUserLogins, o.PublicOnly, o.Private = true, true, namedRegistries(a.config.Server)
	k := a.config.Kubernetes
	if host, _, _ := strings.Cut(k.Registry, "/"); host != "" {
		o.Private = append(o.Private, host)
		if k.RegistryPlain {
			o.PlainHTTP = append(slices.Clone(o.PlainHTTP), host)
		}
	}
	o.PlainHTTP = append(slices.Clone(o.PlainHTTP), a.config.Server.PlainRegistries...)
	return o
}

// namedRegistries are those that the operator speaks of: they may lie in the server's
// own network.
func namedRegistries(c config.Server) []string {
	named := slices.Concat(c.PrivateRegistries, c.PlainRegistries, slices.Collect(maps.Keys(c.RegistryLogins)))
	for _, prefix := range c.Images {
		if host, _, _ := strings.Cut(prefix, "/"); host == "localhost" || strings.ContainsAny(host, ".:") { // else it is Docker Hub's
			named = append(named, host)
		}
	}
	return named
}
