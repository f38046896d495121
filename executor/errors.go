package executor

import (
	"errors"
	"fmt"
)

// ErrorKind is what code may choose by.
type ErrorKind string

// The kinds of errors that back ends return.
const (
	Unavailable ErrorKind = "unavailable" // no engine answers
	NotFound    ErrorKind = "not found"   // image, path, environment or process
	Refused     ErrorKind = "refused"     // policy forbids it: privileged, host mount
	Invalid     ErrorKind = "invalid"     // the spec cannot mean anything
	StartFailed ErrorKind = "start"       // argv cannot be started: not found, not executable, no such folder
	Unhealthy   ErrorKind = "unhealthy"   // a service did not get healthy
	Unsupported ErrorKind = "unsupported" // this back end has no such power
	Lost        ErrorKind = "lost"        // the place is gone or does not answer
	Failed      ErrorKind = "failed"      // anything else
)

// Error is what back ends return.
type Error struct {
	Op   string // what was being done, with its object: `pull image "node:99"`
	Kind ErrorKind
	Err  error  // cause
	Hint string // what to do, may be empty
}

// Error is "op: cause: hint".
func (e *Error) Error() string {
	s := e.Op
	if e.Err != nil {
		s += ": " + e.Err.Error()
	} else {
		s += ": " + string(e.Kind)
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error; format may hold %w.
func Errorf(op string, kind ErrorKind, format string, args ...any) *Error {
	return &Error{Op: op, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// IsKind tells whether err or one of its causes is an Error of that kind.
func IsKind(err error, kind ErrorKind) bool {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return false
		}
		if e.Kind == kind {
			return true
		}
		err = e.Err
	}
	return false
}
