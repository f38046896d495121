package docker

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// clientConfig is the part of the docker program's config.json that matters.
type clientConfig struct {
	CurrentContext string            `json:"currentContext"`
	CredsStore     string            `json:"credsStore"`
	CredHelpers    map[string]string `json:"credHelpers"`
	Auths          map[string]struct {
		Auth          string `json:"auth"`
		IdentityToken string `json:"identitytoken"`
	} `json:"auths"`
}

func (x *Executor) clientConfig() (clientConfig, error) {
	var c clientConfig
	file := filepath.Join(x.opts.Config, "config.json")
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return c, fmt.Errorf("reading %q: %w", file, err)
	}
	return c, nil
}

// currentContext reads the chosen context of the docker program: its folder is
// named by the digest of the context's name (docker/cli: context/store).
func (x *Executor) currentContext() (candidate, bool, error) {
	name, from := x.opts.Getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
	if name == "" {
		c, err := x.clientConfig()
		if err != nil {
			return candidate{}, false, err
		}
		name, from = c.CurrentContext, "docker context"
	}
	if name == "" || name == "default" {
		return candidate{}, false, nil
	}
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	data, err := os.ReadFile(filepath.Join(x.opts.Config, "contexts", "meta", id, "meta.json"))
	if err != nil {
		return candidate{}, false, fmt.Errorf("reading docker context %q: %w: choose another with \"docker context use\"", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(data, &meta); err != nil {
		return candidate{}, false, fmt.Errorf("reading docker context %q: %w", name, err)
	}
	end, ok := meta.Endpoints["docker"]
	if !ok || end.Host == "" {
		return candidate{}, false, fmt.Errorf("reading docker context %q: it names no Docker endpoint", name)
	}
	dir := filepath.Join(x.opts.Config, "contexts", "tls", id, "docker")
	return candidate{
		host: end.Host, from: fmt.Sprintf("%s %q", from, name),
		tls: func() (*tls.Config, error) { return loadTLS(dir, !end.SkipTLSVerify) },
	}, true, nil
}

// envTLS follows DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH.
func (x *Executor) envTLS() func() (*tls.Config, error) {
	dir, verify := x.opts.Getenv("DOCKER_CERT_PATH"), x.opts.Getenv("DOCKER_TLS_VERIFY") != ""
	if dir == "" && !verify && x.opts.Getenv("DOCKER_TLS") == "" {
		return nil
	}
	if dir == "" {
		dir = x.opts.Config
	}
	return func() (*tls.Config, error) { return loadTLS(dir, verify) }
}

// loadTLS reads ca.pem, cert.pem and key.pem; a folder that is not there means
// no TLS.
func loadTLS(dir string, verify bool) (*tls.Config, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, nil //nolint:nilerr // no folder, no TLS
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err == nil {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("reading %q: no certificate in it", filepath.Join(dir, "ca.pem"))
		}
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := os.Stat(cert); err == nil {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", cert, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
