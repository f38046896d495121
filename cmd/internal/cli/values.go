package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/drydock-ci/drydock/config"
)

// pairs are names and values that come from a file, under those of flags.
type pairs struct {
	flags       []string // NAME=VALUE or NAME
	file        string
	fileGiven   bool   // a file that was asked for must exist
	what        string // "secret", for messages
	environment bool   // NAME alone is read from the environment
	ask         bool   // and asked for on a terminal when it is not there
}

// values reads the file and then the flags; a later one wins.
func (a *app) values(p pairs) (map[string]string, error) {
	out := map[string]string{}
	if p.file != "" {
		name := p.file
		if !filepath.IsAbs(name) {
			name = filepath.Join(a.dir, name)
		}
		list, err := config.ReadVariables(name)
		if err != nil && (p.fileGiven || !errors.Is(err, fs.ErrNotExist)) {
			return nil, usage("read --%s-file: %w", p.what, err)
		}
		for _, v := range list {
			out[v.Name] = v.Value
		}
	}
	for _, f := range p.flags {
		name, value, given := strings.Cut(f, "=")
		if name == "" {
			return nil, usage("--%s %q: it must be NAME=VALUE", p.what, f)
		}
		if !given {
			var err error
			if value, err = a.missingValue(p, name); err != nil {
				return nil, err
			}
		}
		out[name] = value
	}
	return out, nil
}

// missingValue finds the value of a name that was given alone.
func (a *app) missingValue(p pairs, name string) (string, error) {
	if p.environment {
		if v, ok := a.lookup(name); ok {
			return v, nil
		}
	}
	if in, ok := a.stdin.(*os.File); ok && p.ask && term.IsTerminal(int(in.Fd())) {
		fmt.Fprintf(a.stderr, "Value of %s %s: ", p.what, name)
		data, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(a.stderr)
		return string(data), err
	}
	return "", usage("--%s %s: no value was given and the environment has none: use --%s %s=VALUE or export %s", p.what, name, p.what, name, name)
}
