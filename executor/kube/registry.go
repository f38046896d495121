package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor"
)

const (
	maxDocument     = 4 << 20 // of a manifest, a configuration or a token
	registryTimeout = 30 * time.Second
)

// RegistryConfig asks an image's registry for what Options.ImageConfig wants.
// A nil client is the default one.
func RegistryConfig(client *http.Client) func(context.Context, executor.Image) (entrypoint, cmd []string, err error) {
	if client == nil {
		client = http.DefaultClient
	}
	return func(ctx context.Context, img executor.Image) ([]string, []string, error) {
		ctx, cancel := context.WithTimeout(ctx, registryTimeout)
		defer cancel()
		c, err := (&registry{client: client, img: img}).config(ctx)
		return c.Entrypoint, c.Cmd, err
	}
}

// registry is one conversation about one image (distribution: spec/api.md).
type registry struct {
	client *http.Client
	img    executor.Image
	base   string // https://HOST/v2/NAME
	auth   string // header, once the registry asked for it
}

var manifestTypes = strings.Join([]string{
	ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest,
	"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json",
}, ", ")

func (r *registry) config(ctx context.Context) (ocispec.ImageConfig, error) {
	named, err := reference.ParseNormalizedNamed(r.img.Ref)
	if err != nil {
		return ocispec.ImageConfig{}, err
	}
	r.base = baseOf(named)
	what := "latest"
	if t, ok := named.(reference.Tagged); ok {
		what = t.Tag()
	}
	if d, ok := named.(reference.Digested); ok {
		what = d.Digest().String()
	}
	var m struct {
		Config    ocispec.Descriptor   `json:"config"`
		Manifests []ocispec.Descriptor `json:"manifests"`
	}
	if err := r.document(ctx, "/manifests/"+what, &m); err != nil {
		return ocispec.ImageConfig{}, err
	}
	if len(m.Manifests) > 0 {
		chosen, err := r.choose(m.Manifests)
		if err != nil {
			return ocispec.ImageConfig{}, err
		}
		if err := r.document(ctx, "/manifests/"+chosen, &m); err != nil {
			return ocispec.ImageConfig{}, err
		}
	}
	if m.Config.Digest == "" {
		return ocispec.ImageConfig{}, errors.New("its manifest names no configuration")
	}
	var image ocispec.Image
	err = r.document(ctx, "/blobs/"+m.Config.Digest.String(), &image)
	return image.Config, err
}

// baseOf is where a repository's documents are. The default registry answers at
// another name than its images have; one on this machine needs no certificate.
func baseOf(named reference.Named) string {
	host, scheme := reference.Domain(named), "https"
	if plain, err := reference.ParseNormalizedNamed("a"); err == nil && reference.Domain(plain) == host {
		host = "registry-1." + host
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if ip := net.ParseIP(name); name == "localhost" || ip != nil && ip.IsLoopback() {
		scheme = "http"
	}
	return scheme + "://" + host + "/v2/" + reference.Path(named)
}

// choose takes the manifest for the platform.
func (r *registry) choose(list []ocispec.Descriptor) (string, error) {
	arch, err := archOf(r.img.Platform)
	if err != nil {
		return "", err
	}
	for _, d := range list {
		if d.Platform != nil && d.Platform.OS == "linux" && (arch == "" || d.Platform.Architecture == arch) {
			return d.Digest.String(), nil
		}
	}
	return "", fmt.Errorf("the registry has no image for linux/%s", arch)
}

// document reads one, logging in when the registry asks for it. What is named
// by its hash must have that hash.
func (r *registry) document(ctx context.Context, path string, v any) error {
	resp, err := r.request(ctx, r.base+path)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusUnauthorized && r.auth == "" {
		resp.Body.Close()
		if err := r.login(ctx, resp.Header.Get("WWW-Authenticate")); err != nil {
			return err
		}
		if resp, err = r.request(ctx, r.base+path); err != nil {
			return err
		}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the registry answers %s", resp.Status)
	}
	data, err := readAll(resp.Body)
	if err != nil {
		return err
	}
	if i := strings.Index(path, "/sha256:"); i >= 0 {
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != path[i+len("/sha256:"):] {
			return errors.New("the registry's answer does not have the hash that it was asked for")
		}
	}
	return json.Unmarshal(data, v)
}

func (r *registry) request(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", manifestTypes+", */*;q=0.5")
	if r.auth != "" {
		req.Header.Set("Authorization", r.auth)
	}
	return r.client.Do(req)
}

var challengeField = regexp.MustCompile(`([a-z]+)="([^"]*)"`)

// login does what the registry's challenge asks for. The place of tokens has to
// be as safe as the registry: it is told the password.
func (r *registry) login(ctx context.Context, challenge string) error {
	basic := func(req *http.Request) {
		if c := r.img.Credentials; c != nil {
			req.SetBasicAuth(c.Username, c.Password)
		}
	}
	scheme, rest, _ := strings.Cut(challenge, " ")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base, nil)
	if err != nil {
		return err
	}
	if strings.EqualFold(scheme, "Basic") && r.img.Credentials != nil {
		basic(req)
		r.auth = req.Header.Get("Authorization")
		return nil
	}
	fields := map[string]string{}
	for _, m := range challengeField.FindAllStringSubmatch(rest, -1) {
		fields[m[1]] = m[2]
	}
	realm, err := url.Parse(fields["realm"])
	if err != nil || !strings.EqualFold(scheme, "Bearer") || realm.Host == "" {
		return errors.New("the registry wants a login")
	}
	if realm.Scheme != "https" && realm.Host != req.URL.Host {
		return fmt.Errorf("the registry gives tokens at %q, which is not safe", fields["realm"])
	}
	q := realm.Query()
	for _, k := range []string{"service", "scope"} {
		if fields[k] != "" {
			q.Set(k, fields[k])
		}
	}
	realm.RawQuery = q.Encode()
	req, err = http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil)
	if err != nil {
		return err
	}
	basic(req)
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := readAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("the registry's login answers %s", resp.Status), err)
	}
	var token struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(data, &token); err != nil || token.Token == "" && token.Access == "" {
		return errors.New("the registry's login gives no token")
	}
	if token.Token == "" {
		token.Token = token.Access
	}
	r.auth = "Bearer " + token.Token
	return nil
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = errors.New("the registry's answer is too long")
	}
	return data, err
}
