// Package cli is drydock's command line: one file a command.
//
// It is the only place where concrete types are put together: executors,
// action store, sources and sinks. What a command does lies in the packages
// it calls; what is here is flags, files that people name, and exit codes.
package cli
