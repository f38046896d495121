// Package sqlite is the store in one file: what a single server needs, with
// nothing to set up.
//
// It writes ahead (WAL) through one connection, so writers wait in line and
// never fail for being two; readers have connections of their own and wait for
// nobody. What was answered is on the disk. The file must be on a local disk:
// WAL does not work over network file systems.
package sqlite
