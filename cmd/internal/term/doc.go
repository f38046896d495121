// Package term shows the events of runs to people and programs: a live tree
// on a terminal, lines with a job prefix on a pipe, one JSON object a line for
// programs, and a summary at the end. Each is a runner.Sink whose Emit never
// waits for the writer.
//
// What jobs print is shown without the escape sequences that could play with
// the terminal. The package never masks (that happens before every sink), never
// asks the terminal anything but its size, and keeps only the last lines of a
// job.
package term
