package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// deliveryBatch is how many deliveries one statement adds.
const deliveryBatch = 100

// AddDeliveries implements store.Deliveries.
func (s *Store) AddDeliveries(ctx context.Context, deliveries []store.Delivery) ([]store.Added, error) {
	first := map[store.DeliveryID]int{} // where an id comes first
	var rows []store.Delivery
	for i, d := range deliveries {
		if d.ID == "" {
			return nil, fmt.Errorf("add delivery %d of %d: it has no id", i+1, len(deliveries))
		}
		if err := checkKey("delivery", d.ID); err != nil {
			return nil, fmt.Errorf("add delivery %d of %d: %w", i+1, len(deliveries), err)
		}
		if _, ok := first[d.ID]; !ok {
			first[d.ID] = i
			rows = append(rows, d)
		}
	}
	// In one order, so that two servers with the same deliveries do not lock each other out.
	slices.SortFunc(rows, func(a, b store.Delivery) int { return strings.Compare(string(a.ID), string(b.ID)) })
	added := map[store.DeliveryID]store.Added{}
	err := s.write(ctx, "add deliveries", func(tx *sql.Tx) error {
		clear(added)
		for part := range slices.Chunk(rows, deliveryBatch) {
			if err := s.addDeliveries(ctx, tx, part, added); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]store.Added, len(deliveries))
	for i, d := range deliveries {
		out[i] = store.Duplicate
		if what, ok := added[d.ID]; ok && first[d.ID] == i {
			out[i] = what
		}
	}
	return out, nil
}

func (s *Store) addDeliveries(ctx context.Context, tx *sql.Tx, rows []store.Delivery, added map[store.DeliveryID]store.Added) error {
	now := micros(s.Now())
	args := make([]any, 0, len(rows)*9)
	for _, d := range rows {
		headers, err := json.Marshal(d.Headers)
		if err != nil {
			return fmt.Errorf("headers of delivery %q: %w", d.ID, err)
		}
		fate, due, settled := d.Fate, now, int64(0)
		if fate == "" {
			fate = store.Pending
		}
		if fate != store.Pending {
			settled = now
		}
		received := micros(d.Received)
		if received == 0 {
			received = now
		}
		args = append(args, string(d.ID), text(d.Event), text(string(headers)), bytes(d.Body), received, string(fate), text(d.Reason), due, settled)
	}
	// A statement that touches no row returns none: what is missing is a duplicate.
	query := `INSERT INTO deliveries (id, event, headers, body, received, fate, reason, due, settled) VALUES ` + values(len(rows), 9) + `
		ON CONFLICT (id) DO UPDATE SET fate = 'pending', reason = '', due = excluded.due, settled = 0
		WHERE deliveries.fate = 'failed' AND deliveries.body IS NOT NULL
		RETURNING id, attempts`
	type row struct {
		id       store.DeliveryID
		attempts int
	}
	got, err := list(ctx, tx, func(r *sql.Rows) (row, error) {
		var one row
		return one, r.Scan(&one.id, &one.attempts)
	}, query, args...)
	for _, r := range got {
		added[r.id] = store.New
		if r.attempts > 0 { // only a claim makes it fail
			added[r.id] = store.Again
		}
	}
	return err
}

const deliveryColumns = `id, event, headers, received, fate, reason, attempts, settled`

func scanDelivery(row interface{ Scan(...any) error }, more ...any) (store.Delivery, error) {
	var d store.Delivery
	var headers string
	var received, settled int64
	if err := row.Scan(append([]any{&d.ID, &d.Event, &headers, &received, &d.Fate, &d.Reason, &d.Attempts, &settled}, more...)...); err != nil {
		return d, err
	}
	d.Received, d.Settled = moment(received), moment(settled)
	return d, json.Unmarshal([]byte(headers), &d.Headers)
}

// Delivery implements store.Deliveries.
func (s *Store) Delivery(ctx context.Context, id store.DeliveryID) (*store.Delivery, error) {
	var body []byte
	d, err := scanDelivery(s.Read.QueryRowContext(ctx, `SELECT `+deliveryColumns+`, body FROM deliveries WHERE id = $1`, text(id)), &body)
	if err != nil {
		return nil, fmt.Errorf("delivery %q: %w", id, notFound(err))
	}
	d.Body = body
	return &d, nil
}

// ClaimDeliveries implements store.Deliveries.
func (s *Store) ClaimDeliveries(ctx context.Context, n int, within time.Duration) ([]store.Delivery, error) {
	now := s.Now()
	var one int
	// Asked without the writer's lock: most often there is nothing.
	err := s.Read.QueryRowContext(ctx, `SELECT 1 FROM deliveries WHERE fate = 'pending' AND due <= $1 LIMIT 1`, micros(now)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	var claimed []store.Delivery
	err = s.write(ctx, "claim deliveries", func(tx *sql.Tx) error {
		ids, err := list(ctx, tx, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) },
			`SELECT id FROM deliveries WHERE fate = 'pending' AND due <= $1 ORDER BY due, id LIMIT $2`+s.SkipLocked, micros(now), n)
		if err != nil {
			return err
		}
		claimed = claimed[:0]
		for _, id := range ids {
			var body []byte
			d, err := scanDelivery(tx.QueryRowContext(ctx, `UPDATE deliveries SET attempts = attempts + 1, due = $2 WHERE id = $1 RETURNING `+deliveryColumns+`, body`,
				id, micros(now.Add(within))), &body)
			if err != nil {
				return err
			}
			d.Body = body
			claimed = append(claimed, d)
		}
		return nil
	})
	return claimed, err
}

// Settle implements store.Deliveries.
func (s *Store) Settle(ctx context.Context, set store.Settlement) error {
	return s.write(ctx, fmt.Sprintf("settle delivery %q", set.Delivery), func(tx *sql.Tx) error {
		return s.settle(ctx, tx, set)
	})
}

func (s *Store) settle(ctx context.Context, tx *sql.Tx, set store.Settlement) error {
	now := s.Now()
	settled := micros(now)
	switch set.Fate {
	case "", store.Pending:
		set.Fate, settled = store.Pending, 0
	case store.Planned, store.Ignored, store.Failed:
	default:
		return fmt.Errorf("fate %q is none", set.Fate)
	}
	n, err := changed(ctx, tx, `UPDATE deliveries SET fate = $1, reason = $2, due = $3, settled = $4 WHERE id = $5 AND attempts = $6 AND fate = 'pending'`,
		string(set.Fate), text(set.Reason), micros(now.Add(set.Delay)), settled, string(set.Delivery), set.Attempt)
	if err == nil && n == 0 {
		return store.ErrLeaseLost
	}
	return err
}

// ListDeliveries implements store.Deliveries.
func (s *Store) ListDeliveries(ctx context.Context, f store.DeliveryFilter) ([]store.Delivery, error) {
	var w where
	if f.Fate != "" {
		w.add("fate = %s", string(f.Fate))
	}
	if f.Event != "" {
		w.add("event = %s", text(f.Event))
	}
	if !f.Before.IsZero() {
		w.add("received < %s", micros(f.Before))
	}
	if !f.Since.IsZero() {
		w.add("received >= %s", micros(f.Since))
	}
	query := `SELECT ` + deliveryColumns + ` FROM deliveries` + w.String() + fmt.Sprintf(` ORDER BY received DESC, id LIMIT %d`, orDefault(f.Limit))
	all, err := list(ctx, s.Read, func(r *sql.Rows) (store.Delivery, error) { return scanDelivery(r) }, query, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return all, nil
}

// PruneDeliveries implements store.Deliveries.
func (s *Store) PruneDeliveries(ctx context.Context, bodies, rows time.Time) error {
	return s.write(ctx, "prune deliveries", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM deliveries WHERE fate <> 'pending' AND settled < $1`, micros(rows)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET body = NULL WHERE fate <> 'pending' AND settled < $1 AND body IS NOT NULL`, micros(bodies))
		return err
	})
}
