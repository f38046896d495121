// Package reconcile finds what GitHub did and no webhook told: deliveries that
// failed are asked for again, and the heads of branches and open pull requests are
// held against the commits that deliveries told of.
//
// What is missing becomes a delivery in the ledger, with the Origin that the lost
// webhook would have had: nothing runs twice when that comes after all. Each pass
// is bounded in requests, and of several servers one makes it. The package plans
// nothing itself.
package reconcile
