package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Ref names a repository and the installation that may read it. ID decides, the
// name is how GitHub's API is asked; ID 0 is a repository known by name alone,
// as in `uses:`.
type Ref struct {
	Installation int64
	ID           store.RepositoryID
	Owner, Name  string
}

// FullName is owner/name.
func (r Ref) FullName() string { return r.Owner + "/" + r.Name }

// Named is another repository, seen through the same installation.
func (r Ref) Named(full string) Ref {
	owner, name, _ := strings.Cut(full, "/")
	return Ref{Installation: r.Installation, Owner: owner, Name: name}
}

// Options of New.
type Options struct {
	// Clients gives the client of an installation.
	Clients    func(installation int64) (*github.Client, error)
	CacheBytes int // of file contents and listings; 0: 64 MiB
	Now        func() time.Time
}

// Reader reads repositories. It is safe for concurrent use.
type Reader struct {
	clients func(installation int64) (*github.Client, error)
	cache   *cache
}

// New makes a Reader.
func New(o Options) *Reader {
	if o.CacheBytes <= 0 {
		o.CacheBytes = 64 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Reader{clients: o.Clients, cache: newCache(o.CacheBytes, o.Now)}
}

const (
	maxAnswer = 32 << 20         // bytes of one answer; GitHub's largest are of a few MiB
	soon      = 30 * time.Second // how long a fact that changes is believed
)

// How an answer is to look.
const (
	asJSON = "application/vnd.github+json"
	asRaw  = "application/vnd.github.raw+json"
	asSHA  = "application/vnd.github.sha"
)

// names that GitHub gives; what else stands there must not become part of a path.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// get asks for a path below the repository. A *github.ErrorResponse comes back
// unwrapped with its response, so that the caller says what it means.
func (r *Reader) get(ctx context.Context, ref Ref, path, accept string, limit int) ([]byte, *github.Response, error) {
	for _, name := range []string{ref.Owner, ref.Name} {
		if !nameRule.MatchString(name) || name == "." || name == ".." {
			return nil, nil, &Error{Doing: fmt.Sprintf("read repository %q", ref.FullName()), Kind: Malformed}
		}
	}
	client, err := r.clients(ref.Installation)
	if err != nil {
		return nil, nil, err
	}
	address := "repos/" + ref.Owner + "/" + ref.Name
	if path != "" {
		address += "/" + path
	}
	req, err := client.NewRequest("GET", address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", accept)
	res, err := client.BareDo(ctx, req)
	if err != nil {
		return nil, res, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, int64(limit)+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read GitHub's answer: %w", err)
	}
	if len(body) > limit {
		return nil, nil, &Error{Doing: fmt.Sprintf("read %s of %q", path, ref.FullName()), Kind: TooLarge, Err: fmt.Errorf("more than %d bytes", limit)}
	}
	return body, res, nil
}

// decode asks for JSON.
func (r *Reader) decode(ctx context.Context, ref Ref, path string, out any) (*github.Response, error) {
	body, res, err := r.get(ctx, ref, path, asJSON, maxAnswer)
	if err != nil {
		return res, err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return nil, fmt.Errorf("decode GitHub's answer: %w", err)
	}
	return res, nil
}

// escape makes a ref or a path part of an address; its slashes stay.
func escape(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if parts[i] = url.PathEscape(p); p == "." || p == ".." {
			parts[i] = strings.ReplaceAll(p, ".", "%2E")
		}
	}
	return strings.Join(parts, "/")
}

// escapeSegment makes a name one part of an address, slashes and all.
func escapeSegment(name string) string { return strings.ReplaceAll(escape(name), "/", "%2F") }
