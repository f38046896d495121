// Package serve is the helper: the program inside a job's place that starts
// processes, keeps their output until somebody has it, moves files and ends
// all that the job left behind. It works on Linux only.
//
// The first client that says hello claims it with a token of its own; nobody
// else is heard. It never prints or logs what passes through it, and keeps a
// command's environment no longer than the start takes.
package serve
