// Package node provides builds of node for JavaScript actions: the folder that
// places show at /__e, filled when a build is first asked for, from a source
// that the operator names or from this machine's own node.
//
// Builds for glibc and for musl are told apart by what the program itself
// says. Nothing but the node program is taken from a source, it is copied and
// never linked, and it is not run here (only this machine's own node is asked
// for its version).
package node
