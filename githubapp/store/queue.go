package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Item is a job in the queue.
type Item struct {
	ID         int64 // given by the store
	Key        JobKey
	Repository RepositoryID
	Labels     []string // all of them must be offered; case is ignored
	Priority   int      // higher first
	Enqueued   time.Time
	Tries      int    // leases so far
	Worker     string // that holds the lease; "" while it waits
	// Due is when the lease ends, or the delay; zero: the item waits. An item
	// enqueued with a Due in the future is not handed out before.
	Due    time.Time
	Cancel string // why it is to be cancelled; "": it is not
}

// Ticket proves a lease. An older ticket of the same item is worth nothing.
type Ticket struct {
	Item int64
	Try  int
}

// Lease is an item that was handed out.
type Lease struct {
	Ticket
	Item    Item
	Expires time.Time
}

// Offer is what a worker can do.
type Offer struct {
	Worker string
	Labels []string
	For    time.Duration // the lease ends after it, unless extended
	Limits Limits
}

// Limits are how many leases may be out at once; 0: any number.
type Limits struct {
	Overall       int
	PerRepository int
	Repositories  map[RepositoryID]int // instead of PerRepository
}

// For is the limit of one repository.
func (l Limits) For(id RepositoryID) int {
	if n, ok := l.Repositories[id]; ok {
		return n
	}
	return l.PerRepository
}

// Extension answers Extend.
type Extension struct {
	Expires time.Time
	Cancel  string // why the job is to be cancelled; "": it is not
}

// Backlog is what waits for one set of labels.
type Backlog struct {
	Labels  []string
	Waiting int
	Oldest  time.Time // when the one that waits longest was enqueued
}

// Queue hands jobs to workers. Of what a worker can do, the highest priority
// goes first; among equals the repository that was served longest ago, and in
// it the job that waits longest.
type Queue interface {
	// Enqueue adds jobs; one that is in the queue already stays as it is.
	Enqueue(ctx context.Context, items []Item) error
	// Lease hands out an item, or nil when there is none for the offer. Leases
	// that have expired come back first.
	Lease(ctx context.Context, o Offer) (*Lease, error)
	Extend(ctx context.Context, t Ticket, d time.Duration) (Extension, error)
	// Finish ends a lease for good; see Change.Finish, which does it together
	// with the job's result.
	Finish(ctx context.Context, t Ticket) error
	// Return gives a lease back: the item waits again after the delay.
	Return(ctx context.Context, t Ticket, delay time.Duration) error
	// RequestCancel marks a leased item: the next Extend says so, and if the
	// worker is gone, the next Lease. ErrConflict when the item waits (take it
	// out with Change.Dequeue), ErrNotFound when it is not queued.
	RequestCancel(ctx context.Context, key JobKey, reason string) error
	// Reclaim brings back expired leases and delayed items now, and tells how
	// many leases had expired.
	Reclaim(ctx context.Context) (expired int, err error)
	// ListQueue lists items in the order of their coming; run 0: of all.
	ListQueue(ctx context.Context, run RunID, limit int) ([]Item, error)
	// Backlogs lists what waits, by labels.
	Backlogs(ctx context.Context) ([]Backlog, error)
}

// LabelSet is the one spelling of a set of labels.
func LabelSet(labels []string) string {
	text, err := json.Marshal(normalLabels(labels))
	if err != nil {
		return "[]" // strings always marshal
	}
	return string(text)
}

// AnyLabel stands for all labels, when a worker offers it.
const AnyLabel = "*"

// Offers tells whether a worker with these labels can take a job of that set.
func Offers(offered []string, set string) bool {
	var wanted []string
	if json.Unmarshal([]byte(set), &wanted) != nil {
		return false
	}
	have := normalLabels(offered)
	if slices.Contains(have, AnyLabel) {
		return true
	}
	for _, l := range wanted {
		if _, ok := slices.BinarySearch(have, l); !ok {
			return false
		}
	}
	return true
}

func normalLabels(labels []string) []string {
	list := make([]string, 0, len(labels))
	for _, l := range labels {
		l = strings.ReplaceAll(strings.ToValidUTF8(l, "\uFFFD"), "\x00", "\uFFFD")
		if l = strings.ToLower(strings.TrimSpace(l)); l != "" {
			list = append(list, l)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
