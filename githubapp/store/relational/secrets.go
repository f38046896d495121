package relational

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/store"
)

const secretColumns = `kind, level, owner, environment, name, updated, by_id, by_login`

func scanSecret(r *sql.Rows, more ...any) (store.SealedValue, error) {
	var v store.SealedValue
	var updated int64
	err := r.Scan(append([]any{&v.Kind, &v.Scope.Level, &v.Scope.ID, &v.Scope.Environment, &v.Name, &updated, &v.By.ID, &v.By.Login}, more...)...)
	v.Updated = moment(updated)
	return v, err
}

// secretScope are the arguments that name a scope, and what is wrong with it.
func secretScope(kind store.SecretKind, scope store.Scope) ([]any, error) {
	if kind != store.Secret && kind != store.Variable {
		return nil, fmt.Errorf("kind %q: use secret or variable", kind)
	}
	scope, err := scope.Check()
	if err != nil {
		return nil, err
	}
	return []any{string(kind), string(scope.Level), scope.ID, scope.Environment}, checkKey("environment", scope.Environment)
}

// PutSecret implements store.Secrets.
func (s *Store) PutSecret(ctx context.Context, v store.SealedValue) error {
	name, err := store.SecretName(v.Name)
	if err != nil {
		return err
	}
	args, err := secretScope(v.Kind, v.Scope)
	if err != nil {
		return fmt.Errorf("put %s %q: %w", v.Kind, name, err)
	}
	if len(v.Sealed) == 0 {
		return fmt.Errorf("put %s %q: it has no sealed bytes", v.Kind, name)
	}
	args = append(args, name, micros(s.Now()), v.By.ID, text(v.By.Login), v.Sealed)
	return s.write(ctx, fmt.Sprintf("put %s %q", v.Kind, name), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO secrets (`+secretColumns+`, sealed) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)
			ON CONFLICT (kind, level, owner, environment, name) DO UPDATE SET
			sealed = excluded.sealed, updated = excluded.updated, by_id = excluded.by_id, by_login = excluded.by_login`, args...)
		return err
	})
}

const ofScope = ` WHERE kind = $1 AND level = $2 AND owner = $3 AND environment = $4`

// DeleteSecret implements store.Secrets.
func (s *Store) DeleteSecret(ctx context.Context, kind store.SecretKind, scope store.Scope, name string) error {
	name, err := store.SecretName(name)
	if err != nil {
		return err
	}
	args, err := secretScope(kind, scope)
	if err != nil {
		return fmt.Errorf("delete %s %q: %w", kind, name, err)
	}
	return s.write(ctx, fmt.Sprintf("delete %s %q", kind, name), func(tx *sql.Tx) error {
		n, err := changed(ctx, tx, `DELETE FROM secrets`+ofScope+` AND name = $5`, append(args, name)...)
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

// SecretsFor implements store.Secrets.
func (s *Store) SecretsFor(ctx context.Context, kind store.SecretKind, scopes []store.Scope) ([]store.SealedValue, error) {
	var all []store.SealedValue
	for _, scope := range scopes {
		args, err := secretScope(kind, scope)
		if err != nil {
			return nil, err
		}
		part, err := list(ctx, s.Read, func(r *sql.Rows) (store.SealedValue, error) {
			var sealed []byte
			v, err := scanSecret(r, &sealed)
			v.Sealed = sealed
			return v, err
		}, `SELECT `+secretColumns+`, sealed FROM secrets`+ofScope+` ORDER BY name`, args...)
		if err != nil {
			return nil, fmt.Errorf("read %ss: %w", kind, err)
		}
		all = append(all, part...)
	}
	return all, nil
}

// SecretNames implements store.Secrets.
func (s *Store) SecretNames(ctx context.Context, kind store.SecretKind, scope store.Scope) ([]store.SealedValue, error) {
	args, err := secretScope(kind, scope)
	if err != nil {
		return nil, err
	}
	all, err := list(ctx, s.Read, func(r *sql.Rows) (store.SealedValue, error) { return scanSecret(r) },
		`SELECT `+secretColumns+` FROM secrets`+ofScope+` ORDER BY name`, args...)
	if err != nil {
		return nil, fmt.Errorf("list %ss: %w", kind, err)
	}
	return all, nil
}
