package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

// GitHubAPI is where repositories are told when Options say nothing else.
const GitHubAPI = "https://api.github.com"

// Options of New.
type Options struct {
	Run        string // id; unique at its Source
	RunURL     string // where people see the run; empty: nowhere
	Source     string // URI of what makes the services: of a repository or a server
	Repository string // whose services they are, for people

	// Lookup finds the secrets that sign events, by name; nil: there are none.
	Lookup func(name string) (string, bool)
	// Token gives what may write to a repository ("owner/name") that is told; nil:
	// nothing does.
	Token func(ctx context.Context, repository string) (string, error)
	API   string // of GitHub; empty: GitHubAPI

	// AllowPrivate lets webhooks lie in this machine's own network, and behind the
	// proxy of its environment. A server that builds what strangers declare must not.
	AllowPrivate bool

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: silent
}

// Notifier is pipeline.Notifier. It may be used for several services at once.
type Notifier struct {
	Options
	webhooks *http.Client
	github   *http.Client // its address is the operator's
	pause    time.Duration
}

// New connects nothing yet.
func New(o Options) *Notifier {
	if o.API == "" {
		o.API = GitHubAPI
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Notifier{Options: o, webhooks: client(o.AllowPrivate), github: client(true), pause: firstPause}
}

// Missing says which secrets and tokens are not there to tell of a service: that is
// to be found before anything is published, not after. What is asked for one gives
// nil, or what to do.
func Missing(s *declaration.Service, secret, token func(name string) error) error {
	var all []error
	for _, to := range s.Notify {
		if to.Secret.Given() {
			if err := secret(to.Secret.Text); err != nil {
				all = append(all, fmt.Errorf("%s:%d: service %q: the secret %q of its webhook is not there: %w", declaration.FileName, to.Secret.Pos.Line, s.Name.Text, to.Secret.Text, err))
			}
		}
		if to.Dispatch.Given() {
			if err := token(to.Dispatch.Text); err != nil {
				all = append(all, fmt.Errorf("%s:%d: service %q: there is no token to tell %q with: %w", declaration.FileName, to.Dispatch.Pos.Line, s.Name.Text, to.Dispatch.Text, err))
			}
		}
	}
	return errors.Join(all...)
}

// Notify tells about a service that was published. Its error names the place in the
// declaration.
func (n *Notifier) Notify(ctx context.Context, to declaration.Notification, r pipeline.Request, result pipeline.Result) error {
	var m message
	var err error
	at := to.Webhook
	if to.Dispatch.Given() {
		at = to.Dispatch
		m, err = n.dispatch(ctx, to, r, result)
	} else {
		m, err = n.event(to, r, result)
	}
	if err == nil {
		err = n.send(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("%s:%d: tell %s about service %q: %w", declaration.FileName, at.Pos.Line, m.to, result.Service, err)
	}
	return nil
}

var errNoToken = errors.New("there is no token that may write to it")
