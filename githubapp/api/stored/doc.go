// Package stored is the API's view of a server's store: runs with their graphs,
// what the events of their jobs tell of steps, deliveries and the queue.
//
// It only reads. What it works out of events it remembers, within bounds, and
// reads on from there.
package stored
