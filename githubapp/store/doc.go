// Package store says what the server keeps, split by use: deliveries, runs with
// their jobs, the queue, concurrency groups, approvals, events, sealed secrets
// and a few named values. Each part is an interface of its own; a consumer asks
// for the part that it uses.
//
// A method is one transaction: it happened whole, or not at all, and whoever
// calls it again after a lost answer does no harm. The store decides nothing of
// its own: it never plans, never retries a job and never sees a secret in the
// clear. What it hands out is a copy.
package store
