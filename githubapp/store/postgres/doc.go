// Package postgres is the store for several servers that share one database.
//
// Leases and claims skip rows that another server holds at that moment
// (SKIP LOCKED), so servers hardly wait for each other; where a count must be
// exact across all of them, an advisory lock of the transaction makes it so.
// Its tables are those of package sqlite. The servers' clocks must agree within
// a few seconds: leases end by them.
package postgres
