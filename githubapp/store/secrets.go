package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// SecretKind tells secrets from variables; both are sealed.
type SecretKind string

// The kinds.
const (
	Secret   SecretKind = "secret"
	Variable SecretKind = "variable"
)

// Level is whom a secret belongs to.
type Level string

// The levels, the weakest first: a repository's secret hides the organisation's
// of the same name, an environment's hides both.
const (
	Organization Level = "organization"
	Repository   Level = "repository"
	Environment  Level = "environment"
)

// Scope is where a secret holds. ID is GitHub's number of the organisation or the
// repository, never a name: a name can pass to somebody else.
type Scope struct {
	Level       Level
	ID          int64
	Environment string // name; only at that level; case is ignored
}

// SealedValue is a secret or variable as it lies in the store.
type SealedValue struct {
	Kind    SecretKind
	Scope   Scope
	Name    string // upper case
	Sealed  []byte // nil in lists of names
	Updated time.Time
	By      Actor
}

// Secrets keeps sealed bytes. Whoever seals them should bind them to kind, scope
// and name, so that bytes moved in the database do not open elsewhere.
type Secrets interface {
	PutSecret(ctx context.Context, v SealedValue) error
	// DeleteSecret: ErrNotFound when there is none.
	DeleteSecret(ctx context.Context, kind SecretKind, s Scope, name string) error
	// SecretsFor lists all of a kind in the scopes, with their sealed bytes, in
	// the order of the scopes and by name.
	SecretsFor(ctx context.Context, kind SecretKind, scopes []Scope) ([]SealedValue, error)
	// SecretNames lists a scope's without their bytes.
	SecretNames(ctx context.Context, kind SecretKind, s Scope) ([]SealedValue, error)
}

// SecretName is the one spelling of a name, by GitHub's rules: letters, digits
// and _, no digit first, no GITHUB_ in front.
func SecretName(name string) (string, error) {
	upper := strings.ToUpper(name)
	if name == "" || len(name) > 255 {
		return "", fmt.Errorf("secret name %.40q: it must have 1 to 255 characters", name)
	}
	for i, r := range upper {
		if !(r >= 'A' && r <= 'Z' || r == '_' || i > 0 && r >= '0' && r <= '9') {
			return "", fmt.Errorf("secret name %q: only letters, digits and _ are allowed, no digit first", name)
		}
	}
	if strings.HasPrefix(upper, "GITHUB_") {
		return "", fmt.Errorf("secret name %q: names that begin with GITHUB_ are GitHub's own: choose another", name)
	}
	return upper, nil
}

// Check tells whether the scope is one, and gives it in its one spelling.
func (s Scope) Check() (Scope, error) {
	s.Environment = strings.ToLower(s.Environment)
	switch {
	case s.ID <= 0:
		return s, fmt.Errorf("scope %q: it needs GitHub's number of its owner, not %d", s.Level, s.ID)
	case s.Level == Environment && s.Environment == "":
		return s, fmt.Errorf("scope %q: the environment's name is missing", s.Level)
	case s.Level == Environment, (s.Level == Organization || s.Level == Repository) && s.Environment == "":
		return s, nil
	}
	return s, fmt.Errorf("scope %q with environment %q: use organization, repository or environment", s.Level, s.Environment)
}
