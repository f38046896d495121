package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Dialect is where the databases differ.
type Dialect struct {
	// ForUpdate and SkipLocked end a SELECT whose rows are about to change.
	// Both are empty where there is one writer only.
	ForUpdate  string
	SkipLocked string
	// Lock holds a name until the transaction ends; nil: one writer only.
	Lock func(ctx context.Context, tx *sql.Tx, name string) error
	// Again tells whether a transaction failed for no reason of its own.
	Again func(error) bool
}

// Options of Open.
type Options struct {
	Write *sql.DB // every transaction that changes something
	Read  *sql.DB // may be the same
	Dialect
	Now   func() time.Time // nil: time.Now; servers that share a database need the same time
	Close func() error     // after the databases; may be nil
}

// Store is a store.Store.
type Store struct {
	Options
}

var _ store.Store = (*Store)(nil)

// Open makes a store of databases whose tables are up to date. Close closes them.
func Open(o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{o}
}

// Ping reads one row.
func (s *Store) Ping(ctx context.Context) error {
	var n int
	if err := s.Read.QueryRowContext(ctx, `SELECT count(*) FROM queue_repositories WHERE repository = 0`).Scan(&n); err != nil {
		return fmt.Errorf("reading the store: %w", err)
	}
	return nil
}

// Close closes the databases.
func (s *Store) Close() error {
	var errs []error
	if s.Read != s.Write {
		errs = append(errs, s.Read.Close())
	}
	errs = append(errs, s.Write.Close())
	if s.Options.Close != nil {
		errs = append(errs, s.Options.Close())
	}
	return errors.Join(errs...)
}

// maxTries is how often a transaction is tried that others got in the way of.
const maxTries = 8

// write runs f in a transaction, again when the database says that it was merely
// in somebody's way. f must not keep anything of an earlier try.
func (s *Store) write(ctx context.Context, doing string, f func(tx *sql.Tx) error) error {
	var err error
	for try := range maxTries {
		if try > 0 {
			select {
			case <-time.After(time.Duration(try*try) * 5 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
			}
		}
		if err = s.transact(ctx, f); err == nil {
			return nil
		}
		if !s.Again(err) {
			break
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (s *Store) transact(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone drops what Rollback says after the context had ended the transaction.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// lock holds a name for the rest of the transaction.
func (s *Store) lock(ctx context.Context, tx *sql.Tx, name string) error {
	if s.Lock == nil {
		return nil
	}
	return s.Lock(ctx, tx, name)
}

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// list reads all rows of a query.
func list[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// changed executes a statement and counts its rows.
func changed(ctx context.Context, q queryer, query string, args ...any) (int64, error) {
	res, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// notFound is store.ErrNotFound for a row that is not there.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// micros and moment turn times into columns and back; zero is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// text is what a TEXT column takes: Postgres refuses bytes that are not UTF-8
// and the character 0, which a hostile name may hold.
func text[T ~string](s T) string {
	t := string(s)
	if !utf8.ValidString(t) {
		t = strings.ToValidUTF8(t, "\uFFFD")
	}
	return strings.ReplaceAll(t, "\x00", "\uFFFD")
}

// maxKey is how long the text of an index may be: Postgres takes 2,700 bytes for
// all columns of one together.
const maxKey = 1000

// checkKey refuses text that could not be looked up again as it is.
func checkKey[T ~string](what string, s T) error {
	switch {
	case len(s) > maxKey:
		return fmt.Errorf("%s %.60q...: it has %d bytes, more than %d", what, string(s), len(s), maxKey)
	case text(s) != string(s):
		return fmt.Errorf("%s %.60q: it holds a zero character or is no UTF-8", what, string(s))
	}
	return nil
}

// bytes is never NULL.
func bytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// orDefault is the limit of a list.
func orDefault(limit int) int {
	if limit <= 0 {
		return 100
	}
	return limit
}

// where collects conditions; %s in a condition is its placeholder.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, arg any) {
	w.args = append(w.args, arg)
	w.conditions = append(w.conditions, strings.ReplaceAll(condition, "%s", fmt.Sprintf("$%d", len(w.args))))
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// values are n rows of placeholders with the given number of columns.
func values(n, columns int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		for j := range columns {
			b.WriteByte("(,"[min(j, 1)])
			fmt.Fprintf(&b, "$%d", i*columns+j+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}
