// Package client speaks the server's API for programs: lists, actions, and logs
// that are followed as they are written.
//
// It keeps nothing and never retries a write. A stream that breaks is taken up
// again where it was.
package client
