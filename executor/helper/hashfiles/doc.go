// Package hashfiles computes the expression function hashFiles as GitHub's
// runner does, to the byte: its value is part of cache keys that are shared
// with GitHub's own machines. Patterns, their order, the order of folders and
// the treatment of links follow @actions/glob on Unix.
//
// It only reads files below the workspace.
package hashfiles
