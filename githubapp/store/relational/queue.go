package relational

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// The states of a queue item.
const (
	waiting = "waiting"
	delayed = "delayed" // until due
	leased  = "leased"  // until due
)

// Enqueue implements store.Queue.
func (s *Store) Enqueue(ctx context.Context, items []store.Item) error {
	return s.write(ctx, fmt.Sprintf("enqueue %d jobs", len(items)), func(tx *sql.Tx) error {
		return s.enqueue(ctx, tx, items)
	})
}

// lane is where items of one repository wait that want the same labels.
type lane struct {
	labels     string
	repository int64
	top        int64 // the highest priority that waits
	served     int64 // when it was last leased from, in microseconds
}

func (s *Store) enqueue(ctx context.Context, tx *sql.Tx, items []store.Item) error {
	now := s.Now()
	more := map[lane]int64{} // by labels and repository: how many
	top := map[lane]int64{}
	for _, item := range items {
		labels := store.LabelSet(item.Labels)
		if labels == "[]" || item.Key.Job == "" || item.Key.Attempt < 1 {
			return fmt.Errorf("job %q of attempt %d with labels %q: it needs an id, an attempt from 1 and labels", item.Key.Job, item.Key.Attempt, item.Labels)
		}
		if err := errors.Join(checkKey("labels of the job", labels), checkKey("job", item.Key.Job)); err != nil {
			return err
		}
		state, due := waiting, int64(0)
		if item.Due.After(now) {
			state, due = delayed, micros(item.Due)
		}
		n, err := changed(ctx, tx, `INSERT INTO queue_items (run, attempt, job, repository, labels, priority, state, enqueued, due)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (run, attempt, job) DO NOTHING`,
			int64(item.Key.Run), item.Key.Attempt, string(item.Key.Job), int64(item.Repository), labels, item.Priority, state, micros(now), due)
		if err != nil {
			return err
		}
		if n > 0 && state == waiting {
			l := lane{labels: labels, repository: int64(item.Repository)}
			if old, ok := top[l]; !ok || int64(item.Priority) > old {
				top[l] = int64(item.Priority)
			}
			more[l]++
		}
	}
	// In one order, so that two transactions never wait for each other in a circle.
	lanes := make([]lane, 0, len(more))
	for l := range more {
		lanes = append(lanes, l)
	}
	slices.SortFunc(lanes, func(a, b lane) int {
		return cmp.Or(cmp.Compare(a.labels, b.labels), cmp.Compare(a.repository, b.repository))
	})
	for _, l := range lanes {
		if err := s.fill(ctx, tx, l, more[l], top[l]); err != nil {
			return err
		}
	}
	return nil
}

// fill notes that n more items wait in a lane. A new lane stands where its
// repository stands: an emptied lane brings no advantage.
func (s *Store) fill(ctx context.Context, tx *sql.Tx, l lane, n, top int64) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO queue_repositories (repository, running, served) VALUES ($1, 0, 0) ON CONFLICT (repository) DO NOTHING`, l.repository); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO queue_lanes (labels, repository, waiting, top, served)
		VALUES ($1, $2, $3, $4, (SELECT served FROM queue_repositories WHERE repository = $2))
		ON CONFLICT (labels, repository) DO UPDATE SET waiting = queue_lanes.waiting + excluded.waiting,
			top = CASE WHEN excluded.top > queue_lanes.top THEN excluded.top ELSE queue_lanes.top END`,
		l.labels, l.repository, n, top)
	return err
}

// drain notes that an item left its lane, which it was taken from in this transaction.
func (s *Store) drain(ctx context.Context, tx *sql.Tx, l lane, served int64) error {
	// Held first: who fills the lane meanwhile must be seen below.
	if s.ForUpdate != "" {
		if _, err := tx.ExecContext(ctx, `SELECT 1 FROM queue_lanes WHERE labels = $1 AND repository = $2`+s.ForUpdate, l.labels, l.repository); err != nil {
			return err
		}
	}
	var left, top int64
	err := tx.QueryRowContext(ctx, `SELECT priority FROM queue_items WHERE labels = $1 AND repository = $2 AND state = 'waiting'
		ORDER BY priority DESC, id LIMIT 1`, l.labels, l.repository).Scan(&top)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	err = tx.QueryRowContext(ctx, `UPDATE queue_lanes SET waiting = waiting - 1, top = $3, served = CASE WHEN $4 > served THEN $4 ELSE served END
		WHERE labels = $1 AND repository = $2 RETURNING waiting`, l.labels, l.repository, top, served).Scan(&left)
	if err == nil && left <= 0 {
		_, err = tx.ExecContext(ctx, `DELETE FROM queue_lanes WHERE labels = $1 AND repository = $2`, l.labels, l.repository)
	}
	return err
}

// leased is the job of a ticket and its repository, if the lease is still that one.
func (s *Store) leased(ctx context.Context, tx *sql.Tx, t store.Ticket) (store.JobKey, int64, error) {
	var key store.JobKey
	var repository int64
	err := tx.QueryRowContext(ctx, `SELECT run, attempt, job, repository FROM queue_items WHERE id = $1 AND tries = $2 AND state = 'leased'`+s.ForUpdate,
		t.Item, t.Try).Scan(&key.Run, &key.Attempt, &key.Job, &repository)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("queue item %d, try %d: %w", t.Item, t.Try, store.ErrLeaseLost)
	}
	return key, repository, err
}

// ended notes that one job fewer of the repository is leased.
func (s *Store) ended(ctx context.Context, tx *sql.Tx, repository int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE queue_repositories SET running = running - 1 WHERE repository = $1`, repository)
	return err
}

// Finish implements store.Queue.
func (s *Store) Finish(ctx context.Context, t store.Ticket) error {
	return s.write(ctx, "finish lease", func(tx *sql.Tx) error { return s.finish(ctx, tx, t) })
}

func (s *Store) finish(ctx context.Context, tx *sql.Tx, t store.Ticket) error {
	_, repository, err := s.leased(ctx, tx, t)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM queue_items WHERE id = $1`, t.Item); err != nil {
		return err
	}
	return s.ended(ctx, tx, repository)
}

// Return implements store.Queue.
func (s *Store) Return(ctx context.Context, t store.Ticket, delay time.Duration) error {
	return s.write(ctx, "return lease", func(tx *sql.Tx) error {
		_, repository, err := s.leased(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := s.ended(ctx, tx, repository); err != nil {
			return err
		}
		if delay <= 0 {
			return s.wait(ctx, tx, t.Item)
		}
		_, err = tx.ExecContext(ctx, `UPDATE queue_items SET state = 'delayed', worker = '', due = $2 WHERE id = $1`, t.Item, micros(s.Now().Add(delay)))
		return err
	})
}

// wait puts an item that is out of its lane back into it, at its old place.
func (s *Store) wait(ctx context.Context, tx *sql.Tx, item int64) error {
	var l lane
	err := tx.QueryRowContext(ctx, `UPDATE queue_items SET state = 'waiting', worker = '', due = 0 WHERE id = $1 RETURNING labels, repository, priority`, item).
		Scan(&l.labels, &l.repository, &l.top)
	if err != nil {
		return err
	}
	return s.fill(ctx, tx, lane{labels: l.labels, repository: l.repository}, 1, l.top)
}

// dequeue takes out an item that nobody has.
func (s *Store) dequeue(ctx context.Context, tx *sql.Tx, key store.JobKey) error {
	var item int64
	var state string
	var l lane
	err := tx.QueryRowContext(ctx, `SELECT id, state, labels, repository FROM queue_items WHERE run = $1 AND attempt = $2 AND job = $3`+s.ForUpdate,
		int64(key.Run), key.Attempt, text(key.Job)).Scan(&item, &state, &l.labels, &l.repository)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case state == leased:
		return fmt.Errorf("job %q of run %d is leased: %w", key.Job, key.Run, store.ErrConflict)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM queue_items WHERE id = $1`, item); err != nil {
		return err
	}
	if state == waiting {
		return s.drain(ctx, tx, l, 0)
	}
	return nil
}

// RequestCancel implements store.Queue.
func (s *Store) RequestCancel(ctx context.Context, key store.JobKey, reason string) error {
	if reason == "" {
		reason = "cancelled"
	}
	return s.write(ctx, fmt.Sprintf("cancel job %q of run %d", key.Job, key.Run), func(tx *sql.Tx) error {
		var state string
		err := tx.QueryRowContext(ctx, `UPDATE queue_items SET cancel = CASE WHEN state = 'leased' AND cancel = '' THEN $4 ELSE cancel END
			WHERE run = $1 AND attempt = $2 AND job = $3 RETURNING state`, int64(key.Run), key.Attempt, text(key.Job), text(reason)).Scan(&state)
		if err == nil && state != leased {
			return fmt.Errorf("it is %s: %w", state, store.ErrConflict)
		}
		return notFound(err)
	})
}

const itemColumns = `id, run, attempt, job, repository, labels, priority, enqueued, due, tries, worker, cancel`

func scanItem(row interface{ Scan(...any) error }) (store.Item, error) {
	var i store.Item
	var labels string
	var enqueued, due int64
	err := row.Scan(&i.ID, &i.Key.Run, &i.Key.Attempt, &i.Key.Job, &i.Repository, &labels, &i.Priority, &enqueued, &due, &i.Tries, &i.Worker, &i.Cancel)
	if err != nil {
		return i, err
	}
	i.Enqueued, i.Due = moment(enqueued), moment(due)
	return i, json.Unmarshal([]byte(labels), &i.Labels)
}

// ListQueue implements store.Queue.
func (s *Store) ListQueue(ctx context.Context, run store.RunID, limit int) ([]store.Item, error) {
	var w where
	if run != 0 {
		w.add("run = %s", int64(run))
	}
	all, err := list(ctx, s.Read, func(r *sql.Rows) (store.Item, error) { return scanItem(r) },
		`SELECT `+itemColumns+` FROM queue_items`+w.String()+fmt.Sprintf(` ORDER BY id LIMIT %d`, orDefault(limit)), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list queue: %w", err)
	}
	return all, nil
}

// Backlogs implements store.Queue.
func (s *Store) Backlogs(ctx context.Context) ([]store.Backlog, error) {
	all, err := list(ctx, s.Read, func(r *sql.Rows) (store.Backlog, error) {
		var b store.Backlog
		var labels string
		var oldest int64
		if err := r.Scan(&labels, &b.Waiting, &oldest); err != nil {
			return b, err
		}
		b.Oldest = moment(oldest)
		return b, json.Unmarshal([]byte(labels), &b.Labels)
	}, `SELECT labels, count(*), min(enqueued) FROM queue_items WHERE state = 'waiting' GROUP BY labels ORDER BY labels`)
	if err != nil {
		return nil, fmt.Errorf("list backlogs: %w", err)
	}
	return all, nil
}
