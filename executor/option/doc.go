// Package option reads what workflows write in the syntax of `docker create`:
// the text of `options:` and the entries of `ports:`. It knows no option by
// itself; each back end has a table of those that it takes.
//
// The package never runs or expands anything.
package option
