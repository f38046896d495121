package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Value implements store.Values.
func (s *Store) Value(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.Read.QueryRowContext(ctx, `SELECT value FROM named_values WHERE name = $1`, text(name)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("value %q: %w", name, err)
	}
	return bytes(value), nil
}

// SwapValue implements store.Values.
func (s *Store) SwapValue(ctx context.Context, name string, old, value []byte) error {
	if err := checkKey("value", name); err != nil {
		return err
	}
	return s.write(ctx, fmt.Sprintf("swap value %q", name), func(tx *sql.Tx) error {
		var n int64
		var err error
		switch {
		case old == nil && value == nil:
			err = tx.QueryRowContext(ctx, `SELECT 1 - count(*) FROM named_values WHERE name = $1`, name).Scan(&n)
		case old == nil:
			n, err = changed(ctx, tx, `INSERT INTO named_values (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, value)
		case value == nil:
			n, err = changed(ctx, tx, `DELETE FROM named_values WHERE name = $1 AND value = $2`, name, old)
		default:
			n, err = changed(ctx, tx, `UPDATE named_values SET value = $3 WHERE name = $1 AND value = $2`, name, old, value)
		}
		if err == nil && n == 0 {
			return store.ErrConflict
		}
		return err
	})
}

// ListValues implements store.Values.
func (s *Store) ListValues(ctx context.Context, prefix string) (map[string][]byte, error) {
	type pair struct {
		name  string
		value []byte
	}
	all, err := list(ctx, s.Read, func(r *sql.Rows) (pair, error) {
		var p pair
		return p, r.Scan(&p.name, &p.value)
	}, `SELECT name, value FROM named_values WHERE substr(name, 1, length($1)) = $1`, text(prefix))
	if err != nil {
		return nil, fmt.Errorf("list values %q: %w", prefix, err)
	}
	out := map[string][]byte{}
	for _, p := range all {
		out[p.name] = bytes(p.value)
	}
	return out, nil
}
