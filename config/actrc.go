package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// Actrc is one of act's files of flags.
type Actrc struct {
	Path    string
	Args    []string // as on the command line, before which they count
	Project bool     // it came with the project, so it may not open the machine (docs/adr/0003)
}

// ReadActrc reads the files that act reads, lightest first (nektos/act:
// configLocations): act/actrc among the user's settings, .actrc in the home
// folder, .actrc in dir. One that is not there is left out.
func ReadActrc(dir string, env []string) ([]Actrc, error) {
	e := environment(env)
	home := filepath.Join(e.home(), ".actrc")
	files := []Actrc{{Path: filepath.Join(e.folder("XDG_CONFIG_HOME", ".config", "Library/Application Support"), "act", "actrc")}, {Path: home}}
	if own := filepath.Join(dir, ".actrc"); own != home {
		files = append(files, Actrc{Path: own, Project: true})
	}
	var found []Actrc
	for _, f := range files {
		src, err := os.ReadFile(f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading act's flags: %w", err)
		}
		f.Args = ParseActrc(src, e.value)
		found = append(found, f)
	}
	return found, nil
}

// ParseActrc reads one flag a line, its value after the first space. Variables
// are put in; lines that are no flag are comments (nektos/act: readArgsFile).
func ParseActrc(src []byte, lookup func(string) string) []string {
	var args []string
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(os.Expand(line, lookup))
		if !strings.HasPrefix(line, "-") {
			continue
		}
		if i := strings.IndexFunc(line, unicode.IsSpace); i > 0 {
			args = append(args, line[:i], strings.TrimSpace(line[i:]))
			continue
		}
		args = append(args, line)
	}
	return args
}
