package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

const runColumns = `id, number, attempt, version, installation, repository, repository_name, workflow, name, title,
	event, action, ref, sha, head_sha, head_ref, actor_id, actor, zone, delivery, origin,
	state, conclusion, reason, check_run, created, started, finished`

func scanRun(row interface{ Scan(...any) error }, more ...any) (store.Run, error) {
	var r store.Run
	var created, started, finished int64
	err := row.Scan(append([]any{&r.ID, &r.Number, &r.Attempt, &r.Version, &r.Installation, &r.Repository, &r.RepositoryName, &r.Workflow, &r.Name, &r.Title,
		&r.Event, &r.Action, &r.Ref, &r.SHA, &r.HeadSHA, &r.HeadRef, &r.Actor.ID, &r.Actor.Login, &r.Zone, &r.Delivery, &r.Origin,
		&r.State, &r.Conclusion, &r.Reason, &r.CheckRun, &created, &started, &finished}, more...)...)
	r.Created, r.Started, r.Finished = moment(created), moment(started), moment(finished)
	return r, err
}

// Run implements store.Runs.
func (s *Store) Run(ctx context.Context, id store.RunID) (*store.Run, error) {
	var plan, progress []byte
	r, err := scanRun(s.Read.QueryRowContext(ctx, `SELECT `+runColumns+`, plan, progress FROM runs WHERE id = $1`, int64(id)), &plan, &progress)
	if err != nil {
		return nil, fmt.Errorf("run %d: %w", id, notFound(err))
	}
	r.Plan, r.Progress = plan, progress
	return &r, nil
}

// ListRuns implements store.Runs.
func (s *Store) ListRuns(ctx context.Context, f store.RunFilter) ([]store.Run, error) {
	var w where
	if f.Repository != 0 {
		w.add("repository = %s", int64(f.Repository))
	}
	for _, is := range []struct{ column, value string }{
		{"workflow", f.Workflow}, {"event", f.Event}, {"ref", f.Ref}, {"head_sha", f.HeadSHA},
		{"actor", f.Actor}, {"delivery", string(f.Delivery)}, {"conclusion", string(f.Conclusion)},
	} {
		if is.value != "" {
			w.add(is.column+" = %s", text(is.value))
		}
	}
	if len(f.States) > 0 {
		var marks []string
		for _, state := range f.States {
			w.args = append(w.args, string(state))
			marks = append(marks, fmt.Sprintf("$%d", len(w.args)))
		}
		w.conditions = append(w.conditions, "state IN ("+strings.Join(marks, ",")+")")
		if open := !strings.Contains(fmt.Sprint(f.States), string(store.Completed)); open {
			w.conditions = append(w.conditions, "state <> 'completed'") // what the index is on
		}
	}
	if f.Text != "" {
		part := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text(f.Text))
		w.add(`lower(title || ' ' || name || ' ' || repository_name) LIKE lower(%s) ESCAPE '\'`, "%"+part+"%")
	}
	if f.Before != 0 {
		w.add("id < %s", int64(f.Before))
	}
	query := `SELECT ` + runColumns + ` FROM runs` + w.String() + fmt.Sprintf(` ORDER BY id DESC LIMIT %d`, orDefault(f.Limit))
	all, err := list(ctx, s.Read, func(r *sql.Rows) (store.Run, error) { return scanRun(r) }, query, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return all, nil
}

// CreateRuns implements store.Runs.
func (s *Store) CreateRuns(ctx context.Context, set store.Settlement, runs []store.NewRun) ([]store.Made, error) {
	var made []store.Made
	err := s.write(ctx, fmt.Sprintf("create %d runs of delivery %q", len(runs), set.Delivery), func(tx *sql.Tx) error {
		made = made[:0]
		if set.Delivery != "" {
			if err := s.settle(ctx, tx, set); err != nil {
				return err
			}
		}
		for _, n := range runs {
			m, err := s.createRun(ctx, tx, n)
			if err != nil {
				return fmt.Errorf("run of %q in %q: %w", n.Run.Workflow, n.Run.RepositoryName, err)
			}
			made = append(made, m)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (s *Store) createRun(ctx context.Context, tx *sql.Tx, n store.NewRun) (store.Made, error) {
	r := n.Run
	if err := checkKey("origin", r.Origin); err != nil {
		return store.Made{}, err
	}
	if err := checkKey("workflow", r.Workflow); err != nil {
		return store.Made{}, err
	}
	// The counter's row is the lock under which the origin is looked up.
	var number int64
	err := tx.QueryRowContext(ctx, `INSERT INTO run_numbers (repository, workflow, last) VALUES ($1, $2, 1)
		ON CONFLICT (repository, workflow) DO UPDATE SET last = run_numbers.last + 1 RETURNING last`, int64(r.Repository), r.Workflow).Scan(&number)
	if err != nil {
		return store.Made{}, err
	}
	r.Attempt = max(r.Attempt, 1)
	created := r.Created
	if created.IsZero() {
		created = s.Now()
	}
	state := r.State
	if state == "" {
		state = store.Queued
	}
	var id int64
	err = tx.QueryRowContext(ctx, `INSERT INTO runs (number, attempt, version, installation, repository, repository_name, workflow, name, title,
			event, action, ref, sha, head_sha, head_ref, actor_id, actor, zone, delivery, origin,
			state, conclusion, reason, check_run, created, started, finished, plan, progress)
		VALUES ($1,$2,1,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28)
		ON CONFLICT (origin) WHERE origin <> '' DO NOTHING RETURNING id`,
		number, r.Attempt, r.Installation, int64(r.Repository), text(r.RepositoryName), r.Workflow, text(r.Name), text(r.Title),
		text(r.Event), text(r.Action), text(r.Ref), text(r.SHA), text(r.HeadSHA), text(r.HeadRef), r.Actor.ID, text(r.Actor.Login), text(r.Zone),
		text(r.Delivery), r.Origin, string(state), text(r.Conclusion), text(r.Reason), r.CheckRun,
		micros(created), micros(r.Started), micros(r.Finished), bytes(r.Plan), bytes(r.Progress)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		// It exists: the number is given back, the run stays as it is.
		if _, err := tx.ExecContext(ctx, `UPDATE run_numbers SET last = last - 1 WHERE repository = $1 AND workflow = $2`, int64(r.Repository), r.Workflow); err != nil {
			return store.Made{}, err
		}
		err := tx.QueryRowContext(ctx, `SELECT id FROM runs WHERE origin = $1`, r.Origin).Scan(&id)
		return store.Made{ID: store.RunID(id)}, err
	}
	if err != nil {
		return store.Made{}, err
	}
	for _, j := range n.Jobs {
		j.Run, j.Attempt = store.RunID(id), r.Attempt
		if err := s.putJob(ctx, tx, j); err != nil {
			return store.Made{}, err
		}
	}
	items := make([]store.Item, len(n.Enqueue))
	for i, item := range n.Enqueue {
		item.Key.Run, item.Key.Attempt, item.Repository = store.RunID(id), r.Attempt, r.Repository
		items[i] = item
	}
	return store.Made{ID: store.RunID(id), New: true}, s.enqueue(ctx, tx, items)
}

// CommitRun implements store.Runs.
func (s *Store) CommitRun(ctx context.Context, c store.Change) (store.Committed, error) {
	var done store.Committed
	err := s.write(ctx, fmt.Sprintf("commit run %d", c.Run.ID), func(tx *sql.Tx) error {
		done = store.Committed{Version: c.Run.Version + 1}
		r := c.Run
		args := []any{int64(r.ID), r.Version, r.Attempt, string(r.State), text(r.Conclusion), text(r.Reason), text(r.Title), micros(r.Started), micros(r.Finished)}
		progress := ""
		if r.Progress != nil {
			progress, args = ", progress = $10", append(args, r.Progress)
		}
		var repository int64
		err := tx.QueryRowContext(ctx, `UPDATE runs SET version = version + 1, attempt = $3, state = $4, conclusion = $5, reason = $6, title = $7,
			started = $8, finished = $9`+progress+` WHERE id = $1 AND version = $2 RETURNING repository`, args...).Scan(&repository)
		if errors.Is(err, sql.ErrNoRows) {
			return s.versionConflict(ctx, tx, r)
		}
		if err != nil {
			return err
		}
		for _, t := range c.Finish {
			if err := s.finish(ctx, tx, t); err != nil {
				return err
			}
		}
		for _, j := range c.Jobs {
			j.Run = r.ID
			if err := s.putJob(ctx, tx, j); err != nil {
				return err
			}
		}
		for _, key := range c.Dequeue {
			if err := s.dequeue(ctx, tx, key); err != nil {
				return err
			}
		}
		items := make([]store.Item, len(c.Enqueue))
		for i, item := range c.Enqueue {
			item.Key.Run, item.Repository = r.ID, store.RepositoryID(repository)
			items[i] = item
		}
		if err := s.enqueue(ctx, tx, items); err != nil {
			return err
		}
		done.Promoted, err = s.leave(ctx, tx, c.Leave)
		return err
	})
	return done, err
}

// versionConflict says why the run could not be changed.
func (s *Store) versionConflict(ctx context.Context, tx *sql.Tx, r store.Run) error {
	var version int64
	if err := tx.QueryRowContext(ctx, `SELECT version FROM runs WHERE id = $1`, int64(r.ID)).Scan(&version); err != nil {
		return notFound(err)
	}
	return fmt.Errorf("version %d is now %d: %w", r.Version, version, store.ErrConflict)
}

// PruneRuns implements store.Runs.
func (s *Store) PruneRuns(ctx context.Context, before time.Time, limit int) ([]store.RunID, error) {
	var gone []store.RunID
	err := s.write(ctx, "prune runs", func(tx *sql.Tx) error {
		ids, err := list(ctx, tx, func(r *sql.Rows) (id int64, err error) { return id, r.Scan(&id) },
			`SELECT id FROM runs WHERE state = 'completed' AND finished < $1 ORDER BY finished LIMIT $2`+s.ForUpdate, micros(before), orDefault(limit))
		if err != nil {
			return err
		}
		gone = gone[:0]
		for _, id := range ids {
			for _, table := range []string{"events", "jobs", "approvals"} {
				if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE run = $1`, id); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE id = $1`, id); err != nil {
				return err
			}
			gone = append(gone, store.RunID(id))
		}
		return nil
	})
	return gone, err
}
