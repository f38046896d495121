package vault

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// MaxBytes is the largest value. GitHub docs: actions/security-guides: secrets are
// limited to 48 KB
const MaxBytes = 48 << 10

// Vault is the secrets and variables of a server.
type Vault struct {
	keys   Keys
	store  store.Secrets
	folder string // "": none
}

// New makes a vault. Folder holds more of them as files: OWNER/NAME and
// OWNER/REPOSITORY/NAME; "" is none.
func New(keys Keys, s store.Secrets, folder string) *Vault {
	return &Vault{keys: keys, store: s, folder: folder}
}

// Owner is whose values are wanted. IDs decide; names are only for the folder.
type Owner struct {
	Organization     int64 // or the user that owns the repository
	Repository       int64
	OrganizationName string
	RepositoryName   string
	Environment      string // "": none
}

// scopes are from the weakest to the strongest.
func (o Owner) scopes() []store.Scope {
	all := []store.Scope{}
	if o.Organization != 0 {
		all = append(all, store.Scope{Level: store.Organization, ID: o.Organization})
	}
	if o.Repository != 0 {
		all = append(all, store.Scope{Level: store.Repository, ID: o.Repository})
		if o.Environment != "" {
			all = append(all, store.Scope{Level: store.Environment, ID: o.Repository, Environment: o.Environment})
		}
	}
	return all
}

// Set keeps a value.
func (v *Vault) Set(ctx context.Context, kind store.SecretKind, s store.Scope, name, value string, by store.Actor) error {
	name, err := store.SecretName(name)
	if err != nil {
		return err
	}
	if s, err = s.Check(); err != nil {
		return err
	}
	if len(value) > MaxBytes {
		return fmt.Errorf("keep %s %q: it has %d bytes, and at most %d are kept", kind, name, len(value), MaxBytes)
	}
	if kind == store.Variable && !utf8.ValidString(value) {
		return fmt.Errorf("keep variable %q: it is no text in UTF-8", name)
	}
	sealed, err := v.keys.Seal(purpose(kind, s, name), []byte(value))
	if err != nil {
		return err
	}
	return v.store.PutSecret(ctx, store.SealedValue{Kind: kind, Scope: s, Name: name, Sealed: sealed, By: by})
}

// Delete forgets a value; store.ErrNotFound when there is none.
func (v *Vault) Delete(ctx context.Context, kind store.SecretKind, s store.Scope, name string) error {
	name, err := store.SecretName(name)
	if err != nil {
		return err
	}
	return v.store.DeleteSecret(ctx, kind, s, name)
}

// Names lists what is kept in a scope, without values.
func (v *Vault) Names(ctx context.Context, kind store.SecretKind, s store.Scope) ([]store.SealedValue, error) {
	return v.store.SecretNames(ctx, kind, s)
}

// Values are those that hold for an owner: an environment's hide the repository's,
// those hide the organisation's, and what is kept hides a file of the same level. Names are in upper case. One that cannot be opened
// is an error: a job must not run with a weaker value of the same name.
func (v *Vault) Values(ctx context.Context, kind store.SecretKind, o Owner) (map[string]string, error) {
	files := map[store.Level]map[string]string{}
	if kind == store.Secret && v.folder != "" {
		var err error
		if files, err = readFolder(v.folder, o); err != nil {
			return nil, err
		}
	}
	rows, err := v.store.SecretsFor(ctx, kind, o.scopes())
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, level := range []store.Level{store.Organization, store.Repository, store.Environment} {
		maps.Copy(values, files[level])
		for _, r := range rows {
			if r.Scope.Level != level {
				continue
			}
			plain, err := v.keys.Open(purpose(r.Kind, r.Scope, r.Name), r.Sealed)
			if err != nil {
				return nil, fmt.Errorf("read %s %q: %w", r.Kind, r.Name, err)
			}
			values[r.Name] = string(plain)
		}
	}
	return values, nil
}

// Seal seals something else than values.
func (v *Vault) Seal(purpose string, plain []byte) ([]byte, error) {
	return v.keys.Seal("other "+purpose, plain)
}

// Open opens what Seal sealed for the purpose.
func (v *Vault) Open(purpose string, sealed []byte) ([]byte, error) {
	return v.keys.Open("other "+purpose, sealed)
}

// purpose binds a value to its place. No part can hold a line break but the
// environment's name, which stands last.
func purpose(kind store.SecretKind, s store.Scope, name string) string {
	return fmt.Sprintf("value %s\n%s\n%d\n%s\n%s", kind, s.Level, s.ID, name, strings.ToLower(s.Environment))
}
