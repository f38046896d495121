package runner

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// renewal bounds the wait for a token that only replaces one.
const renewal = 30 * time.Second

// renewed is the newest GITHUB_TOKEN after the first, and the secrets with it.
type renewed struct {
	token   string
	secrets expr.Value
}

// renewToken gets the next GITHUB_TOKEN, if it is time, before a step of the job's
// own list begins. A server's tokens are dead after an hour, GitHub's own live as
// long as the job: so what was evaluated from the old one before, the job's
// environment, follows. A step that runs keeps what it has.
func (x *execution) renewToken() {
	if x.Token == nil {
		return
	}
	ctx, cancel := context.WithTimeout(x.life, renewal)
	defer cancel()
	token, err := x.Token(ctx, x.job)
	old := x.token()
	if err == nil && (token == "" || token == old) {
		return
	}
	next := &renewed{token: token}
	if err == nil {
		x.hide(token)
		values := maps.Clone(x.values)
		values["GITHUB_TOKEN"] = token
		next.secrets, err = x.mapSecrets(values)
	}
	if err != nil { // the old one may do
		x.logger().Warn("renew GITHUB_TOKEN", "job", x.job.ID(), "err", err)
		return
	}
	x.renewed.Store(next)
	x.followToken(old, token)
}

// followToken puts another token into the job's environment, where that was
// evaluated from the old one.
func (x *execution) followToken(old, token string) {
	if old == "" || old == token {
		return
	}
	for i, v := range x.root.env.list {
		x.root.env.list[i].Value = strings.ReplaceAll(v.Value, old, token)
	}
}

// token is the newest GITHUB_TOKEN.
func (x *execution) token() string {
	if r := x.renewed.Load(); r != nil {
		return r.token
	}
	v, _ := x.secrets.Lookup("GITHUB_TOKEN")
	return v.Text()
}

// secretsNow are the secrets with the newest token.
func (x *execution) secretsNow() expr.Value {
	if r := x.renewed.Load(); r != nil {
		return r.secrets
	}
	return x.secrets
}

// githubNow is the github context with the newest token.
func (x *execution) githubNow() expr.Value {
	if r := x.renewed.Load(); r != nil {
		return x.github.With("token", expr.String(r.token))
	}
	return x.github
}
