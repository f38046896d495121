package store

import (
	"context"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// Holder is what stands in a concurrency group: a job, or with Job "" a run.
type Holder struct {
	Run RunID
	Job plan.LegID
}

// Standing is how a holder stands in a group.
type Standing string

// The standings. At most one entry of a group holds it.
const (
	Holding    Standing = "holding"
	InLine     Standing = "pending"    // it waits for its turn
	Displaced  Standing = "displaced"  // a newer one took its place: to be cancelled
	Cancelling Standing = "cancelling" // it holds the group until it leaves: to be cancelled
)

// Claim asks for a place in a group. Groups belong to a repository: the same
// name elsewhere is another group. Names ignore case.
type Claim struct {
	Repository       RepositoryID
	Group            string
	Holder           Holder
	CancelInProgress bool
	QueueMax         bool // queue: max: those that wait already stay
}

// Entry is a place in a group.
type Entry struct {
	Repository RepositoryID
	Group      string // lower case
	Holder     Holder
	Standing   Standing
}

// Entered answers a claim.
type Entered struct {
	Standing Standing // of the holder that asked
	// Cancel are those of the group to be cancelled, by this claim or an
	// earlier one; they leave when they have ended.
	Cancel []Holder
}

// Groups are the concurrency groups across runs. An entry stays until its holder
// leaves, whatever process died: so one that asks again gets its answer again.
type Groups interface {
	EnterGroup(ctx context.Context, c Claim) (Entered, error)
	// LeaveGroups takes holders out of all their groups and tells who holds one
	// of them now.
	LeaveGroups(ctx context.Context, holders []Holder) (promoted []Holder, err error)
	// GroupEntries lists the entries of a repository (0: of all), a group's in
	// the order of their coming.
	GroupEntries(ctx context.Context, repository RepositoryID) ([]Entry, error)
}
