package store

import (
	"context"
	"time"
)

// Verdict is what a reviewer said.
type Verdict string

// The verdicts.
const (
	Approved Verdict = "approved"
	Rejected Verdict = "rejected"
)

// Approval is a person's word on a run: with no Environment, that a fork's run
// may begin; else that jobs may use the environment. It belongs to exactly one
// commit and, for an environment, to one attempt.
type Approval struct {
	Run         RunID
	Attempt     int // ignored without Environment
	Environment string
	SHA         string // the run's HeadSHA as the person saw it
	By          Actor
	Verdict     Verdict
	Comment     string
	At          time.Time // given by the store
}

// Approvals keeps who allowed what.
type Approvals interface {
	// Approve records a verdict; a second one of the same person replaces the
	// first. ErrWrongCommit when SHA is not the run's HeadSHA. A By without ID
	// is refused: a name alone can be chosen by anybody.
	Approve(ctx context.Context, a Approval) error
	// ListApprovals lists a run's, the oldest first.
	ListApprovals(ctx context.Context, run RunID) ([]Approval, error)
}
