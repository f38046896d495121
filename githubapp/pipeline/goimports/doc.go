// Package goimports tells which files of a repository a Go main package is built
// from: its packages through every import, modules of a workspace and local
// replacements, vendored code and embedded files.
// Build constraints are ignored, so that it gives a superset for every platform;
// what it cannot tell counts, with the reason. It starts no Go tool and compiles
// nothing.
package goimports
