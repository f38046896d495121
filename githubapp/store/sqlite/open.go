package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of Open.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Open opens the store in a file, which it makes, for its owner alone, if there
// is none. Several processes of one machine may open the same file.
func Open(ctx context.Context, path string, o Options) (store.Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", path, err)
	}
	// SQLite gives its side files the mode of this one: payloads may be private.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	write, err := open(path, 1, "_txlock=immediate", "_pragma=journal_mode(wal)")
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", path, err)
	}
	if err := relational.Migrate(ctx, write, goose.DialectSQLite3, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %q: %w", path, err), write.Close())
	}
	read, err := open(path, max(4, runtime.NumCPU()), "_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %q: %w", path, err), write.Close())
	}
	return relational.Open(relational.Options{
		Write: write, Read: read, Now: o.Now,
		Dialect: relational.Dialect{Again: again},
	}), nil
}

// open opens the file with up to n connections that stay open.
func open(path string, n int, options ...string) (*sql.DB, error) {
	dsn := (&url.URL{Scheme: "file", Path: path}).String() + "?_pragma=busy_timeout(10000)&_pragma=synchronous(full)&_pragma=cache_size(-16384)"
	for _, o := range options {
		dsn += "&" + o
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// again tells whether another process was writing.
func again(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff // the rest says more precisely why
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}
