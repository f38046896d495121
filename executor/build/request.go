package build

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

// DefaultEpoch is the time of everything in images when nothing else is asked
// for: the first that zip files know. Older than any cache or clone, it makes
// the digest independent of both.
var DefaultEpoch = time.Unix(315532800, 0).UTC() // 1980-01-01

// Scanner is the image that writes SBOMs when no other is named (moby/buildkit:
// frontend/attestations/parse.go).
const Scanner = "docker/buildkit-syft-scanner:stable-1"

// Request is one image to build.
type Request struct {
	// Name is what errors call it, such as the service's name.
	Name string

	// Context is the folder that the Dockerfile copies from. Its .dockerignore,
	// or that of the Dockerfile, is honoured. Its files have the modes that git
	// keeps, 644 and 755.
	Context string
	// Tar is a context instead of the folder; it is read once, and holds the
	// Dockerfile.
	Tar io.ReadCloser
	// Dockerfile is relative to the context, or absolute; empty: "Dockerfile".
	Dockerfile string
	// Contexts are more sources for FROM and COPY --from, by name: a folder's
	// absolute path, or docker-image://REF.
	Contexts map[string]string

	Target  string
	Args    map[string]string // seen in the image's history: nothing secret
	Secrets map[string][]byte // by id, for RUN --mount=type=secret
	SSH     map[string]string // by id ("default"): socket of an agent, or file of a key
	Labels  map[string]string

	// CacheNamespace keeps what RUN --mount=type=cache has from other builds' mounts of
	// the same id; empty: all share it. A frontend that the Dockerfile names may ask
	// for any, so one that has to keep others out is secret.
	CacheNamespace string

	// Platforms as os/arch[/variant]; empty: the builder's own.
	Platforms []string

	NoCache    bool
	Pull       bool // ask for newer base images
	CacheFrom  []Cache
	CacheTo    []Cache
	Epoch      time.Time // the argument SOURCE_DATE_EPOCH comes first; zero: DefaultEpoch
	SBOM       string    // image of a generator; empty: none
	Provenance string    // "min" or "max"; empty: none

	// Registry has the logins for base images; nil: the builder's.
	Registry *registry.Client

	Output Output
	// Folder is where the image is put together, and left when the process is killed:
	// best on the file system of Output.Layout. Empty: the system's for such files.
	Folder string

	// Progress gets what happens, in order, from one goroutine at a time. It must
	// not block for long. May be nil.
	Progress func(Event)
}

// Cache is a cache of layers, in BuildKit's terms: registry with ref=, gha with
// url= and token=, local with src= and dest=, inline.
type Cache struct {
	Type  string
	Attrs map[string]string
}

// Output says where the image goes. With nothing set it is only built.
type Output struct {
	Layout string // folder for an OCI layout; what is in it is replaced
	Tar    string // file for an OCI layout as tar
	// Elsewhere tells of a large layer whether Layout can do without it, as one that is
	// pushed to where it is already. Nil: all layers are needed. Some builders bring
	// them anyway.
	Elsewhere func(context.Context, digest.Digest) bool
	// Load gives the image these names in the Docker engine; for one platform.
	Load []string
	// Push sends it to HOST/NAME and moves Tags there.
	Push string
	Tags []string
}

// Result is what was built.
type Result struct {
	Digest    digest.Digest // of the index, or of the one image
	MediaType string
	Size      int64 // bytes of everything, compressed
	Platforms []string
	// Metadata is what BuildKit answers, such as containerimage.digest.
	Metadata map[string]string
}

// op is what errors say was being done.
func (r *Request) op() string {
	if r.Name == "" {
		return "build the image"
	}
	return fmt.Sprintf("build the image of %q", r.Name)
}

// check completes r and finds what cannot mean anything.
func (r *Request) check() error {
	invalid := func(format string, args ...any) error {
		return executor.Errorf(r.op(), executor.Invalid, format, args...)
	}
	if (r.Context == "") == (r.Tar == nil) {
		return invalid("it needs a context: a folder or a tar")
	}
	if r.Dockerfile == "" {
		r.Dockerfile = "Dockerfile"
	}
	if err := r.checkEpoch(); err != nil {
		return err
	}
	if r.Context != "" {
		if fi, err := os.Stat(r.Context); err != nil || !fi.IsDir() {
			return invalid("its context %q is no folder", r.Context)
		}
		if !filepath.IsAbs(r.Dockerfile) {
			if !filepath.IsLocal(r.Dockerfile) {
				return &executor.Error{
					Op: r.op(), Kind: executor.Invalid, Reason: OutsideContext, Err: fmt.Errorf("the Dockerfile %q is outside of its context", r.Dockerfile),
					Hint: "give its absolute path, or a larger context",
				}
			}
			r.Dockerfile = filepath.Join(r.Context, r.Dockerfile)
		}
		if fi, err := os.Stat(r.Dockerfile); err != nil || !fi.Mode().IsRegular() {
			return &executor.Error{Op: r.op(), Kind: executor.NotFound, Reason: BadDockerfile, Err: fmt.Errorf("there is no Dockerfile %q", r.Dockerfile)}
		}
	}
	for i, text := range r.Platforms {
		p, err := platforms.Parse(text)
		if err != nil || !strings.Contains(text, "/") {
			return &executor.Error{
				Op: r.op(), Kind: executor.Invalid, Reason: BadPlatform, Err: fmt.Errorf("%q is no platform", text), Hint: "write it as linux/amd64",
			}
		}
		r.Platforms[i] = platformText(p)
	}
	slices.Sort(r.Platforms)
	r.Platforms = slices.Compact(r.Platforms) // and the index does not depend on their order
	if r.Provenance != "" && r.Provenance != "min" && r.Provenance != "max" {
		return invalid("provenance %q is neither min nor max", r.Provenance)
	}
	if len(r.Output.Load) > 0 && len(r.Platforms) > 1 {
		return &executor.Error{
			Op: r.op(), Kind: executor.Unsupported, Reason: BadPlatform, Err: fmt.Errorf("an engine can load one platform, not %s", strings.Join(r.Platforms, ", ")),
			Hint: "leave one, or push it",
		}
	}
	if len(r.Output.Tags) > 0 && r.Output.Push == "" {
		return invalid("it has tags, but no repository to push to")
	}
	for name, from := range r.Contexts {
		if !strings.Contains(from, "://") && !filepath.IsAbs(from) {
			return invalid("the context %q has %q, which is neither an absolute path nor an address", name, from)
		}
	}
	return nil
}

func (r *Request) attests() bool { return r.SBOM != "" || r.Provenance != "" }

// checkEpoch finds the time of everything in the image.
func (r *Request) checkEpoch() error {
	text, given := r.Args[epochArg]
	switch {
	case given:
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < 0 {
			return executor.Errorf(r.op(), executor.Invalid, "the argument %s is %q: write it in seconds since 1970", epochArg, text)
		}
		r.Epoch = time.Unix(seconds, 0).UTC()
	case r.Epoch.IsZero():
		r.Epoch = DefaultEpoch
	}
	return nil
}

const epochArg = "SOURCE_DATE_EPOCH" // reproducible-builds.org: specs

// namespaceArg goes before the ids of cache mounts (moby/buildkit:
// frontend/dockerui/config.go). Steps see it only where the Dockerfile says ARG.
const namespaceArg = "BUILDKIT_CACHE_MOUNT_NS"

func platformText(p ocispec.Platform) string { return platforms.Format(platforms.Normalize(p)) }

// frontendAttrs is the request in the words of BuildKit's Dockerfile frontend
// (moby/buildkit: frontend/dockerui).
func (r *Request) frontendAttrs() map[string]string {
	a := map[string]string{
		"filename":              filepath.Base(r.Dockerfile),
		"build-arg:" + epochArg: fmt.Sprint(r.Epoch.Unix()),
	}
	if r.Tar != nil {
		a["filename"] = filepath.ToSlash(r.Dockerfile)
	}
	if r.Target != "" {
		a["target"] = r.Target
	}
	for k, v := range r.Args {
		a["build-arg:"+k] = v
	}
	delete(a, "build-arg:"+namespaceArg)
	if r.CacheNamespace != "" {
		a["build-arg:"+namespaceArg] = r.CacheNamespace
	}
	for k, v := range r.Labels {
		a["label:"+k] = v
	}
	if len(r.Platforms) > 0 {
		a["platform"] = strings.Join(r.Platforms, ",")
	}
	if r.NoCache {
		a["no-cache"] = ""
	}
	if r.Pull {
		a["image-resolve-mode"] = "pull"
	}
	for _, name := range slices.Sorted(maps.Keys(r.Contexts)) {
		from := r.Contexts[name]
		if !strings.Contains(from, "://") {
			from = "local:" + localName(name)
		}
		a["context:"+name] = from
	}
	if r.SBOM != "" {
		a["attest:sbom"] = "generator=" + r.SBOM
	}
	if r.Provenance != "" {
		a["attest:provenance"] = "mode=" + r.Provenance
	}
	return a
}

// localName is what the session calls the folder of a named context.
func localName(name string) string { return "context-" + name }
