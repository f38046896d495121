package grant

import (
	"context"
	"maps"
	"net"
	"strings"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// Services are the services of jobs, for each with the rights of its zone. What
// the services themselves take away stays away.
func (g *Granter) Services(inner runner.Services) runner.Services {
	return services{g, inner}
}

type services struct {
	g     *Granter
	inner runner.Services
}

var _ runner.Reopener = services{}

func (s services) Open(ctx context.Context, job *runner.Job) (runner.Endpoints, error) {
	limited, err := s.limited(ctx, job)
	if err != nil {
		return runner.Endpoints{}, err
	}
	return s.inner.Open(ctx, limited)
}

// Reopen makes a token good again; services that cannot give a new one.
func (s services) Reopen(ctx context.Context, job *runner.Job, token string) (runner.Endpoints, error) {
	limited, err := s.limited(ctx, job)
	if err != nil {
		return runner.Endpoints{}, err
	}
	if r, ok := s.inner.(runner.Reopener); ok {
		return r.Reopen(ctx, limited, token)
	}
	return s.inner.Open(ctx, limited)
}

func (s services) Serve(conn net.Conn) { s.inner.Serve(conn) }

// limited is the job as the services are to see it.
func (s services) limited(ctx context.Context, job *runner.Job) (*runner.Job, error) {
	f, err := s.g.facts(ctx, job)
	if err != nil {
		return nil, err
	}
	out, definition := *job, *job.Leg.Job
	out.Leg.Job = &definition
	if !f.caps.CacheWrite {
		mode, err := template.String(definition.CacheMode, expr.Scope{Contexts: job.Leg.Contexts})
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(strings.TrimSpace(mode)) {
		case "none", "write-only":
			definition.CacheMode = workflow.Str("none")
		default:
			definition.CacheMode = workflow.Str("read")
		}
	}
	if p := definition.Permissions; p != nil && !f.caps.IDToken {
		definition.Permissions = withoutIDToken(*p)
	}
	return &out, nil
}

// withoutIDToken are the permissions less id-token.
func withoutIDToken(p workflow.Permissions) *workflow.Permissions {
	if p.All == "write-all" {
		p.All, p.Scopes = "", map[string]string{}
		for _, name := range workflow.PermissionScopes() {
			p.Scopes[name] = "write"
		}
	} else {
		p.Scopes = maps.Clone(p.Scopes)
	}
	delete(p.Scopes, "id-token")
	return &p
}
