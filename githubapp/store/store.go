package store

import (
	"context"
	"errors"
)

// Errors that code must choose by; they come wrapped in what was being done.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else was first; read again and decide again.
	ErrConflict = errors.New("changed by somebody else meanwhile")
	// ErrLeaseLost: the lease ended, or was given to somebody else. Nothing of
	// the call was applied; stop the work.
	ErrLeaseLost = errors.New("the lease is lost")
	// ErrSequence: events do not follow on the last one stored.
	ErrSequence = errors.New("the events do not follow on the last one")
	// ErrWrongCommit: an approval names another commit than the run's.
	ErrWrongCommit = errors.New("the approval is for another commit")
)

// RunID counts runs from 1, over all repositories.
type RunID int64

// RepositoryID is GitHub's number of a repository: it survives a renaming, and a
// new repository under an old name has another one.
type RepositoryID int64

// Actor is a user as GitHub authenticated them. Decisions go by the ID; the
// login is for people.
type Actor struct {
	ID    int64
	Login string
}

// Store is all of it; see sqlite and postgres.
type Store interface {
	Deliveries
	Runs
	Groups
	Approvals
	Queue
	Events
	Secrets
	Values
	// Ping tells whether the store can be read now.
	Ping(ctx context.Context) error
	Close() error
}
