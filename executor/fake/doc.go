// Package fake is a back end in memory, for tests of what is above it. Places
// hold a file tree, processes are Go functions, time passes by time.Sleep and
// timers only, so that testing/synctest can run it; Close leaves no goroutine
// behind.
//
// Every call is recorded, and failures can be ordered: a place that is not
// made, a program that cannot start, a place that is lost under way.
package fake
