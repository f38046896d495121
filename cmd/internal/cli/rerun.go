package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// rerunCommand is how to run one job again: what was typed, for this job of
// this file alone, and of a matrix for this leg. Values of secrets stay out:
// their names read the environment, or ask.
func (a *app) rerunCommand(s *session, file int, job plan.LegID, matrix expr.Value) string {
	id, _, _ := strings.Cut(string(job), "/")
	words := []string{"drydock", "run", s.event.filtered.Name, "-W", s.files[file].path, "-j", id}
	leg := legFilters(matrix)
	for _, f := range leg {
		words = append(words, "--matrix", f)
	}
	words = append(words, flagWords(a.typed, func(name, value string) bool {
		key, _, _ := strings.Cut(value, ":")
		return notAgain[name] || name == "matrix" && slices.ContainsFunc(leg, func(f string) bool {
			return len(f) > len(key) && strings.EqualFold(f[:len(key)+1], key+":")
		})
	})...)
	for i, w := range words {
		words[i] = quoted(w)
	}
	return strings.Join(words, " ")
}

// legFilters choose a leg by the values of its matrix; what is no text,
// number or truth value cannot be typed.
func legFilters(matrix expr.Value) []string {
	var out []string
	for i, key := range matrix.Keys() {
		switch v := matrix.Items()[i]; v.Kind() {
		case expr.KindString, expr.KindNumber, expr.KindBool:
			out = append(out, key+":"+v.Text())
		}
	}
	return out
}

// notAgain are the flags that rerunCommand sets itself, or that only say how
// a run is shown.
var notAgain = map[string]bool{
	"job": true, "workflows": true, "json": true, "quiet": true, "verbose": true, "watch": true, "log-level": true,
	"max-parallel": true, "concurrent-jobs": true,
}

// notRecorded are the flags that say nothing of the run itself.
var notRecorded = map[string]bool{
	"json": true, "quiet": true, "verbose": true, "watch": true, "log-level": true, "directory": true,
	"list": true, "graph": true, "dryrun": true,
}

// flagWords are the flags of a command line of `run`, one spelling for each,
// without those to leave out and without the values of secrets.
func flagWords(args []string, leaveOut func(name, value string) bool) []string {
	words := []string{}
	flags := (&runOptions{}).set(&app{})
	err := flags.ParseAll(args, func(f *pflag.Flag, value string) error {
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand
		}
		switch {
		case leaveOut(f.Name, value):
		case f.Name == "secret":
			secret, _, _ := strings.Cut(value, "=")
			words = append(words, name, secret)
		case f.NoOptDefVal != "" && value == f.NoOptDefVal:
			words = append(words, name)
		case f.NoOptDefVal != "":
			words = append(words, "--"+f.Name+"="+value)
		default:
			words = append(words, name, value)
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
