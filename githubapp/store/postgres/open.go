package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of Open.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Open opens the store at a URL or a connection string of keywords. Its errors
// never repeat the password.
func Open(ctx context.Context, address string, o Options) (store.Store, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("open store: database address: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open store on %q: %w", config.ConnConfig.Host, err)
	}
	db := stdlib.OpenDBFromPool(pool)
	closeAll := func() error { pool.Close(); return nil }
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open store on %q: %w", config.ConnConfig.Host, err), db.Close(), closeAll())
	}
	return relational.Open(relational.Options{
		Write: db, Read: db, Now: o.Now, Close: closeAll,
		Dialect: relational.Dialect{
			ForUpdate:  " FOR UPDATE",
			SkipLocked: " FOR UPDATE SKIP LOCKED",
			Lock: func(ctx context.Context, tx *sql.Tx, name string) error {
				_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, name)
				return err
			},
			Again: again,
		},
	}), nil
}

// migrate lets one server after the other look at the tables.
func migrate(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // every second, a minute long
	if err != nil {
		return err
	}
	return relational.Migrate(ctx, db, goose.DialectPostgres, migrations, goose.WithSessionLocker(locker))
}

// again tells whether the transaction lost to another one.
// PostgreSQL: appendix A, class 40 (transaction rollback).
func again(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && len(e.Code) == 5 && e.Code[:2] == "40"
}
