package term

import (
	"os"

	"golang.org/x/term"
)

// Lookup reads a variable of the environment.
type Lookup func(name string) (value string, ok bool)

// DetectColor tells whether output should have colours: NO_COLOR forbids them,
// CLICOLOR_FORCE demands them, else a terminal that is not dumb has them
// (no-color.org, bixense.com/clicolors).
func DetectColor(tty bool, lookup Lookup) bool {
	if v, _ := lookup("NO_COLOR"); v != "" {
		return false
	}
	if v, ok := lookup("CLICOLOR_FORCE"); ok && v != "" && v != "0" {
		return true
	}
	if v, _ := lookup("CLICOLOR"); v == "0" {
		return false
	}
	return tty && !dumb(lookup)
}

// DetectTTY tells whether a live tree can be shown on f.
func DetectTTY(f *os.File, lookup Lookup) bool {
	return f != nil && term.IsTerminal(int(f.Fd())) && !dumb(lookup)
}

// TerminalSize is an Options.Size of a terminal.
func TerminalSize(f *os.File) func() (width, height int) {
	return func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0, 0
		}
		return width, height
	}
}

func dumb(lookup Lookup) bool {
	name, _ := lookup("TERM")
	return name == "dumb"
}
