// Package wire is the language that the helper and its client speak: yamux
// streams over one byte stream, a JSON request at the head of each, and what
// follows by operation.
//
// It holds types and framing only, and never does input or output of its own.
package wire
