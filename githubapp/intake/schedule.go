package intake

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/event"
)

// learned is what the workflows of a default branch ask for by themselves.
type learned struct {
	SHA     string  `json:"sha"`     // that it was read at
	Listens bool    `json:"listens"` // somebody listens to workflow_run
	Entries []entry `json:"entries,omitempty"`
}

// entry is one cron line.
type entry struct {
	Workflow string      `json:"workflow"`
	Cron     string      `json:"cron"`
	Timezone string      `json:"timezone,omitempty"`
	Next     time.Time   `json:"next"`
	By       store.Actor `json:"by"` // who brought it to the default branch: the run's actor
}

func (e entry) key() string { return e.Workflow + "\x00" + e.Cron + "\x00" + e.Timezone }

const defaultPrefix = "default/"

// learn notes what the workflows of the default branch ask for, after a push to it.
func (i *Intake) learn(ctx context.Context, c *cause) error {
	return i.learnFrom(ctx, c.repo.ID, c.files, c.all, c.Sender.actor())
}

// learnTip reads the default branch as it is now.
func (i *Intake) learnTip(ctx context.Context, k Known) error {
	about, err := i.o.Reader.About(ctx, k.Ref())
	if err != nil {
		return err
	}
	if err := i.renew(ctx, k, about); err != nil {
		return err
	}
	tip, err := i.o.Reader.Resolve(ctx, k.Ref(), "refs/heads/"+about.DefaultBranch)
	if repository.KindOf(err) == repository.NoCommit {
		return i.learnFrom(ctx, k.ID, "", nil, store.Actor{}) // empty
	}
	if err != nil {
		return err
	}
	all, err := i.read(ctx, k.Ref(), tip)
	if err != nil {
		return err
	}
	return i.learnFrom(ctx, k.ID, tip, all, store.Actor{ID: k.OwnerID, Login: k.Owner})
}

func (i *Intake) learnFrom(ctx context.Context, id store.RepositoryID, sha string, all []parsed, by store.Actor) error {
	name := defaultPrefix + digits(int64(id))
	for {
		old, err := i.o.Store.Value(ctx, name)
		if err != nil {
			return err
		}
		var before learned
		if old != nil {
			if err := json.Unmarshal(old, &before); err != nil {
				return fmt.Errorf("read value %q: %w", name, err)
			}
		}
		value, err := json.Marshal(i.entriesOf(sha, all, before, by))
		if err != nil {
			return fmt.Errorf("note the schedules of repository %d: %w", id, err)
		}
		if err = i.o.Store.SwapValue(ctx, name, old, value); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// entriesOf keeps the next time of entries that stay: a push must not swallow a tick.
func (i *Intake) entriesOf(sha string, all []parsed, before learned, by store.Actor) learned {
	now := i.o.Now()
	stays := map[string]entry{}
	for _, e := range before.Entries {
		stays[e.key()] = e
	}
	l := learned{SHA: sha}
	for _, p := range all {
		if p.w == nil || p.problems.HasErrors() {
			continue
		}
		l.Listens = l.Listens || p.w.On.Trigger("workflow_run") != nil
		t := p.w.On.Trigger("schedule")
		if t == nil {
			continue
		}
		for _, cron := range t.Cron {
			e := entry{Workflow: p.path, Cron: cron.Expr.ScalarText(), Timezone: cron.Timezone.ScalarText(), By: by}
			if old, ok := stays[e.key()]; ok {
				l.Entries = append(l.Entries, old)
				continue
			}
			if e.Next = e.after(now); !e.Next.IsZero() {
				l.Entries = append(l.Entries, e)
			}
		}
	}
	return l
}

// after is the next time at least GitHub's shortest interval after the last one.
func (e entry) after(now time.Time) time.Time {
	s, err := event.ParseCron(e.Cron, e.Timezone)
	if err != nil {
		return time.Time{} // Check has said so
	}
	next := s.Next(now)
	for !next.IsZero() && !e.Next.IsZero() && next.Sub(e.Next) < event.MinInterval {
		next = s.Next(next)
	}
	return next
}

// Tick starts what is due. A time that passed while nobody was here fires once,
// however often it was missed. Several servers may tick at once: the delivery's id
// is the tick's, so that it is stored once.
func (i *Intake) Tick(ctx context.Context) error {
	values, err := i.o.Store.ListValues(ctx, defaultPrefix)
	if err != nil {
		return err
	}
	var failures []error
	for name, data := range values {
		var l learned
		id, err := strconv.ParseInt(strings.TrimPrefix(name, defaultPrefix), 10, 64)
		if err == nil {
			err = json.Unmarshal(data, &l)
		}
		if err == nil && l.due(i.o.Now()) {
			err = i.tick(ctx, name, store.RepositoryID(id), data, l)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("schedules of repository %q: %w", name, err))
		}
	}
	return errors.Join(failures...)
}

func (l learned) due(now time.Time) bool {
	for _, e := range l.Entries {
		if !e.Next.After(now) {
			return true
		}
	}
	return false
}

// tick stores the deliveries of what is due, and only then moves on: a server that
// dies between leaves a tick that is found again and is a duplicate.
func (i *Intake) tick(ctx context.Context, name string, id store.RepositoryID, data []byte, l learned) error {
	now := i.o.Now()
	k, err := i.known(ctx, id)
	if err != nil {
		return err
	}
	var about repository.About
	off := k == nil || k.Off != ""
	if !off {
		about, err = i.o.Reader.About(ctx, k.Ref())
		switch repository.KindOf(err) {
		case "":
			if err != nil {
				return err // the tick waits until GitHub answers
			}
			off = about.Archived || about.Disabled
		case repository.Gone:
			off = true
			if err := i.off(ctx, id, k.Installation, offDeleted); err != nil {
				return err
			}
		default:
			i.log.WarnContext(ctx, "a schedule does not run", "repository", k.Ref().FullName(), "error", err)
			off = true
		}
	}
	var list []store.Delivery
	for n := range l.Entries {
		e := &l.Entries[n]
		if e.Next.After(now) {
			continue
		}
		if !off {
			body, err := payload(about, e.By, map[string]any{"schedule": e.Cron, "workflow": e.Workflow})
			if err != nil {
				return err
			}
			list = append(list, store.Delivery{
				ID: cronID(id, *e), Event: "schedule", Headers: map[string]string{source: fromSchedule}, Body: body, Received: now,
			})
		}
		e.Next = e.after(now)
	}
	if err := i.add(ctx, list...); err != nil {
		return err
	}
	value, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("note the next times: %w", err)
	}
	if err := i.o.Store.SwapValue(ctx, name, data, value); err != nil && !errors.Is(err, store.ErrConflict) {
		return err
	}
	return nil // somebody else was first, or the default branch changed: the next look tells
}

// cronID names a tick.
func cronID(id store.RepositoryID, e entry) store.DeliveryID {
	sum := sha256.Sum256([]byte(e.key()))
	return store.DeliveryID(fmt.Sprintf("cron-%d-%x-%d", id, sum[:6], e.Next.Unix()))
}

// add stores deliveries of our own and wakes the workers.
func (i *Intake) add(ctx context.Context, list ...store.Delivery) error {
	if len(list) == 0 {
		return nil
	}
	if _, err := i.o.Store.AddDeliveries(ctx, list); err != nil {
		return err
	}
	i.Wake()
	return nil
}
