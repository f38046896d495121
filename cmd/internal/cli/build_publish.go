package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/notify"
)

// notifier tells of what is published, as somebody at this machine: its own network
// is open to webhooks.
func (a *app) notifier(p *parts, jobs *serviceJobs, o *pipeline.Options) *notify.Notifier {
	repo := jobs.repo
	source, name := "drydock:"+url.PathEscape(repo.Name), repo.Name
	if repo.Remote != "" {
		source, name = repo.Server+"/"+repo.FullName(), repo.FullName()
	}
	return notify.New(notify.Options{
		Run: o.Run + "-" + o.Commit[:min(7, len(o.Commit))], Source: source, Repository: name, Lookup: a.lookup,
		Token: func(context.Context, string) (string, error) { return a.dispatchToken(jobs.given), nil },
		API:   a.config.GitHub.APIURL, AllowPrivate: true, Log: p.log,
	})
}

// dispatchToken is the GITHUB_TOKEN that jobs are given, or that of the environment.
func (a *app) dispatchToken(in given) string {
	if token := in.secrets["GITHUB_TOKEN"]; token != "" {
		return token
	}
	token, _ := a.lookup("GITHUB_TOKEN")
	return token
}

// unannounced names the secrets and tokens that are missing to tell of services:
// they are missed before anything is published, not after.
func (a *app) unannounced(p *pipeline.Plan, in given) error {
	token := func(string) error {
		if a.dispatchToken(in) == "" {
			return errors.New("set the variable GITHUB_TOKEN to one that may write to its contents")
		}
		return nil
	}
	secret := func(name string) error {
		if value, _ := a.lookup(name); value == "" {
			return fmt.Errorf("set the variable %s", name)
		}
		return nil
	}
	var all []error
	for _, d := range p.Decisions {
		all = append(all, notify.Missing(p.Services.Lookup(d.Name), secret, token))
	}
	if err := errors.Join(all...); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}
