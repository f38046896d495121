package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// Known is a repository that the App is, or was, installed on.
type Known struct {
	Installation  int64              `json:"installation"`
	ID            store.RepositoryID `json:"id"`
	Owner         string             `json:"owner"`
	OwnerID       int64              `json:"ownerID,omitempty"`
	Name          string             `json:"name"`
	DefaultBranch string             `json:"defaultBranch,omitempty"`
	Private       bool               `json:"private,omitempty"`
	// Off says why nothing runs there; "": it does.
	Off string `json:"off,omitempty"`
}

// Ref is how to read it.
func (k Known) Ref() repository.Ref {
	return repository.Ref{Installation: k.Installation, ID: k.ID, Owner: k.Owner, Name: k.Name}
}

const repositoryPrefix = "repository/"

// Repositories lists all that is known, also what is off.
func Repositories(ctx context.Context, values store.Values) ([]Known, error) {
	list, err := values.ListValues(ctx, repositoryPrefix)
	if err != nil {
		return nil, err
	}
	var all []Known
	for name, data := range list {
		var k Known
		if err := json.Unmarshal(data, &k); err != nil {
			return nil, fmt.Errorf("read value %q: %w", name, err)
		}
		all = append(all, k)
	}
	return all, nil
}

func (i *Intake) known(ctx context.Context, id store.RepositoryID) (*Known, error) {
	name := repositoryPrefix + digits(int64(id))
	data, err := i.o.Store.Value(ctx, name)
	if err != nil || data == nil {
		return nil, err
	}
	k := &Known{}
	if err := json.Unmarshal(data, k); err != nil {
		return nil, fmt.Errorf("read value %q: %w", name, err)
	}
	return k, nil
}

func (i *Intake) putKnown(ctx context.Context, k Known) error {
	data, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("note repository %d: %w", k.ID, err)
	}
	return i.put(ctx, repositoryPrefix+digits(int64(k.ID)), data)
}

// Why nothing runs in a repository.
const (
	offDeleted  = "the repository was deleted"
	offRemoved  = "the App was removed from the repository"
	offArchived = "the repository is archived or disabled"
	offSuspend  = "the installation is suspended"
)

// remember notes what a payload says of its repository. Of one that the App was
// taken from the delivery may be late, or tell that it is back: GitHub knows.
func (i *Intake) remember(ctx context.Context, d store.Delivery, h head) error {
	if d.Event == "installation" || d.Event == "installation_repositories" || d.Event == "repository" || h.Repository.Name == "" {
		return nil
	}
	old, err := i.known(ctx, h.Repository.ID)
	if err != nil {
		return err
	}
	if old != nil && old.Off != "" && old.Off != offArchived {
		switch _, err := i.o.Reader.About(ctx, h.ref()); {
		case repository.KindOf(err) != "":
			return ignored("%s", old.Off)
		case err != nil:
			return err
		}
	}
	return i.putKnown(ctx, describe(h))
}

// renew notes what GitHub says now: a late delivery may have told of an old name.
func (i *Intake) renew(ctx context.Context, k Known, about repository.About) error {
	k.Owner, k.Name, k.OwnerID = about.Ref.Owner, about.Ref.Name, about.OwnerID
	k.DefaultBranch, k.Private = about.DefaultBranch, about.Private
	return i.putKnown(ctx, k)
}

func describe(h head) Known {
	k := Known{
		Installation: h.Installation.ID, ID: h.Repository.ID, Owner: h.Repository.Owner.Login, OwnerID: h.Repository.Owner.ID,
		Name: h.Repository.Name, DefaultBranch: h.Repository.DefaultBranch, Private: h.Repository.Private,
	}
	if h.Repository.Archived || h.Repository.Disabled {
		k.Off = offArchived
	}
	return k
}

// learnNow is how many default branches are read at once with an installation.
const learnNow = 5

// keep notes what happened to an installation or a repository.
func (i *Intake) keep(ctx context.Context, d store.Delivery, h head) error {
	if d.Event == "repository" {
		return i.keepRepository(ctx, h)
	}
	type listed struct {
		ID       store.RepositoryID
		Name     string
		FullName string `json:"full_name"`
		Private  bool
	}
	var p struct {
		Installation struct {
			ID      int64
			Account account
		}
		Repositories, Added, Removed []listed
		AddedTo                      []listed `json:"repositories_added"`
		RemovedFrom                  []listed `json:"repositories_removed"`
	}
	if err := json.Unmarshal(d.Body, &p); err != nil || p.Installation.ID == 0 {
		return ignored("the payload names no installation")
	}
	if i.o.Forget != nil {
		i.o.Forget(p.Installation.ID)
	}
	learned := 0
	for _, r := range append(p.Repositories, p.AddedTo...) {
		owner, name, ok := strings.Cut(r.FullName, "/")
		if !ok || r.ID == 0 || h.Action == "deleted" || h.Action == "suspend" {
			continue
		}
		k := Known{Installation: p.Installation.ID, ID: r.ID, Owner: owner, Name: name, OwnerID: p.Installation.Account.ID, Private: r.Private}
		if err := i.putKnown(ctx, k); err != nil {
			return err
		}
		if learned++; learned <= learnNow { // the sweep reads the others
			if err := i.learnTip(ctx, k); err != nil && repository.KindOf(err) == "" {
				return err
			}
		}
	}
	for _, r := range p.RemovedFrom {
		if err := i.off(ctx, r.ID, p.Installation.ID, offRemoved); err != nil {
			return err
		}
	}
	// The list of a payload may be cut; what we know ourselves is whole.
	off := map[string]string{"deleted": offRemoved, "suspend": offSuspend}[h.Action]
	if d.Event != "installation" || off == "" && h.Action != "unsuspend" {
		return done("noted: %s %s", d.Event, h.Action)
	}
	all, err := Repositories(ctx, i.o.Store)
	if err != nil {
		return err
	}
	for _, k := range all {
		switch {
		case k.Installation != p.Installation.ID, off == offSuspend && k.Off != "":
			continue
		case off != "":
			err = i.off(ctx, k.ID, k.Installation, off)
		case k.Off == offSuspend:
			k.Off = ""
			err = i.putKnown(ctx, k)
		}
		if err != nil {
			return err
		}
	}
	return done("noted: %s %s", d.Event, h.Action)
}

// off stops a repository, unless another installation has it by now.
func (i *Intake) off(ctx context.Context, id store.RepositoryID, installation int64, why string) error {
	k, err := i.known(ctx, id)
	if err != nil || k == nil || k.Installation != installation {
		return err
	}
	k.Off = why
	return i.putKnown(ctx, *k)
}

func (i *Intake) keepRepository(ctx context.Context, h head) error {
	if h.Repository.ID == 0 || h.Installation.ID == 0 {
		return ignored("the payload names no repository of an installation")
	}
	k := describe(h)
	switch h.Action {
	case "deleted":
		k.Off = offDeleted
	case "archived":
		k.Off = offArchived
	}
	if err := i.putKnown(ctx, k); err != nil {
		return err
	}
	if k.Off == "" {
		// Another default branch has other schedules.
		if err := i.learnTip(ctx, k); err != nil && repository.KindOf(err) == "" {
			return err
		}
	}
	return done("noted: repository %s", h.Action)
}
