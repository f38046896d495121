package cli

import (
	"context"
	"errors"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/setup"
)

// examineApp looks at the GitHub App, if there is one.
func (a *app) examineApp(ctx context.Context) []finding {
	c, err := a.credentials()
	if errors.Is(err, setup.ErrNone) {
		return nil
	}
	if err != nil {
		return []finding{{"app", "problem", err.Error(), ""}}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	gitHub, err := auth.New(auth.Options{AppID: c.ID, PrivateKey: c.PrivateKey, Address: a.config.GitHub.ServerURL, MaxWait: 10 * time.Second, Log: a.logger()})
	if err != nil {
		return []finding{{"app", "problem", err.Error(), ""}}
	}
	found, err := setup.Examine(ctx, gitHub, a.serverURL())
	var out []finding
	for _, f := range found {
		state := "ok"
		if !f.OK {
			state = "problem"
		}
		out = append(out, finding{"app", state, f.Check + ": " + f.Text, f.Mend})
	}
	if err != nil {
		out = append(out, finding{"app", "warning", err.Error(), "the rest of the App could not be examined"})
	}
	return out
}

// serverURL is where people and GitHub reach the server.
func (a *app) serverURL() string {
	if u := a.config.Server.URL; u != "" {
		return u
	}
	return "http://" + a.config.Server.Listen
}
