package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
)

// Cause is why a job did not pass, for programs: one of the words below, which
// docs/cli.md lists. What people read is Result.Reason.
type Cause string

// The causes. A job that passed or was skipped has none.
const (
	CauseStep      Cause = "step"      // a step failed
	CauseWorkflow  Cause = "workflow"  // what it says cannot be done: an expression, an option, an action that is not there
	CauseCancelled Cause = "cancelled" // somebody or something stopped it
	CauseTimeout   Cause = "timeout"   // the time of the job, or of a step, was over

	CauseUnavailable   Cause = "unavailable"   // no engine, cluster or server answers
	CauseRefused       Cause = "refused"       // no right to it, or a policy forbids it
	CauseNotFound      Cause = "not-found"     // a namespace or another thing that the operator named
	CauseUnsupported   Cause = "unsupported"   // the back end cannot do that
	CauseImage         Cause = "image"         // an image cannot be had
	CauseQuota         Cause = "quota"         // no room in the quota, all the time that the job may wait
	CauseUnschedulable Cause = "unschedulable" // no node suits or has room, as long
	CauseUnhealthy     Cause = "unhealthy"     // a service did not get healthy

	CauseOutOfMemory Cause = "out-of-memory" // the job used more than it may
	CauseEvicted     Cause = "evicted"       // the cluster took the job's room
	CauseDeleted     Cause = "deleted"       // somebody removed the job's place
	CauseNodeLost    Cause = "node-lost"     // the machine under it went away
	CauseLost        Cause = "lost"          // its place does not answer any more

	CauseFailed   Cause = "failed"   // anything else outside the workflow
	CauseInternal Cause = "internal" // a fault of drydock
)

var causeOfReason = map[executor.Reason]Cause{
	executor.OutOfMemory: CauseOutOfMemory, executor.Evicted: CauseEvicted, executor.Deleted: CauseDeleted, executor.NodeLost: CauseNodeLost,
	executor.Unschedulable: CauseUnschedulable, executor.QuotaExceeded: CauseQuota, executor.ImagePull: CauseImage,
}

var causeOfKind = map[executor.ErrorKind]Cause{
	executor.Unavailable: CauseUnavailable, executor.NotFound: CauseNotFound, executor.Refused: CauseRefused, executor.Invalid: CauseWorkflow,
	executor.StartFailed: CauseStep, executor.Unhealthy: CauseUnhealthy, executor.Unsupported: CauseUnsupported, executor.Lost: CauseLost,
	executor.Failed: CauseFailed,
}

// CauseOf is the cause of a job that ends, or cannot begin, for err.
func CauseOf(err error) Cause {
	var internal *internalError
	var place *executor.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &internal), action.IsKind(err, action.KindInternal):
		return CauseInternal
	case action.IsKind(err, action.KindUnreachable):
		return CauseUnavailable
	}
	if c, ok := causeOfReason[executor.ReasonOf(err)]; ok {
		return c
	}
	if errors.As(err, &place) {
		if c, ok := causeOfKind[place.Kind]; ok {
			return c
		}
		return CauseFailed
	}
	return CauseWorkflow
}

// noteFailure keeps what a step that failed means for the job. The reason of one
// that ran out of memory is the job's, with the step's name.
func (x *execution) noteFailure(r *stepRun, err error, late bool) {
	var place *executor.Error
	cause := CauseStep
	switch {
	case late:
		cause = CauseTimeout
	case r.out.ranOut != "":
		cause = CauseOutOfMemory
	case errors.As(err, &place):
		cause = CauseOf(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause != "" {
		return
	}
	x.cause = cause
	if r.out.ranOut != "" && cause == CauseOutOfMemory && x.reason == "" {
		x.reason = fmt.Sprintf("step %q: %s", r.name, r.out.ranOut)
	}
}

// stopCause is the cause of a job that was cancelled.
func stopCause(ctx context.Context) Cause {
	if errors.Is(context.Cause(ctx), errJobTimeout) {
		return CauseTimeout
	}
	return CauseCancelled
}

// noteCause keeps the first cause.
func (x *execution) noteCause(c Cause) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause == "" {
		x.cause = c
	}
}
