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

// Reason says why a place did not start or was lost, as far as policy cares.
type Reason string

// The reasons. Most errors have none.
const (
	OutOfMemory   Reason = "out of memory" // the place's first process was killed for it
	Evicted       Reason = "evicted"       // the cluster took the place's room
	Deleted       Reason = "deleted"       // somebody removed the place
	NodeLost      Reason = "node lost"     // the machine under it went away
	Unschedulable Reason = "unschedulable" // no machine has room for it, or suits it
	QuotaExceeded Reason = "quota exceeded"
	ImagePull     Reason = "image pull"
)

// Error is what back ends return.
type Error struct {
	Op     string // what was being done, with its object: `pull image "node:99"`
	Kind   ErrorKind
	Reason Reason // may be empty
	Err    error  // cause
	Hint   string // what to do, may be empty
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

// ReasonOf gives the reason of err or of the first of its causes that has one.
func ReasonOf(err error) Reason {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Reason != "" {
			return e.Reason
		}
		err = e.Err
	}
	return ""
}
