package docker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/registry"
	"github.com/drydock-ci/drydock/executor"
)

// loginKey is how the docker program files the login for a registry: by its
// host, but the one of names that say none by its index's address.
func loginKey(domain string) string {
	if named, err := reference.ParseNormalizedNamed("a"); err == nil && reference.Domain(named) == domain {
		return "https://index." + domain + "/v1/"
	}
	return domain
}

// login gives the registry header for a pull: the declared credentials, else
// the user's own login for exactly that registry, else none.
func (x *Executor) login(ctx context.Context, img executor.Image) (string, error) {
	named, err := reference.ParseNormalizedNamed(img.Ref)
	if err != nil {
		return "", fmt.Errorf("%q is not an image's name: %w", img.Ref, err)
	}
	domain := reference.Domain(named)
	if c := img.Credentials; c != nil && (c.Username != "" || c.Password != "") {
		return registry.EncodeAuthConfig(registry.AuthConfig{Username: c.Username, Password: c.Password, ServerAddress: domain})
	}
	if x.opts.NoUserLogins {
		return "", nil
	}
	conf, err := x.clientConfig()
	if err != nil {
		return "", err
	}
	auth, err := conf.login(ctx, loginKey(domain))
	if err != nil || auth == nil {
		return "", err
	}
	return registry.EncodeAuthConfig(*auth)
}

// login looks a registry up: its own helper, the store, then the file.
func (c clientConfig) login(ctx context.Context, key string) (*registry.AuthConfig, error) {
	host := hostOf(key)
	for k, helper := range c.CredHelpers {
		if hostOf(k) == host {
			return askHelper(ctx, helper, k)
		}
	}
	if c.CredsStore != "" {
		a, err := askHelper(ctx, c.CredsStore, key)
		if a != nil || err != nil {
			return a, err
		}
	}
	for k, a := range c.Auths {
		if hostOf(k) != host || (a.Auth == "" && a.IdentityToken == "") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(a.Auth)
		if err != nil {
			return nil, fmt.Errorf("reading the login for %q: it is not base64", host)
		}
		user, password, _ := strings.Cut(strings.TrimRight(string(raw), "\x00"), ":")
		return &registry.AuthConfig{Username: user, Password: password, IdentityToken: a.IdentityToken, ServerAddress: key}, nil
	}
	return nil, nil
}

// hostOf compares keys of config.json, which are written as hosts or as URLs.
func hostOf(key string) string {
	if _, rest, ok := strings.Cut(key, "://"); ok {
		key = rest
	}
	host, _, _ := strings.Cut(key, "/")
	return host
}

// askHelper runs docker-credential-NAME get, which answers with JSON. Its
// output is never shown.
func askHelper(ctx context.Context, name, key string) (*registry.AuthConfig, error) {
	if name == "" || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("credential helper %q has a wrong name", name)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker-credential-"+name, "get")
	cmd.Stdin = strings.NewReader(key)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		if strings.Contains(out.String(), "credentials not found") {
			return nil, nil
		}
		return nil, fmt.Errorf("asking docker-credential-%s for %q: %w", name, hostOf(key), err)
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("asking docker-credential-%s for %q: it did not answer with JSON", name, hostOf(key))
	}
	a := &registry.AuthConfig{Username: answer.Username, Password: answer.Secret, ServerAddress: key}
	if answer.Username == "<token>" {
		a.Username, a.Password, a.IdentityToken = "", "", answer.Secret
	}
	return a, nil
}
