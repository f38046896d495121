package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// About is what GitHub says of a repository now.
type About struct {
	Ref           Ref // with its present name
	DefaultBranch string
	Private       bool
	Archived      bool
	Disabled      bool
	Fork          bool
	OwnerID       int64
	Raw           json.RawMessage // all of it, for payloads
}

// About asks for a repository. When its name belongs to another one by now, it is Gone.
func (r *Reader) About(ctx context.Context, ref Ref) (About, error) {
	if v, ok := r.cache.value(aboutKey(ref)); ok {
		return v.(About), nil
	}
	return r.ask(ctx, ref)
}

func aboutKey(ref Ref) string {
	return fmt.Sprintf("about %d %d %s", ref.Installation, ref.ID, strings.ToLower(ref.FullName()))
}

// ask is About without what is remembered.
func (r *Reader) ask(ctx context.Context, ref Ref) (About, error) {
	doing := fmt.Sprintf("read repository %q", ref.FullName())
	var raw json.RawMessage
	res, err := r.decode(ctx, ref, "", &raw)
	if err != nil {
		return About{}, refused(doing, Gone, res, err)
	}
	var got struct {
		ID    int64
		Name  string
		Owner struct {
			ID    int64
			Login string
		}
		DefaultBranch                     string `json:"default_branch"`
		Private, Archived, Disabled, Fork bool
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return About{}, fmt.Errorf("%s: decode GitHub's answer: %w", doing, err)
	}
	if ref.ID != 0 && ref.ID != store.RepositoryID(got.ID) {
		return About{}, &Error{Doing: doing, Kind: Gone, Err: fmt.Errorf("repository %d has another name now", ref.ID)}
	}
	about := About{
		Ref:           Ref{Installation: ref.Installation, ID: store.RepositoryID(got.ID), Owner: got.Owner.Login, Name: got.Name},
		DefaultBranch: got.DefaultBranch, Private: got.Private, Archived: got.Archived, Disabled: got.Disabled, Fork: got.Fork,
		OwnerID: got.Owner.ID, Raw: raw,
	}
	r.cache.keep(aboutKey(ref), about, len(raw), soon)
	return about, nil
}

// DefaultBranch is the name of the default branch.
func (r *Reader) DefaultBranch(ctx context.Context, ref Ref) (string, error) {
	about, err := r.About(ctx, ref)
	return about.DefaultBranch, err
}

// Branch is a branch and the commit it is at.
type Branch struct {
	Name      string
	SHA       string
	Protected bool
}

// Branches lists up to limit branches; whole is false when there are more.
func (r *Reader) Branches(ctx context.Context, ref Ref, limit int) (all []Branch, whole bool, err error) {
	doing := fmt.Sprintf("list the branches of %q", ref.FullName())
	for page := 1; page != 0; {
		var got []struct {
			Name      string
			Protected bool
			Commit    struct{ SHA string }
		}
		res, err := r.decode(ctx, ref, fmt.Sprintf("branches?per_page=100&page=%d", page), &got)
		if err != nil {
			return nil, false, refused(doing, Gone, res, err)
		}
		for _, b := range got {
			if len(all) == limit {
				return all, false, nil
			}
			all = append(all, Branch{Name: b.Name, SHA: b.Commit.SHA, Protected: b.Protected})
		}
		page = res.NextPage
	}
	return all, true, nil
}

// Protected tells whether a branch is protected now; one that is gone is not.
func (r *Reader) Protected(ctx context.Context, ref Ref, branch string) (bool, error) {
	doing := fmt.Sprintf("read branch %q of %q", branch, ref.FullName())
	key := fmt.Sprintf("protected %d %s %s", ref.Installation, strings.ToLower(ref.FullName()), branch)
	if v, ok := r.cache.value(key); ok {
		return v.(bool), nil
	}
	var got struct{ Protected bool }
	if res, err := r.decode(ctx, ref, "branches/"+escape(branch), &got); err != nil {
		if err = refused(doing, NoFile, res, err); KindOf(err) != NoFile {
			return false, err
		}
	}
	r.cache.keep(key, got.Protected, 0, soon)
	return got.Protected, nil
}

// Permission is what a person may do: none, read, write or admin. The login's
// account comes with it: compare its ID with the person who asks, since a name
// can pass to somebody else.
func (r *Reader) Permission(ctx context.Context, ref Ref, login string) (level string, account store.Actor, err error) {
	doing := fmt.Sprintf("read what %q may do in %q", login, ref.FullName())
	var got struct {
		Permission string
		User       struct {
			ID    int64
			Login string
		}
	}
	if login == "" {
		return "none", store.Actor{}, nil
	}
	if res, err := r.decode(ctx, ref, "collaborators/"+escape(login)+"/permission", &got); err != nil {
		if err = refused(doing, NoFile, res, err); KindOf(err) == NoFile {
			return "none", store.Actor{}, nil
		}
		return "none", store.Actor{}, err
	}
	return got.Permission, store.Actor{ID: got.User.ID, Login: got.User.Login}, nil
}

// Member tells whether a person is in a team of the repository's organisation. The
// App needs the permission to read members for it: without that it is an error.
func (r *Reader) Member(ctx context.Context, ref Ref, team string, by store.Actor) (bool, error) {
	// A name can pass to somebody else: it must still be that person's.
	if _, account, err := r.Permission(ctx, ref, by.Login); err != nil || by.ID == 0 || account.ID != by.ID {
		return false, err
	}
	client, err := r.clients(ref.Installation)
	if err != nil {
		return false, err
	}
	doing := fmt.Sprintf("read whether %q is in team %q of %q (App permission \"members: read\")", by.Login, team, ref.Owner)
	found, res, err := client.Teams.GetTeamMembershipBySlug(ctx, ref.Owner, team, by.Login)
	if err != nil {
		if err = refused(doing, NoFile, res, err); KindOf(err) == NoFile {
			return false, nil
		}
		return false, err
	}
	return found.GetState() == "active", nil
}

// Push is a change of a ref as GitHub recorded it.
type Push struct {
	Ref           string
	Before, After string // all zeros: there was, or is, no such branch
	At            time.Time
	Actor         json.RawMessage
}

// Pushes lists the last changes of a branch, the newest first. GitHub Enterprise
// Server has it from 3.9 on; where it does not exist, that is a NoFile.
func (r *Reader) Pushes(ctx context.Context, ref Ref, branch string) ([]Push, error) {
	doing := fmt.Sprintf("list the pushes to %q of %q", branch, ref.FullName())
	var got []struct {
		Ref, Before, After string
		Timestamp          time.Time
		Actor              json.RawMessage
	}
	if res, err := r.decode(ctx, ref, "activity?per_page=30&ref="+strings.ReplaceAll(escape(branch), "&", "%26"), &got); err != nil {
		return nil, refused(doing, NoFile, res, err)
	}
	var pushes []Push
	for _, p := range got {
		pushes = append(pushes, Push{Ref: p.Ref, Before: p.Before, After: p.After, At: p.Timestamp, Actor: p.Actor})
	}
	return pushes, nil
}
