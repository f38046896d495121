// Package host runs jobs directly on this machine: a folder for each job, and
// the helper as a child process that outlives the program for a while.
//
// There is no wall around a job here: it can do what the user can do. The
// package makes no containers, so jobs with `container:` or `services:` are
// refused. It works on Linux; elsewhere Probe says that it does not.
package host
