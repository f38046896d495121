package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"
)

// grantedFor is how long an installation's permissions are believed.
const grantedFor = 10 * time.Minute

// JobTokenRequest says what the token of a job may do.
type JobTokenRequest struct {
	Installation int64
	Repository   int64             // GitHub's number: the token works there and nowhere else
	Permissions  map[string]string // scope of `permissions:` -> read, write; see Scopes
}

// JobToken is GITHUB_TOKEN of one job. It is dead after an hour, or by Revoke.
type JobToken struct {
	Value       string
	Expires     time.Time
	Permissions map[string]string // by the API's names
	// Missing are scopes that the job asked for and did not get ("packages:
	// write"): the installation has not granted them.
	Missing []string
}

// String keeps the value out of logs.
func (JobToken) String() string { return "token ***" }

// GoString keeps the value out of logs.
func (JobToken) GoString() string { return "token ***" }

// JobToken makes a token for one job and one repository. One that GitHub gave
// more than was asked for is revoked and an error.
func (a *App) JobToken(ctx context.Context, r JobTokenRequest) (JobToken, error) {
	doing := fmt.Sprintf("make job token of installation %d for repository %d", r.Installation, r.Repository)
	if r.Repository <= 0 {
		return JobToken{}, fmt.Errorf("%s: a token without a repository would open all of them", doing)
	}
	i, err := a.installation(r.Installation)
	if err != nil {
		return JobToken{}, err
	}
	granted, err := a.granted(ctx, r.Installation, i)
	if err != nil {
		return JobToken{}, fmt.Errorf("%s: %w", doing, err)
	}
	permissions, given, missing, err := reduce(r.Permissions, granted)
	if err != nil {
		return JobToken{}, fmt.Errorf("%s: %w", doing, err)
	}
	got, res, err := a.client.Apps.CreateInstallationToken(ctx, r.Installation, &github.InstallationTokenOptions{
		RepositoryIDs: []int64{r.Repository}, Permissions: permissions,
	})
	if err != nil {
		if res != nil && res.StatusCode == http.StatusUnprocessableEntity {
			i.forget() // they changed just now: the next try asks again
		}
		return JobToken{}, fmt.Errorf("%s: %w", doing, noAccess(res, err))
	}
	t := JobToken{Value: got.GetToken(), Expires: got.GetExpiresAt().Time, Missing: missing}
	if t.Permissions, err = permissionMap(got.Permissions); err == nil {
		if extra := above(t.Permissions, given); extra != "" {
			err = fmt.Errorf("GitHub gave %q, too: it is not used", extra)
		}
		if len(got.Repositories) > 1 || len(got.Repositories) == 1 && got.Repositories[0].GetID() != r.Repository {
			err = fmt.Errorf("GitHub gave it for %d repositories, not that one: it is not used", len(got.Repositories))
		}
	}
	if err != nil {
		return JobToken{}, errors.Join(fmt.Errorf("%s: %w", doing, err), a.Revoke(ctx, t.Value))
	}
	slices.Sort(t.Missing)
	return t, nil
}

// granted are the installation's permissions, asked for from time to time.
func (a *App) granted(ctx context.Context, id int64, i *installation) (map[string]string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := a.options.Now()
	if i.granted != nil && now.Sub(i.asked) < grantedFor {
		return i.granted, nil
	}
	got, res, err := a.client.Apps.GetInstallation(ctx, id)
	if err != nil {
		return nil, noAccess(res, err)
	}
	if at := got.GetSuspendedAt(); !at.IsZero() {
		return nil, fmt.Errorf("%w: installation %d is suspended", ErrNoAccess, id)
	}
	granted, err := permissionMap(got.Permissions)
	if err != nil {
		return nil, err
	}
	i.granted, i.asked = granted, now
	return granted, nil
}

func (i *installation) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.granted = nil
}

// noAccess marks the answers that asking again does not change.
func noAccess(res *github.Response, err error) error {
	if res != nil && (res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusNotFound) {
		return fmt.Errorf("%w: %w", ErrNoAccess, err)
	}
	return err
}

// InstallationToken is the full token of an installation: for our own use, such
// as git over HTTP, never for a job.
func (a *App) InstallationToken(ctx context.Context, id int64) (string, error) {
	i, err := a.installation(id)
	if err != nil {
		return "", err
	}
	token, err := i.transport.Token(ctx)
	if err != nil {
		_, err = response(nil, err) //nolint:bodyclose // it is in memory
		return "", fmt.Errorf("token of installation %d: %w", id, err)
	}
	return token, nil
}

// Revoke kills a token at once. One that is dead already is no error.
func (a *App) Revoke(ctx context.Context, token string) error {
	c, err := a.newClient(newLimiter(bearer{token, a.options.Transport}, a.options, a.endpoints))
	if err != nil {
		return err
	}
	res, err := c.Apps.RevokeInstallationToken(ctx)
	if err != nil && (res == nil || res.StatusCode != http.StatusUnauthorized) {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

// bearer sends a token.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(req)
}
