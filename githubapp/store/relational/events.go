package relational

import (
	stdbytes "bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// eventBatch is how many events one statement adds.
const eventBatch = 200

const ofStream = ` run = $1 AND attempt = $2 AND job = $3`

func streamArgs(s store.Stream) []any { return []any{int64(s.Run), s.Attempt, text(s.Job)} }

// AppendEvents implements store.Events.
func (s *Store) AppendEvents(ctx context.Context, stream store.Stream, after store.Sequence, data [][]byte) (store.Sequence, error) {
	if err := checkKey("job", stream.Job); err != nil {
		return 0, err
	}
	doing := fmt.Sprintf("append %d events of job %q of run %d", len(data), stream.Job, stream.Run)
	last := after + store.Sequence(len(data))
	err := s.write(ctx, doing, func(tx *sql.Tx) error {
		head, err := lastEvent(ctx, tx, stream)
		if err != nil {
			return err
		}
		if head != after {
			return s.repeated(ctx, tx, stream, after, head, data)
		}
		now := micros(s.Now())
		at := after
		for part := range slices.Chunk(data, eventBatch) {
			args := make([]any, 0, len(part)*6)
			for _, d := range part {
				at++
				args = append(append(args, streamArgs(stream)...), int64(at), now, bytes(d))
			}
			// A second writer at the same moment fails here: the number is taken.
			n, err := changed(ctx, tx, `INSERT INTO events (run, attempt, job, sequence, at, data) VALUES `+values(len(part), 6)+` ON CONFLICT DO NOTHING`, args...)
			if err != nil {
				return err
			}
			if n != int64(len(part)) {
				return fmt.Errorf("somebody else writes there, too: %w", store.ErrSequence)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return last, nil
}

// repeated is nil when exactly these events were stored before.
func (s *Store) repeated(ctx context.Context, tx *sql.Tx, stream store.Stream, after, head store.Sequence, data [][]byte) error {
	if head >= after+store.Sequence(len(data)) {
		old, err := eventsSince(ctx, tx, stream, after, len(data))
		if err != nil {
			return err
		}
		if slices.EqualFunc(old, data, func(e store.Event, d []byte) bool { return stdbytes.Equal(e.Data, d) }) {
			return nil
		}
	}
	return fmt.Errorf("after event %d, the last one is %d: %w", after, head, store.ErrSequence)
}

// LastEvent implements store.Events.
func (s *Store) LastEvent(ctx context.Context, stream store.Stream) (store.Sequence, error) {
	head, err := lastEvent(ctx, s.Read, stream)
	if err != nil {
		return 0, fmt.Errorf("last event of job %q of run %d: %w", stream.Job, stream.Run, err)
	}
	return head, nil
}

func lastEvent(ctx context.Context, q queryer, stream store.Stream) (store.Sequence, error) {
	var head int64
	err := q.QueryRowContext(ctx, `SELECT coalesce(max(sequence), 0) FROM events WHERE`+ofStream, streamArgs(stream)...).Scan(&head)
	return store.Sequence(head), err
}

// EventsSince implements store.Events.
func (s *Store) EventsSince(ctx context.Context, stream store.Stream, after store.Sequence, limit int) ([]store.Event, error) {
	all, err := eventsSince(ctx, s.Read, stream, after, orDefault(limit))
	if err != nil {
		return nil, fmt.Errorf("events of job %q of run %d: %w", stream.Job, stream.Run, err)
	}
	return all, nil
}

func eventsSince(ctx context.Context, q queryer, stream store.Stream, after store.Sequence, limit int) ([]store.Event, error) {
	return list(ctx, q, func(r *sql.Rows) (store.Event, error) {
		var e store.Event
		var at int64
		err := r.Scan(&e.Sequence, &at, &e.Data)
		e.At = moment(at)
		return e, err
	}, `SELECT sequence, at, data FROM events WHERE`+ofStream+` AND sequence > $4 ORDER BY sequence LIMIT $5`, append(streamArgs(stream), int64(after), limit)...)
}

// PruneEvents implements store.Events.
func (s *Store) PruneEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	pruned := 0
	err := s.write(ctx, "prune events", func(tx *sql.Tx) error {
		ids, err := list(ctx, tx, func(r *sql.Rows) (id int64, err error) { return id, r.Scan(&id) },
			`SELECT id FROM runs WHERE state = 'completed' AND finished < $1 AND events_pruned = 0 ORDER BY finished LIMIT $2`+s.ForUpdate, micros(before), orDefault(limit))
		if err != nil {
			return err
		}
		pruned = len(ids)
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM events WHERE run = $1`, id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE runs SET events_pruned = 1 WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	})
	return pruned, err
}
