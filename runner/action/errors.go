package action

import (
	"errors"
	"fmt"
)

// ErrorKind says what a caller may do about an error of the store.
type ErrorKind string

// The kinds of errors.
const (
	KindMissing     ErrorKind = "missing"     // offline, and not in the store
	KindNotFound    ErrorKind = "not-found"   // no such repository, ref or file
	KindDenied      ErrorKind = "denied"      // private or not existing: the server does not tell which
	KindUnreachable ErrorKind = "unreachable" // the network; may be tried again
	KindInvalid     ErrorKind = "invalid"     // the content is refused
	KindInternal    ErrorKind = "internal"    // this machine: disk, git
)

// Error is an error of the store.
type Error struct {
	Op   string // "resolve", "fetch", "read"
	Ref  Ref
	Kind ErrorKind
	Err  error
	Hint string // what to do
}

// Error is "resolve action "a/b@v1": cause: what to do".
func (e *Error) Error() string {
	text := fmt.Sprintf("%s action %q: %v", e.Op, e.Ref, e.Err)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsKind tells whether err is an Error of that kind.
func IsKind(err error, kind ErrorKind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// problem is a cause with its kind, before it is known for which ref.
type problem struct {
	kind         ErrorKind
	err          error
	hint         string
	unadvertised bool // the server gives only what its refs name
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// failed makes an Error of any error.
func failed(op string, ref Ref, err error) error {
	if err == nil {
		return nil
	}
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	e := &Error{Op: op, Ref: ref, Kind: KindInternal, Err: err}
	var p *problem
	if errors.As(err, &p) {
		e.Kind, e.Hint = p.kind, p.hint
	}
	return e
}
