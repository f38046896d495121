package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// ReviewReason begins the reason of a job that waits for a reviewer of its
// environment.
const ReviewReason = "waits for a reviewer"

// mayUse tells whether the protection of its environment lets a leg begin now,
// or why it never will. What was said for another attempt does not count.
func (t *turn) mayUse(ctx context.Context, h *held) (ok bool, refused string, err error) {
	if h.Since.IsZero() {
		h.Since = t.now()
	}
	if t.q.Protection == nil {
		return true, "", nil
	}
	wait := func(reason string, until time.Time) (bool, string, error) {
		h.State, h.Reason = store.Waiting, reason
		if !until.IsZero() {
			t.lookAt(until)
		}
		return false, "", nil
	}
	p, err := t.q.Protection(ctx, t.run, h.Environment)
	if err != nil {
		return wait(fmt.Sprintf("the rules of environment %q cannot be read: %v", h.Environment, err), t.now().Add(t.q.again))
	}
	switch {
	case p.Refused != "":
		return false, fmt.Sprintf("environment %q: %s", h.Environment, p.Refused), nil
	case p.Allowed != nil && !p.Allowed(t.run.Ref):
		return false, fmt.Sprintf("%q is not allowed to deploy to environment %q by its rules", t.run.Ref, h.Environment), nil
	}
	if len(p.Reviewers) > 0 {
		verdict, err := t.verdict(ctx, h, p)
		switch {
		case err != nil:
			return false, "", err
		case verdict == nil:
			return wait(fmt.Sprintf(ReviewReason+" of environment %q", h.Environment), time.Time{})
		case verdict.Verdict == store.Rejected:
			return false, fmt.Sprintf("environment %q: refused by %s", h.Environment, verdict.By.Login), nil
		}
	}
	if until := h.Since.Add(p.Wait); t.now().Before(until) {
		return wait(fmt.Sprintf("waits for the timer of environment %q until %s", h.Environment, until.Format(time.RFC3339)), until)
	}
	return true, "", nil
}

// verdict is the newest word on this attempt's use of the environment, said
// since the leg has waited for it; nil: there is none.
func (t *turn) verdict(ctx context.Context, h *held, p Protection) (*store.Approval, error) {
	list, err := t.q.Store.ListApprovals(ctx, t.run.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range slices.Backward(list) {
		if a.Attempt != t.run.Attempt || !strings.EqualFold(a.Environment, h.Environment) || a.SHA != t.run.HeadSHA || a.At.Before(h.Since) {
			continue
		}
		ok, err := t.q.reviews(ctx, p, a.By, t.run.Actor, t.p.By)
		if err != nil {
			t.lookAt(t.now().Add(t.q.again))
			return nil, nil
		}
		if ok {
			return &a, nil
		}
	}
	return nil, nil
}

// reviews tells whether a person is a reviewer, other than those who started
// the run or its attempt if that is asked for.
func (q *Queue) reviews(ctx context.Context, p Protection, by store.Actor, started ...store.Actor) (bool, error) {
	if by.ID <= 0 {
		return false, nil
	}
	for _, s := range started {
		if p.PreventSelfReview && s.ID == by.ID {
			return false, nil
		}
	}
	for _, r := range p.Reviewers {
		if r.User == by.ID && r.User != 0 {
			return true, nil
		}
	}
	for _, r := range p.Reviewers {
		if r.Team == 0 || p.Member == nil {
			continue
		}
		if ok, err := p.Member(ctx, r.Team, by); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// Approve records a person's verdict and moves the run on. The caller has
// authenticated the person and, for a run, seen to their rights; what is seen to
// here is that the run waits for it, that it is for the run's very commit, and
// for an environment that it is this attempt's and the person a reviewer.
func (q *Queue) Approve(ctx context.Context, a store.Approval) error {
	if err := q.approve(ctx, a); err != nil {
		return fmt.Errorf("approve run %d: %w", a.Run, err)
	}
	return q.Advance(ctx, a.Run)
}

func (q *Queue) approve(ctx context.Context, a store.Approval) error {
	r, err := q.Store.Run(ctx, a.Run)
	if err != nil {
		return err
	}
	if a.SHA != r.HeadSHA {
		return fmt.Errorf("it is for %.64q, the run is of %q: %w", a.SHA, r.HeadSHA, store.ErrWrongCommit)
	}
	_, p, err := decode(r)
	if err != nil {
		return err
	}
	switch {
	case r.State == store.Completed, a.Environment == "" && (p.Gate == "" || p.Released):
		return ErrNotWaiting
	case a.Environment == "":
		return q.Store.Approve(ctx, a)
	case a.Attempt != r.Attempt:
		return fmt.Errorf("it is for attempt %d, and %d runs: %w", a.Attempt, r.Attempt, ErrNotWaiting)
	}
	for _, h := range p.Held {
		if h.State != store.Waiting || !strings.EqualFold(h.Environment, a.Environment) || q.Protection == nil {
			continue
		}
		rules, err := q.Protection(ctx, r, h.Environment)
		if err != nil {
			return err
		}
		ok, err := q.reviews(ctx, rules, a.By, r.Actor, p.By)
		switch {
		case err != nil:
			return err
		case len(rules.Reviewers) == 0:
			return ErrNotWaiting
		case !ok:
			return fmt.Errorf("%q for environment %q: %w", a.By.Login, h.Environment, ErrNotReviewer)
		}
		a.Environment = h.Environment
		return q.Store.Approve(ctx, a)
	}
	return ErrNotWaiting
}

func sortedPairs(m map[string]string) [][2]string {
	var out [][2]string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, [2]string{k, m[k]})
	}
	return out
}
