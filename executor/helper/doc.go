// Package helper is the client of the small program that every back end
// starts inside a job's place, and the way to find that program.
//
// A back end brings the program into the place, starts it and gives this
// package a function that dials a byte stream to it; Place then does all that
// an executor.Environment does with processes and files, over one stream, and
// dials again when the stream breaks without losing a byte of output.
//
// The package runs on every system, never starts a container or a pod, and
// never logs a command, its environment or its output.
package helper
