package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"
)

// Found are the numbers behind names: what a name means may change, these do not.
type Found struct {
	Installation int64
	Owner        int64 // of the repository, or the account itself
	Repository   int64 // 0 of an account
}

// ErrNotInstalled says that the App is not installed there, or that there is no
// such repository or account.
var ErrNotInstalled = errors.New("the App is not installed there")

// FindRepository asks for owner/name.
func (a *App) FindRepository(ctx context.Context, full string) (Found, error) {
	owner, name, ok := strings.Cut(full, "/")
	if !ok || owner == "" || name == "" || strings.ContainsAny(name, "/?#") {
		return Found{}, fmt.Errorf("repository %q: write it as owner/name", full)
	}
	i, res, err := a.client.Apps.FindRepositoryInstallation(ctx, owner, name)
	if err != nil {
		return Found{}, fmt.Errorf("find repository %q: %w", full, notInstalled(res, err))
	}
	client, err := a.Installation(i.GetID())
	if err != nil {
		return Found{}, err
	}
	r, res, err := client.Repositories.Get(ctx, owner, name)
	if err != nil {
		return Found{}, fmt.Errorf("find repository %q: %w", full, notInstalled(res, err))
	}
	return Found{Installation: i.GetID(), Owner: r.GetOwner().GetID(), Repository: r.GetID()}, nil
}

// FindAccount asks for an organisation or a user.
func (a *App) FindAccount(ctx context.Context, login string) (Found, error) {
	if login == "" || strings.ContainsAny(login, "/?#") {
		return Found{}, fmt.Errorf("account %q: write its login", login)
	}
	i, res, err := a.client.Apps.FindOrganizationInstallation(ctx, login)
	if res != nil && res.StatusCode == http.StatusNotFound {
		i, res, err = a.client.Apps.FindUserInstallation(ctx, login)
	}
	if err != nil {
		return Found{}, fmt.Errorf("find account %q: %w", login, notInstalled(res, err))
	}
	return Found{Installation: i.GetID(), Owner: i.GetAccount().GetID()}, nil
}

func notInstalled(res *github.Response, err error) error {
	if res != nil && res.StatusCode == http.StatusNotFound {
		return ErrNotInstalled
	}
	return err
}
