// Package filelock takes the locks that processes of one machine have on open files.
// A lock is free again when nobody has that opening of the file any more: the process
// that took it, however it ended, and those that it was handed to. Two openings of one
// file exclude each other within a process, too. It never makes, writes or removes a
// file.
package filelock
