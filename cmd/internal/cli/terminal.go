package cli

import (
	"io"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
	xterm "golang.org/x/term"
)

// isTerminal tells whether a person looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && xterm.IsTerminal(int(f.Fd()))
}

// terminalSize asks for columns and rows each time, since windows change.
func terminalSize(w io.Writer) func() (int, int) {
	f, ok := w.(*os.File)
	if !ok {
		return func() (int, int) { return 80, 24 }
	}
	return func() (int, int) {
		width, height, err := xterm.GetSize(int(f.Fd()))
		if err != nil || width <= 0 {
			return 80, 24
		}
		return width, height
	}
}

// readerGone tells whether w is a pipe that nobody reads any more.
func readerGone(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(f.Fd())}} // file descriptors are small
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
