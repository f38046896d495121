// Package event decides whether an event starts a workflow, and says why or why
// not: the filters of `on:`, the inputs of workflow_dispatch, the times of
// schedule, and what GitHub derives from a webhook's payload.
//
// It asks nobody: changed files, commit messages and the time are given to it.
// It runs no git, reads no clock and no environment; only the database of time
// zones may come from the system, and is built in for systems without one.
package event
