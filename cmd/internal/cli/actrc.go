package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/config"
)

// withActrc puts the flags of .actrc files behind the word "run", before those
// that were typed, so that the latter win. Only `run` takes them.
func (a *app) withActrc(root *cobra.Command, args []string) ([]string, error) {
	at := commandAt(root, args)
	if at < 0 || args[at] != "run" {
		return args, nil
	}
	a.typed = append(append([]string{}, args[:at]...), args[at+1:]...)
	dir, err := os.Getwd()
	if err != nil {
		return nil, usage("find the working directory: %w", err)
	}
	if typed := directoryFlag(args); typed != "" {
		if dir = typed; !filepath.IsAbs(dir) {
			dir, _ = filepath.Abs(dir)
		}
	}
	files, err := config.ReadActrc(dir, a.env)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	out := append([]string{}, args[:at+1]...)
	a.effective = append([]string{}, args[:at]...)
	for _, f := range files {
		if err := a.checkActrc(f); err != nil {
			return nil, err
		}
		out = append(out, f.Args...)
		a.effective = append(a.effective, f.Args...)
	}
	a.effective = append(a.effective, args[at+1:]...)
	return append(out, args[at+1:]...), nil
}

// commandAt is where the name of the command stands, or -1.
func commandAt(root *cobra.Command, args []string) int {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			return i
		}
		if strings.Contains(arg, "=") {
			continue
		}
		f := root.PersistentFlags().Lookup(strings.TrimLeft(arg, "-"))
		if !strings.HasPrefix(arg, "--") && len(arg) == 2 {
			f = root.PersistentFlags().ShorthandLookup(arg[1:])
		}
		if f != nil && f.NoOptDefVal == "" {
			i++
		}
	}
	return -1
}

// directoryFlag is the value of -C, which decides whose .actrc is read.
func directoryFlag(args []string) string {
	for i, arg := range args {
		switch {
		case arg == "--":
			return ""
		case arg == "-C" || arg == "--directory":
			if i+1 < len(args) {
				return args[i+1]
			}
		case strings.HasPrefix(arg, "--directory="):
			return strings.TrimPrefix(arg, "--directory=")
		case strings.HasPrefix(arg, "-C"):
			return strings.TrimPrefix(strings.TrimPrefix(arg, "-C"), "=")
		}
	}
	return ""
}

// checkActrc parses a file on its own, so that an error names it, and refuses
// what a project may not decide.
func (a *app) checkActrc(file config.Actrc) error {
	probe := &app{stdin: a.stdin, stdout: a.stdout, stderr: a.stderr, env: a.env}
	run, _, err := probe.root().Find([]string{"run"})
	if err != nil {
		return err
	}
	if err := run.ParseFlags(file.Args); err != nil {
		return usage("read %s: %w%s: see \"drydock run --help\"", file.Path, err, suggestFlag(run, err))
	}
	if !file.Project {
		return nil
	}
	if slices.Contains(probe.flags["executor"], config.ExecutorKubernetes) {
		return usage("read %s: --executor %s would run jobs in the cluster that kubectl speaks to, so a project's file may not set it: "+
			"type it, or put it into ~/.actrc", file.Path, config.ExecutorKubernetes)
	}
	for _, name := range openers {
		f := run.Flags().Lookup(name)
		if !f.Changed || f.Value.String() == "false" || name == "container-daemon-socket" && f.Value.String() == "-" {
			continue
		}
		return usage("read %s: --%s decides what workflows may reach on this machine, so a project's file may not set it: "+
			"type it, or put it into ~/.actrc", file.Path, name)
	}
	return nil
}
