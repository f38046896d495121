package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

// ErrNoAccess says that GitHub gives no token for the installation: it was removed
// or suspended, or the key is not the App's. Asking again does not help.
var ErrNoAccess = errors.New("GitHub gives the App no access")

// Options of New.
type Options struct {
	AppID      int64
	PrivateKey []byte // PEM
	Address    string // of GitHub; see ParseEndpoints

	Transport http.RoundTripper // nil: http.DefaultTransport
	MaxWait   time.Duration     // for rate limits and repetitions, of one request; 0: 2 min
	Log       *slog.Logger      // nil: silent
	Now       func() time.Time

	sleep func(context.Context, time.Duration) error // tests do not wait
}

// App is a GitHub App on one GitHub.
type App struct {
	options   Options
	endpoints Endpoints
	jwt       *ghinstallation.AppsTransport
	limiter   *Limiter
	client    *github.Client

	mu            sync.Mutex
	installations map[int64]*installation
}

// installation is what is kept of one while the App runs.
type installation struct {
	transport *ghinstallation.Transport
	limiter   *Limiter
	client    *github.Client

	mu      sync.Mutex
	granted map[string]string // permissions; nil: not asked yet
	asked   time.Time
}

// New makes an App of its id and key. It asks nobody; see Check.
func New(o Options) (*App, error) {
	if o.AppID <= 0 {
		return nil, fmt.Errorf("GitHub App %d: the App's id is a positive number", o.AppID)
	}
	endpoints, err := ParseEndpoints(o.Address)
	if err != nil {
		return nil, err
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 2 * time.Minute
	}
	if o.Log == nil {
		o.Log = discardLog
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.sleep == nil {
		o.sleep = sleep
	}
	transport, err := ghinstallation.NewAppsTransport(o.Transport, o.AppID, o.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("private key of GitHub App %d: %w: use the .pem file that GitHub made", o.AppID, err)
	}
	transport.BaseURL = strings.TrimSuffix(endpoints.API, "/")
	a := &App{options: o, endpoints: endpoints, jwt: transport, limiter: newLimiter(transport, o, endpoints), installations: map[int64]*installation{}}
	a.client, err = a.newClient(a.limiter)
	return a, err
}

// newClient is a go-github client on this GitHub.
func (a *App) newClient(transport http.RoundTripper) (*github.Client, error) {
	c := github.NewClient(&http.Client{Transport: transport})
	api, err := url.Parse(a.endpoints.API)
	if err != nil {
		return nil, fmt.Errorf("GitHub's API at %q: %w", a.endpoints.API, err)
	}
	upload, err := url.Parse(a.endpoints.Upload)
	if err != nil {
		return nil, fmt.Errorf("GitHub's uploads at %q: %w", a.endpoints.Upload, err)
	}
	c.BaseURL, c.UploadURL, c.UserAgent = api, upload, "drydock"
	return c, nil
}

// Endpoints are where this GitHub answers.
func (a *App) Endpoints() Endpoints { return a.endpoints }

// Client speaks as the App itself: installations, deliveries.
func (a *App) Client() *github.Client { return a.client }

// Installation speaks as an installation. Its http.Client (Client().Client())
// serves for what must be read as raw JSON.
func (a *App) Installation(id int64) (*github.Client, error) {
	i, err := a.installation(id)
	if err != nil {
		return nil, err
	}
	return i.client, nil
}

func (a *App) installation(id int64) (*installation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := a.installations[id]; i != nil {
		return i, nil
	}
	if id <= 0 {
		return nil, fmt.Errorf("installation %d: its id is a positive number", id)
	}
	transport := ghinstallation.NewFromAppsTransport(a.jwt, id)
	limiter := newLimiter(transport, a.options, a.endpoints)
	client, err := a.newClient(limiter)
	if err != nil {
		return nil, err
	}
	i := &installation{transport: transport, limiter: limiter, client: client}
	a.installations[id] = i
	return i, nil
}

// Forget drops what is known of an installation: it was removed, or its
// permissions were changed.
func (a *App) Forget(id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.installations, id)
}

// Budgets are what is left of an installation's hourly limits, 0: of the App's.
func (a *App) Budgets(id int64) []Budget {
	if id == 0 {
		return a.limiter.Budgets()
	}
	a.mu.Lock()
	i := a.installations[id]
	a.mu.Unlock()
	if i == nil {
		return nil
	}
	return i.limiter.Budgets()
}

// Checked is what Check found.
type Checked struct {
	Slug        string
	Permissions map[string]string // of the App; an installation may have granted fewer
	Events      []string
	Skew        time.Duration // how far this clock is ahead of GitHub's
}

// Check asks GitHub whether key and id belong together. A clock that is wrong by
// more than half a minute makes GitHub refuse the App's tokens.
func (a *App) Check(ctx context.Context) (Checked, error) {
	var c Checked
	req, err := a.client.NewRequest(http.MethodGet, "app", nil)
	if err != nil {
		return c, fmt.Errorf("ask GitHub about App %d: %w", a.options.AppID, err)
	}
	// Not into go-github's type: it knows no permission that is newer than itself.
	var app struct {
		Slug        string            `json:"slug"`
		Permissions map[string]string `json:"permissions"`
		Events      []string          `json:"events"`
	}
	res, err := a.client.Do(ctx, req, &app)
	if res != nil {
		if at, errDate := http.ParseTime(res.Header.Get("Date")); errDate == nil {
			c.Skew = a.options.Now().Sub(at)
		}
	}
	if err != nil {
		return c, fmt.Errorf("ask GitHub about App %d: %w", a.options.AppID, err)
	}
	c.Slug, c.Permissions, c.Events = app.Slug, app.Permissions, app.Events
	return c, nil
}
