package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/store"
)

const jobColumns = `run, attempt, job, name, labels, environment, state, conclusion, reason, check_run, worker, queued, started, finished`

func scanJob(row interface{ Scan(...any) error }, more ...any) (store.Job, error) {
	var j store.Job
	var labels string
	var queued, started, finished int64
	err := row.Scan(append([]any{&j.Run, &j.Attempt, &j.Job, &j.Name, &labels, &j.Environment, &j.State, &j.Conclusion, &j.Reason,
		&j.CheckRun, &j.Worker, &queued, &started, &finished}, more...)...)
	if err != nil {
		return j, err
	}
	j.Queued, j.Started, j.Finished = moment(queued), moment(started), moment(finished)
	return j, json.Unmarshal([]byte(labels), &j.Labels)
}

// putJob adds a job or replaces what may change of it.
func (s *Store) putJob(ctx context.Context, tx *sql.Tx, j store.Job) error {
	if err := checkKey("job", j.Job); err != nil {
		return err
	}
	if j.Job == "" || j.Attempt < 1 {
		return fmt.Errorf("job %q of attempt %d: it needs an id and an attempt from 1", j.Job, j.Attempt)
	}
	labels, err := json.Marshal(j.Labels)
	if err != nil {
		return err
	}
	set := ""
	if j.Message != nil {
		set += ", message = excluded.message"
	}
	if j.Checkpoint != nil {
		set += ", checkpoint = excluded.checkpoint"
	}
	state := j.State
	if state == "" {
		state = store.PendingRun
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO jobs (`+jobColumns+`, message, checkpoint)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)
		ON CONFLICT (run, attempt, job) DO UPDATE SET name = excluded.name, labels = excluded.labels, environment = excluded.environment,
			state = excluded.state, conclusion = excluded.conclusion, reason = excluded.reason,
			worker = excluded.worker, queued = excluded.queued, started = excluded.started, finished = excluded.finished`+set,
		int64(j.Run), j.Attempt, string(j.Job), text(j.Name), text(string(labels)), text(j.Environment), string(state), text(j.Conclusion), text(j.Reason),
		j.CheckRun, text(j.Worker), micros(j.Queued), micros(j.Started), micros(j.Finished), bytes(j.Message), bytes(j.Checkpoint))
	return err
}

// Job implements store.Runs.
func (s *Store) Job(ctx context.Context, key store.JobKey) (*store.Job, error) {
	var message, checkpoint []byte
	j, err := scanJob(s.Read.QueryRowContext(ctx, `SELECT `+jobColumns+`, message, checkpoint FROM jobs WHERE run = $1 AND attempt = $2 AND job = $3`,
		int64(key.Run), key.Attempt, text(key.Job)), &message, &checkpoint)
	if err != nil {
		return nil, fmt.Errorf("job %q of run %d, attempt %d: %w", key.Job, key.Run, key.Attempt, notFound(err))
	}
	j.Message, j.Checkpoint = message, checkpoint
	return &j, nil
}

// ListJobs implements store.Runs.
func (s *Store) ListJobs(ctx context.Context, run store.RunID, attempt int) ([]store.Job, error) {
	var w where
	w.add("run = %s", int64(run))
	if attempt != 0 {
		w.add("attempt = %s", attempt)
	}
	all, err := list(ctx, s.Read, func(r *sql.Rows) (store.Job, error) { return scanJob(r) },
		`SELECT `+jobColumns+` FROM jobs`+w.String()+` ORDER BY attempt, place`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list jobs of run %d: %w", run, err)
	}
	return all, nil
}

// SetCheckRun implements store.Runs.
func (s *Store) SetCheckRun(ctx context.Context, key store.JobKey, check int64) error {
	return s.write(ctx, fmt.Sprintf("note check run %d of run %d", check, key.Run), func(tx *sql.Tx) error {
		query, args := `UPDATE runs SET check_run = $1 WHERE id = $2`, []any{check, int64(key.Run)}
		if key.Job != "" {
			query, args = `UPDATE jobs SET check_run = $1 WHERE run = $2 AND attempt = $3 AND job = $4`, append(args, key.Attempt, text(key.Job))
		}
		n, err := changed(ctx, tx, query, args...)
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

// SaveCheckpoint implements store.Runs.
func (s *Store) SaveCheckpoint(ctx context.Context, t store.Ticket, checkpoint []byte) error {
	return s.write(ctx, fmt.Sprintf("save checkpoint of queue item %d", t.Item), func(tx *sql.Tx) error {
		key, _, err := s.leased(ctx, tx, t)
		if err != nil {
			return err
		}
		n, err := changed(ctx, tx, `UPDATE jobs SET checkpoint = $1 WHERE run = $2 AND attempt = $3 AND job = $4`,
			bytes(checkpoint), int64(key.Run), key.Attempt, string(key.Job))
		if err == nil && n == 0 {
			return fmt.Errorf("job %q of run %d: %w", key.Job, key.Run, store.ErrNotFound)
		}
		return err
	})
}
