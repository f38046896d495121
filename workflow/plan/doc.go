// Package plan turns a workflow and an event into a graph of jobs, and runs
// that graph as a pure state machine: results go in, decisions come out.
//
// A job starts the moment its needs are met; there are no stages. Matrices,
// `if`, fail-fast, max-parallel, reusable workflows and outputs are decided
// here and nowhere else. The package starts nothing, waits for nothing and
// knows no secret's value. A Plan serialises to JSON.
package plan
