package relational

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Approve implements store.Approvals.
func (s *Store) Approve(ctx context.Context, a store.Approval) error {
	doing := fmt.Sprintf("record approval of run %d", a.Run)
	switch {
	case a.By.ID <= 0:
		return fmt.Errorf("%s by %q: who it is was not authenticated", doing, a.By.Login)
	case a.Verdict != store.Approved && a.Verdict != store.Rejected:
		return fmt.Errorf("%s: verdict %q is none", doing, a.Verdict)
	case a.Environment == "":
		a.Attempt = 0
	}
	if err := checkKey("environment", a.Environment); err != nil {
		return err
	}
	return s.write(ctx, doing, func(tx *sql.Tx) error {
		var sha string
		if err := tx.QueryRowContext(ctx, `SELECT head_sha FROM runs WHERE id = $1`+s.ForUpdate, int64(a.Run)).Scan(&sha); err != nil {
			return notFound(err)
		}
		if a.SHA == "" || a.SHA != sha {
			return fmt.Errorf("it is for %.64q, the run is of %q: %w", a.SHA, sha, store.ErrWrongCommit)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO approvals (run, attempt, environment, sha, by_id, by_login, verdict, comment, made)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (run, attempt, environment, by_id) DO UPDATE SET
			sha = excluded.sha, by_login = excluded.by_login, verdict = excluded.verdict, comment = excluded.comment, made = excluded.made`,
			int64(a.Run), a.Attempt, a.Environment, sha, a.By.ID, text(a.By.Login), string(a.Verdict), text(a.Comment), micros(s.Now()))
		return err
	})
}

// ListApprovals implements store.Approvals.
func (s *Store) ListApprovals(ctx context.Context, run store.RunID) ([]store.Approval, error) {
	all, err := list(ctx, s.Read, func(r *sql.Rows) (store.Approval, error) {
		var a store.Approval
		var made int64
		err := r.Scan(&a.Run, &a.Attempt, &a.Environment, &a.SHA, &a.By.ID, &a.By.Login, &a.Verdict, &a.Comment, &made)
		a.At = moment(made)
		return a, err
	}, `SELECT run, attempt, environment, sha, by_id, by_login, verdict, comment, made FROM approvals WHERE run = $1 ORDER BY made, by_id`, int64(run))
	if err != nil {
		return nil, fmt.Errorf("list approvals of run %d: %w", run, err)
	}
	return all, nil
}
