package relational

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// lanePage is how many lanes of one set of labels are looked at together. More
// are read only when the repositories of all of these are at their limit.
const lanePage = 32

// waitingLabels are the sets of labels for which something waits: one look into
// the index for each set, however many lanes and items there are.
const waitingLabels = `WITH RECURSIVE sets(labels) AS (
	SELECT min(labels) FROM queue_lanes
	UNION ALL
	SELECT (SELECT min(l.labels) FROM queue_lanes l WHERE l.labels > sets.labels) FROM sets WHERE sets.labels IS NOT NULL
) SELECT labels FROM sets WHERE labels IS NOT NULL`

// Lease implements store.Queue.
func (s *Store) Lease(ctx context.Context, o store.Offer) (*store.Lease, error) {
	if _, err := s.Reclaim(ctx); err != nil {
		return nil, err
	}
	// Looked up without the writer's lock: an idle worker disturbs nobody.
	sets, err := s.eligible(ctx, s.Read, o.Labels)
	if err != nil {
		return nil, fmt.Errorf("lease for worker %q: %w", o.Worker, err)
	}
	if len(sets) == 0 {
		return nil, nil
	}
	var got *store.Lease
	err = s.write(ctx, fmt.Sprintf("lease for worker %q", o.Worker), func(tx *sql.Tx) error {
		got = nil
		if o.Limits.Overall > 0 {
			// The count and the lease must be one step for all servers.
			if err := s.lock(ctx, tx, "queue"); err != nil {
				return err
			}
			var out int
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM queue_items WHERE state <> 'waiting' AND state = 'leased'`).Scan(&out); err != nil {
				return err
			}
			if out >= o.Limits.Overall {
				return nil
			}
		}
		got, err = s.leaseOf(ctx, tx, o, sets)
		return err
	})
	return got, err
}

func (s *Store) eligible(ctx context.Context, q queryer, labels []string) ([]string, error) {
	sets, err := list(ctx, q, func(r *sql.Rows) (set string, err error) { return set, r.Scan(&set) }, waitingLabels)
	return slices.DeleteFunc(sets, func(set string) bool { return !store.Offers(labels, set) }), err
}

// leaseOf leases from the best lane of the given sets of labels that can be served.
func (s *Store) leaseOf(ctx context.Context, tx *sql.Tx, o store.Offer, sets []string) (*store.Lease, error) {
	for page := 0; len(sets) > 0; page++ {
		var candidates []lane
		var more []string
		for _, set := range sets {
			part, err := s.lanes(ctx, tx, o.Limits, set, page)
			if err != nil {
				return nil, err
			}
			if len(part) == lanePage {
				more = append(more, set)
			}
			candidates = append(candidates, part...)
		}
		// What priority is next on other pages is not known: with several sets
		// of more than a page the order is exact within each set only.
		slices.SortFunc(candidates, func(a, b lane) int {
			return cmp.Or(cmp.Compare(b.top, a.top), cmp.Compare(a.served, b.served), cmp.Compare(a.repository, b.repository))
		})
		for _, l := range candidates {
			got, err := s.leaseLane(ctx, tx, o, l)
			if got != nil || err != nil {
				return got, err
			}
		}
		sets = more
	}
	return nil, nil
}

// lanes is a page of the lanes of one set of labels, the best first, those of
// repositories at the common limit left out.
func (s *Store) lanes(ctx context.Context, tx *sql.Tx, limits store.Limits, set string, page int) ([]lane, error) {
	var w where
	w.add("l.labels = %s", set)
	if most := largest(limits); most > 0 {
		w.add("r.running < %s", most)
	}
	return list(ctx, tx, func(r *sql.Rows) (lane, error) {
		l := lane{labels: set}
		return l, r.Scan(&l.repository, &l.top, &l.served)
	}, `SELECT l.repository, l.top, l.served FROM queue_lanes l JOIN queue_repositories r ON r.repository = l.repository`+w.String()+
		fmt.Sprintf(` ORDER BY l.top DESC, l.served, l.repository LIMIT %d OFFSET %d`, lanePage, page*lanePage), w.args...)
}

// largest is a limit that no repository is above; 0: some have none.
func largest(limits store.Limits) int {
	most := limits.PerRepository
	if most <= 0 {
		return 0
	}
	for _, n := range limits.Repositories {
		if n <= 0 {
			return 0
		}
		most = max(most, n)
	}
	return most
}

// leaseLane leases the first item of a lane; nil when its repository is at its
// limit, or served by somebody else at this moment.
func (s *Store) leaseLane(ctx context.Context, tx *sql.Tx, o store.Offer, l lane) (*store.Lease, error) {
	var running int
	err := tx.QueryRowContext(ctx, `SELECT running FROM queue_repositories WHERE repository = $1`+s.SkipLocked, l.repository).Scan(&running)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if limit := o.Limits.For(store.RepositoryID(l.repository)); limit > 0 && running >= limit {
		return nil, nil
	}
	var item int64
	err = tx.QueryRowContext(ctx, `SELECT id FROM queue_items WHERE labels = $1 AND repository = $2 AND state = 'waiting'
		ORDER BY priority DESC, id LIMIT 1`+s.SkipLocked, l.labels, l.repository).Scan(&item)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	now := s.Now()
	expires := now.Add(o.For)
	got, err := scanItem(tx.QueryRowContext(ctx, `UPDATE queue_items SET state = 'leased', tries = tries + 1, worker = $2, due = $3 WHERE id = $1 RETURNING `+itemColumns,
		item, text(o.Worker), micros(expires)))
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE queue_repositories SET running = running + 1, served = $2 WHERE repository = $1`, l.repository, micros(now)); err != nil {
		return nil, err
	}
	if err := s.drain(ctx, tx, l, micros(now)); err != nil {
		return nil, err
	}
	return &store.Lease{Ticket: store.Ticket{Item: got.ID, Try: got.Tries}, Item: got, Expires: got.Due}, nil
}

// Extend implements store.Queue.
func (s *Store) Extend(ctx context.Context, t store.Ticket, d time.Duration) (store.Extension, error) {
	var e store.Extension
	err := s.write(ctx, "extend lease", func(tx *sql.Tx) error {
		expires := s.Now().Add(d)
		err := tx.QueryRowContext(ctx, `UPDATE queue_items SET due = $3 WHERE id = $1 AND tries = $2 AND state = 'leased' RETURNING cancel`,
			t.Item, t.Try, micros(expires)).Scan(&e.Cancel)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("queue item %d, try %d: %w", t.Item, t.Try, store.ErrLeaseLost)
		}
		e.Expires = moment(micros(expires))
		return err
	})
	return e, err
}

// reclaimBatch is how many items one transaction brings back.
const reclaimBatch = 64

// Reclaim implements store.Queue.
func (s *Store) Reclaim(ctx context.Context) (int, error) {
	total := 0
	for {
		now := micros(s.Now())
		var one int
		err := s.Read.QueryRowContext(ctx, `SELECT 1 FROM queue_items WHERE state <> 'waiting' AND due <= $1 LIMIT 1`, now).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return total, nil
		} else if err != nil {
			return total, fmt.Errorf("reclaim leases: %w", err)
		}
		seen, expired := 0, 0
		err = s.write(ctx, "reclaim leases", func(tx *sql.Tx) error {
			expired = 0
			type late struct {
				id, repository int64
				state          string
			}
			all, err := list(ctx, tx, func(r *sql.Rows) (late, error) {
				var l late
				return l, r.Scan(&l.id, &l.repository, &l.state)
			}, `SELECT id, repository, state FROM queue_items WHERE state <> 'waiting' AND due <= $1 ORDER BY due LIMIT $2`+s.SkipLocked, now, reclaimBatch)
			if err != nil {
				return err
			}
			seen = len(all)
			for _, l := range all {
				if l.state == leased {
					expired++
					if err := s.ended(ctx, tx, l.repository); err != nil {
						return err
					}
				}
				if err := s.wait(ctx, tx, l.id); err != nil {
					return err
				}
			}
			return nil
		})
		total += expired
		if err != nil || seen == 0 { // 0: another server has them
			return total, err
		}
	}
}
