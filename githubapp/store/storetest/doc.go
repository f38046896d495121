// Package storetest is the conformance suite of stores: what the server relies
// on, whatever the database is. Each implementation's test calls Run and must
// pass all of it. Postgres starts a cluster of its own for tests; here, too, so
// that the server's tests can run on both.
package storetest
