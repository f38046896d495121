package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
)

const (
	nextName    = "reconcile/next" // the repository to go on after
	seenPrefix  = "reconcile/seen/"
	maxBranches = 2000 // of a repository that are looked at
	maxPulls    = 300
)

// seen is what a repository's refs were at the last look.
type seen struct {
	At    time.Time         `json:"at"`    // of the first look: what was there before is no loss
	Heads map[string]string `json:"heads"` // settled
	// Doubtful are refs at a commit that no delivery told of, and since when.
	Doubtful map[string]doubt `json:"doubtful,omitempty"`
}

type doubt struct {
	SHA   string    `json:"sha"`
	Since time.Time `json:"since"`
}

// heads looks at repositories in turn, as many as the budget allows.
func (r *Reconciler) heads(ctx context.Context, budget *int) (repaired int, err error) {
	all, err := intake.Repositories(ctx, r.o.Store)
	if err != nil {
		return 0, err
	}
	all = slices.DeleteFunc(all, func(k intake.Known) bool { return k.Off != "" })
	slices.SortFunc(all, func(a, b intake.Known) int { return cmp.Compare(a.ID, b.ID) })
	cursor, err := r.o.Store.Value(ctx, nextName)
	if err != nil {
		return 0, err
	}
	after, _ := strconv.ParseInt(string(cursor), 10, 64) // no number: from the start
	first, _ := slices.BinarySearchFunc(all, store.RepositoryID(after+1), func(k intake.Known, id store.RepositoryID) int { return cmp.Compare(k.ID, id) })
	var failures []error
	looked := store.RepositoryID(after)
	for n := range all {
		if *budget <= 0 || ctx.Err() != nil {
			break
		}
		k := all[(first+n)%len(all)]
		got, err := r.look(ctx, k, budget)
		repaired += got
		if err != nil {
			failures = append(failures, fmt.Errorf("repository %q: %w", k.Ref().FullName(), err))
			if repository.KindOf(err) == "" {
				break // GitHub is away: the next pass goes on here
			}
		}
		looked = k.ID
	}
	err = r.o.Store.SwapValue(ctx, nextName, cursor, []byte(strconv.FormatInt(int64(looked), 10)))
	if err != nil && !errors.Is(err, store.ErrConflict) {
		failures = append(failures, err)
	}
	return repaired, errors.Join(failures...)
}

// look holds one repository's refs against what is known.
func (r *Reconciler) look(ctx context.Context, k intake.Known, budget *int) (repaired int, err error) {
	name := fmt.Sprintf("%s%d", seenPrefix, k.ID)
	old, err := r.o.Store.Value(ctx, name)
	if err != nil {
		return 0, err
	}
	s := seen{Heads: map[string]string{}, Doubtful: map[string]doubt{}}
	if old != nil {
		if err := json.Unmarshal(old, &s); err != nil {
			return 0, fmt.Errorf("read value %q: %w", name, err)
		}
		if s.Doubtful == nil {
			s.Doubtful = map[string]doubt{}
		}
	}
	*budget -= 2
	branches, whole, err := r.o.Reader.Branches(ctx, k.Ref(), maxBranches)
	if err != nil {
		return 0, err
	}
	pulls, err := r.o.Reader.OpenPulls(ctx, k.Ref(), maxPulls)
	if err != nil && repository.KindOf(err) != repository.NoAccess { // the permission may not be granted
		return 0, err
	}
	now := map[string]string{}
	for _, b := range branches {
		now["refs/heads/"+b.Name] = b.SHA
	}
	byRef := map[string]repository.Pull{}
	for _, p := range pulls {
		ref := fmt.Sprintf("refs/pull/%d/head", p.Number)
		now[ref], byRef[ref] = p.HeadSHA, p
	}
	if old == nil {
		s.At, s.Heads = r.o.Now(), now
		return 0, r.note(ctx, name, old, s)
	}
	for ref := range s.Heads {
		if _, there := now[ref]; !there && whole {
			delete(s.Heads, ref)
			delete(s.Doubtful, ref)
		}
	}
	var failures []error
	for ref, sha := range now {
		if s.Heads[ref] == sha {
			delete(s.Doubtful, ref)
			continue
		}
		told, recent, err := r.told(ctx, k, ref, sha)
		if err != nil {
			return repaired, err
		}
		d := s.Doubtful[ref]
		switch {
		case told:
			s.Heads[ref] = sha
			delete(s.Doubtful, ref)
		case d.SHA != sha:
			s.Doubtful[ref] = doubt{SHA: sha, Since: r.o.Now()}
		case r.o.Now().Sub(d.Since) >= r.o.Grace && *budget > 0:
			*budget -= 4
			if err := r.repair(ctx, k, ref, sha, before(s.Heads[ref], recent), byRef[ref], s.At); err != nil {
				failures = append(failures, err)
				continue
			}
			repaired++
			s.Heads[ref] = sha
			delete(s.Doubtful, ref)
		}
	}
	return repaired, errors.Join(errors.Join(failures...), r.note(ctx, name, old, s))
}

func (r *Reconciler) note(ctx context.Context, name string, old []byte, s seen) error {
	value, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("note value %q: %w", name, err)
	}
	if err = r.o.Store.SwapValue(ctx, name, old, value); errors.Is(err, store.ErrConflict) {
		return nil // another server looked at the same time; repairs are stored once
	}
	return err
}

// told tells whether a delivery, or a run, knows the commit; recent are the last
// commits of the ref that deliveries told of.
func (r *Reconciler) told(ctx context.Context, k intake.Known, ref, sha string) (told bool, recent []string, err error) {
	recent, err = intake.Recent(ctx, r.o.Store, k.ID, ref)
	if err != nil || slices.Contains(recent, sha) {
		return err == nil, recent, err
	}
	f := store.RunFilter{Repository: k.ID, Event: "push", Ref: ref, HeadSHA: sha, Limit: 1}
	if strings.HasPrefix(ref, "refs/pull/") {
		f.Event, f.Ref = "pull_request", strings.TrimSuffix(ref, "head")+"merge"
	}
	runs, err := r.o.Store.ListRuns(ctx, f)
	return len(runs) > 0, recent, err
}

const none = "0000000000000000000000000000000000000000"

// before is where a ref was, as far as anybody told.
func before(settled string, recent []string) string {
	switch {
	case len(recent) > 0:
		return recent[len(recent)-1]
	case settled != "":
		return settled
	}
	return none
}

// repair makes the delivery that never came.
func (r *Reconciler) repair(ctx context.Context, k intake.Known, ref, sha, before string, pull repository.Pull, since time.Time) error {
	about, err := r.o.Reader.About(ctx, k.Ref())
	if err != nil {
		return err
	}
	if about.Archived || about.Disabled {
		return nil
	}
	var d store.Delivery
	if strings.HasPrefix(ref, "refs/pull/") {
		d, err = r.pull(ctx, about, ref, sha, before, pull, since)
	} else {
		d, err = r.push(ctx, about, ref, sha, before)
	}
	if err != nil {
		return err
	}
	if _, err := r.o.Store.AddDeliveries(ctx, []store.Delivery{d}); err != nil {
		return err
	}
	r.o.Log.WarnContext(ctx, "a webhook was lost", "repository", k.Ref().FullName(), "ref", ref, "commit", sha)
	r.o.Wake()
	return nil
}

// push tells a push as GitHub recorded it, else as far as the refs show it.
func (r *Reconciler) push(ctx context.Context, about repository.About, ref, sha, before string) (store.Delivery, error) {
	commit, err := r.o.Reader.Commit(ctx, about.Ref, sha)
	if err != nil {
		return store.Delivery{}, err
	}
	var sender json.RawMessage
	pushes, err := r.o.Reader.Pushes(ctx, about.Ref, strings.TrimPrefix(ref, "refs/heads/"))
	if err != nil && repository.KindOf(err) == "" {
		return store.Delivery{}, err
	}
	for _, p := range pushes { // the newest first
		if p.After == sha && p.Ref == ref {
			before, sender = p.Before, p.Actor
			break
		}
	}
	return intake.Repair(about, "push", ref, sha, sender, map[string]any{
		"ref": ref, "before": before, "after": sha, "created": before == none, "deleted": false, "forced": false, "base_ref": nil,
		"commits": []any{}, "head_commit": map[string]any{"id": sha, "message": commit.Message},
	}, r.o.Now())
}

// pull tells that a pull request was opened, or has other commits.
func (r *Reconciler) pull(ctx context.Context, about repository.About, ref, sha, before string, p repository.Pull, since time.Time) (store.Delivery, error) {
	now, err := r.o.Reader.Pull(ctx, about.Ref, strconv.Itoa(p.Number))
	if err != nil {
		return store.Delivery{}, err
	}
	var by struct{ User json.RawMessage }
	if err := json.Unmarshal(now.Raw, &by); err != nil {
		return store.Delivery{}, fmt.Errorf("read the author of pull request %d: %w", p.Number, err)
	}
	fields := map[string]any{"action": "opened", "number": p.Number, "pull_request": now.Raw}
	if before != none || p.Created.Before(since) {
		fields["action"], fields["before"], fields["after"] = "synchronize", before, sha
	}
	return intake.Repair(about, "pull_request", ref, sha, by.User, fields, r.o.Now())
}
