package store

import (
	"context"
	"time"
)

// DeliveryID is X-GitHub-Delivery; a redelivery carries the same one.
type DeliveryID string

// Fate is what became of a delivery.
type Fate string

// The fates of a delivery.
const (
	Pending Fate = "pending" // to be planned, or being planned
	Planned Fate = "planned" // it started runs, or changed something
	Ignored Fate = "ignored" // nothing listens to it; Reason says why
	Failed  Fate = "failed"  // given up; a redelivery makes it pending again
)

// Delivery is one webhook as it came.
type Delivery struct {
	ID      DeliveryID
	Event   string            // X-GitHub-Event
	Headers map[string]string // those that are needed later
	Body    []byte            // the raw JSON; nil in lists and after pruning

	Received time.Time
	Fate     Fate // "" when added means pending
	Reason   string
	Attempts int       // how often it was claimed
	Settled  time.Time // zero while pending
}

// Added tells what adding a delivery did.
type Added string

// The outcomes of adding a delivery.
const (
	New       Added = "new"
	Duplicate Added = "duplicate" // known already; nothing changed
	Again     Added = "again"     // it had failed and is pending again, with its first bytes
)

// Deliveries is the ledger of webhooks.
type Deliveries interface {
	// AddDeliveries stores deliveries in one transaction and tells of each, in
	// order, what it did.
	AddDeliveries(ctx context.Context, list []Delivery) ([]Added, error)
	// Delivery is one with its bytes.
	Delivery(ctx context.Context, id DeliveryID) (*Delivery, error)
	// ClaimDeliveries hands out up to n pending deliveries, the longest due
	// first, and counts an attempt. Unless settled they come back after the
	// given time.
	ClaimDeliveries(ctx context.Context, n int, within time.Duration) ([]Delivery, error)
	// Settle ends a claim; with no Fate or Pending the delivery is due again
	// after Delay. ErrLeaseLost when somebody claimed it since.
	Settle(ctx context.Context, s Settlement) error
	// ListDeliveries lists the newest first, without bytes.
	ListDeliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error)
	// PruneDeliveries drops the bytes of deliveries settled before bodies, and
	// forgets those settled before rows. A forgotten delivery that is sent
	// again counts as new: GitHub redelivers for 30 days at most.
	PruneDeliveries(ctx context.Context, bodies, rows time.Time) error
}

// Settlement says what became of a claimed delivery.
type Settlement struct {
	Delivery DeliveryID
	Attempt  int // Attempts of the claim
	Fate     Fate
	Reason   string
	Delay    time.Duration // of a delivery that stays pending
}

// DeliveryFilter chooses deliveries; zero fields choose all.
type DeliveryFilter struct {
	Fate   Fate
	Event  string
	Before time.Time // received before
	Since  time.Time // received at that time or later
	Limit  int       // 0: 100
}
