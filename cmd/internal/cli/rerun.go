package cli

import (
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// rerunCommand is how to run one job again: what was typed, for this job of
// this file alone. Values of secrets stay out: their names read the
// environment, or ask.
func (a *app) rerunCommand(s *session, file int, job plan.LegID) string {
	id, _, _ := strings.Cut(string(job), "/")
	words := []string{"drydock", "run", s.event.filtered.Name, "-W", s.files[file].path, "-j", id}
	return strings.Join(append(words, a.typedAgain()...), " ")
}

// notAgain are the flags that rerunCommand sets itself, or that only say how
// a run is shown.
var notAgain = map[string]bool{
	"job": true, "workflows": true, "json": true, "quiet": true, "verbose": true, "watch": true, "log-level": true,
	"max-parallel": true, "concurrent-jobs": true,
}

// typedAgain are the flags that were typed, as words for a shell.
func (a *app) typedAgain() []string {
	probe := &app{stdin: a.stdin, stdout: a.stdout, stderr: a.stderr, env: a.env}
	run, _, err := probe.root().Find([]string{"run"})
	if err != nil || run.ParseFlags(nil) != nil { // the latter adds the global flags
		return nil
	}
	var words []string
	err = run.Flags().ParseAll(a.typed, func(f *pflag.Flag, value string) error {
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand
		}
		switch {
		case notAgain[f.Name]:
		case f.Name == "secret":
			secret, _, _ := strings.Cut(value, "=")
			words = append(words, name, quoted(secret))
		case f.NoOptDefVal != "" && value == f.NoOptDefVal:
			words = append(words, name)
		case f.NoOptDefVal != "":
			words = append(words, "--"+f.Name+"="+quoted(value))
		default:
			words = append(words, name, quoted(value))
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return words
}

var plainShell = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quoted is a word for a shell.
func quoted(s string) string {
	if plainShell.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
