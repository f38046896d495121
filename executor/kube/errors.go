package kube

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/drydock-ci/drydock/executor"
)

// fail turns an error of the API into one with a kind.
func (c *client) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *executor.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	out := &executor.Error{Op: op, Kind: executor.Failed, Err: err}
	text := err.Error()
	var answer apierrors.APIStatus
	switch {
	case !errors.As(err, &answer):
		out.Kind, out.Hint = executor.Unavailable, "does the cluster run, and can it be reached from here?"
	case apierrors.IsUnauthorized(err):
		out.Kind, out.Hint = executor.Refused, "log in to the cluster again, as for kubectl"
	case apierrors.IsForbidden(err) && strings.Contains(text, "violates PodSecurity"):
		out.Kind, out.Hint = executor.Refused, "the namespace wants a stricter pod: set kubernetes.restricted: true, or use an image whose user is not root"
	case apierrors.IsForbidden(err) && strings.Contains(text, "cannot "):
		out.Kind, out.Hint = executor.Refused, "give drydock's user the role of deploy/ in namespace \""+c.namespace+"\""
	case apierrors.IsForbidden(err):
		out.Kind = executor.Refused
	case noNamespace(err):
		out.Kind, out.Hint = executor.NotFound, "make the namespace, or name another one"
	case apierrors.IsNotFound(err), apierrors.IsGone(err):
		out.Kind = executor.NotFound
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		out.Kind = executor.Invalid
	case apierrors.IsServerTimeout(err), apierrors.IsServiceUnavailable(err), apierrors.IsTooManyRequests(err), apierrors.IsTimeout(err):
		out.Kind = executor.Unavailable
	}
	return out
}

func noNamespace(err error) bool {
	return apierrors.IsNotFound(err) && strings.Contains(err.Error(), "namespaces ")
}

// overQuota tells that the namespace has no room now.
func overQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota")
}

// passing tells that another try may work: the answer says so, or there is none.
func passing(err error) bool {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return true
	}
	return apierrors.IsServerTimeout(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsTimeout(err) || apierrors.IsInternalError(err)
}

// persist repeats a request that may be repeated, while what hinders it may
// pass, for some seconds: an API server is back that soon after an update.
func persist(ctx context.Context, do func() error) error {
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		err := do()
		if err == nil || !passing(err) || wait > 5*time.Second || pause(ctx, wait) != nil {
			return err
		}
	}
}

// gone tells that there is nothing (left) to delete: it is away, or its name
// is another pod's.
func gone(err error) bool {
	return err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err)
}
