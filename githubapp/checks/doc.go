// Package checks shows runs at GitHub: a check run for each job, and one for a
// workflow that cannot be planned or waits to be approved, with results, errors and
// step summaries.
//
// The store is the truth, and what has been said of it is kept there too: a server
// that was killed, several servers at once, a GitHub that fails or is away for an
// hour all end with one check run for each job, in its last state. The package
// changes nothing but check runs, and says only what was masked before.
package checks
