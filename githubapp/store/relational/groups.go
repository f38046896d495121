package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// groupLock names the lock of a group.
func groupLock(repository int64, name string) string {
	return fmt.Sprintf("group %d %s", repository, name)
}

// EnterGroup implements store.Groups.
func (s *Store) EnterGroup(ctx context.Context, c store.Claim) (store.Entered, error) {
	name := strings.ToLower(text(c.Group))
	if err := errors.Join(checkKey("concurrency group", name), checkKey("job", c.Holder.Job)); err != nil {
		return store.Entered{}, err
	}
	var in store.Entered
	err := s.write(ctx, fmt.Sprintf("enter concurrency group %q", c.Group), func(tx *sql.Tx) error {
		in = store.Entered{}
		if err := s.lock(ctx, tx, groupLock(int64(c.Repository), name)); err != nil {
			return err
		}
		entries, err := s.members(ctx, tx, int64(c.Repository), name)
		if err != nil {
			return err
		}
		known := slices.ContainsFunc(entries, func(e store.Entry) bool { return e.Holder == c.Holder })
		if !known {
			if entries, err = s.enter(ctx, tx, c, name, entries); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if e.Holder == c.Holder {
				in.Standing = e.Standing
			} else if e.Standing == store.Displaced || e.Standing == store.Cancelling {
				in.Cancel = append(in.Cancel, e.Holder)
			}
		}
		return nil
	})
	return in, err
}

// enter adds a holder to a group, whose lock is held, and gives its entries after that.
func (s *Store) enter(ctx context.Context, tx *sql.Tx, c store.Claim, name string, entries []store.Entry) ([]store.Entry, error) {
	mine := store.Holding
	for i := range entries {
		e := &entries[i]
		switch {
		case e.Standing == store.Displaced:
			continue
		case e.Standing == store.InLine && !c.QueueMax:
			e.Standing = store.Displaced
		case e.Standing == store.Holding && c.CancelInProgress:
			e.Standing = store.Cancelling
		}
		mine = store.InLine
		if err := s.stand(ctx, tx, *e); err != nil {
			return nil, err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO concurrency (repository, name, run, job, standing) VALUES ($1, $2, $3, $4, $5)`,
		int64(c.Repository), name, int64(c.Holder.Run), string(c.Holder.Job), string(mine))
	return append(entries, store.Entry{Repository: c.Repository, Group: name, Holder: c.Holder, Standing: mine}), err
}

func (s *Store) stand(ctx context.Context, tx *sql.Tx, e store.Entry) error {
	_, err := tx.ExecContext(ctx, `UPDATE concurrency SET standing = $1 WHERE repository = $2 AND name = $3 AND run = $4 AND job = $5`,
		string(e.Standing), int64(e.Repository), e.Group, int64(e.Holder.Run), string(e.Holder.Job))
	return err
}

func scanEntry(r *sql.Rows) (store.Entry, error) {
	var e store.Entry
	return e, r.Scan(&e.Repository, &e.Group, &e.Holder.Run, &e.Holder.Job, &e.Standing)
}

const selectEntries = `SELECT repository, name, run, job, standing FROM concurrency`

func (s *Store) members(ctx context.Context, tx *sql.Tx, repository int64, name string) ([]store.Entry, error) {
	return list(ctx, tx, scanEntry, selectEntries+` WHERE repository = $1 AND name = $2 ORDER BY place`, repository, name)
}

// LeaveGroups implements store.Groups.
func (s *Store) LeaveGroups(ctx context.Context, holders []store.Holder) ([]store.Holder, error) {
	var promoted []store.Holder
	err := s.write(ctx, "leave concurrency groups", func(tx *sql.Tx) (err error) {
		promoted, err = s.leave(ctx, tx, holders)
		return err
	})
	return promoted, err
}

func (s *Store) leave(ctx context.Context, tx *sql.Tx, holders []store.Holder) ([]store.Holder, error) {
	var mine []store.Entry
	for _, h := range holders {
		part, err := list(ctx, tx, scanEntry, selectEntries+` WHERE run = $1 AND job = $2`, int64(h.Run), text(h.Job))
		if err != nil {
			return nil, err
		}
		mine = append(mine, part...)
	}
	// In one order: two that leave the same groups never wait in a circle.
	slices.SortFunc(mine, func(a, b store.Entry) int {
		return strings.Compare(groupLock(int64(a.Repository), a.Group), groupLock(int64(b.Repository), b.Group))
	})
	var promoted []store.Holder
	for _, e := range mine {
		if err := s.lock(ctx, tx, groupLock(int64(e.Repository), e.Group)); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM concurrency WHERE repository = $1 AND name = $2 AND run = $3 AND job = $4`,
			int64(e.Repository), e.Group, int64(e.Holder.Run), string(e.Holder.Job)); err != nil {
			return nil, err
		}
		left, err := s.members(ctx, tx, int64(e.Repository), e.Group)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(left, func(e store.Entry) bool { return e.Standing == store.Holding || e.Standing == store.Cancelling }) {
			continue
		}
		if i := slices.IndexFunc(left, func(e store.Entry) bool { return e.Standing == store.InLine }); i >= 0 {
			left[i].Standing = store.Holding
			if err := s.stand(ctx, tx, left[i]); err != nil {
				return nil, err
			}
			promoted = append(promoted, left[i].Holder)
		}
	}
	// One that left as well was promoted and went: it holds nothing.
	return slices.DeleteFunc(promoted, func(h store.Holder) bool { return slices.Contains(holders, h) }), nil
}

// GroupEntries implements store.Groups.
func (s *Store) GroupEntries(ctx context.Context, repository store.RepositoryID) ([]store.Entry, error) {
	var w where
	if repository != 0 {
		w.add("repository = %s", int64(repository))
	}
	all, err := list(ctx, s.Read, scanEntry, selectEntries+w.String()+` ORDER BY repository, name, place`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list concurrency groups: %w", err)
	}
	return all, nil
}
