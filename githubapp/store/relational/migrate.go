package relational

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

// Migrate brings the tables up to the last of the migrations in the folder. A
// database that a newer program has written is refused, never changed.
func Migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, migrations fs.FS, options ...goose.ProviderOption) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(dialect, db, folder, options...)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	// Two servers that start on a new database get in each other's way: the
	// second sees the tables when it looks again.
	for try := range 5 {
		if _, err = provider.Up(ctx); err == nil {
			break
		}
		select {
		case <-time.After(time.Duration(try+1) * 50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("migrate the store: %w", context.Cause(ctx))
		}
	}
	if err != nil {
		return fmt.Errorf("migrate the store: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the store's version: %w", err)
	}
	if current > target {
		return fmt.Errorf("the store has version %d, this program knows %d: use the newer drydock that wrote it", current, target)
	}
	return nil
}
