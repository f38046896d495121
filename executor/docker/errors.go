package docker

import (
	"context"
	"errors"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"
	"github.com/drydock-ci/drydock/executor"
)

// fail turns an error of the client into one with a kind.
func fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *executor.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	out := &executor.Error{Op: op, Kind: executor.Failed, Err: trim(err)}
	switch {
	case client.IsErrConnectionFailed(err):
		out.Kind, out.Hint = executor.Unavailable, "is the engine still running?"
	case cerrdefs.IsNotFound(err):
		out.Kind = executor.NotFound
	case cerrdefs.IsInvalidArgument(err):
		out.Kind = executor.Invalid
	}
	return out
}

// trim takes the client's own preface away.
func trim(err error) error {
	if rest, ok := strings.CutPrefix(err.Error(), "Error response from daemon: "); ok {
		return trimmed{err, rest}
	}
	return err
}

type trimmed struct {
	error
	text string
}

func (t trimmed) Error() string { return t.text }
func (t trimmed) Unwrap() error { return t.error }

// gone tells that there is nothing (left) to remove.
func gone(err error) bool { return err == nil || cerrdefs.IsNotFound(err) }

// beingRemoved tells that somebody else removes it already.
func beingRemoved(err error) bool {
	return cerrdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")
}
