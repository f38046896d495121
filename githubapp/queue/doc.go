// Package queue moves runs on: it makes them in the store, decides with
// workflow/plan what is next, hands jobs to workers as a runner.Source, keeps
// their events and checkpoints, and cancels, repeats and approves.
//
// All of it is in the store: any process may die between any two calls, and
// another one, or the same one later, goes on from there. Several servers may
// work on one store. The package never executes a job, never sees a secret's
// value and never asks who a person is: its caller has.
package queue
