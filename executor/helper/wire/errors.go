package wire

import (
	"errors"

	"github.com/drydock-ci/drydock/executor"
)

// FromError makes an error ready to travel.
func FromError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *executor.Error
	if !errors.As(err, &e) {
		return &Error{Kind: executor.Failed, Text: err.Error()}
	}
	out := &Error{Op: e.Op, Kind: e.Kind, Hint: e.Hint}
	if e.Err != nil {
		out.Text = e.Err.Error()
	}
	return out
}

// Err is the error again, or nil.
func (e *Error) Err(op string) error {
	if e == nil {
		return nil
	}
	if e.Op != "" {
		op = e.Op
	}
	out := &executor.Error{Op: op, Kind: e.Kind, Hint: e.Hint}
	if e.Text != "" {
		out.Err = errors.New(e.Text)
	}
	return out
}
