package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// complaint makes one line of cobra's own errors.
func complaint(err error) error {
	text := err.Error()
	if name, ok := unknownCommand(text); ok {
		first, rest, _ := strings.Cut(text, "\n")
		if near := strings.Fields(strings.TrimPrefix(strings.TrimSpace(rest), "Did you mean this?")); len(near) > 0 {
			first += fmt.Sprintf(" (did you mean %q?)", near[0])
		} else if strings.HasSuffix(first, `for "drydock"`) {
			first += fmt.Sprintf(" (for an event: drydock run %s)", name)
		}
		return fmt.Errorf("%s: see \"drydock --help\"", first)
	}
	if strings.HasPrefix(text, "accepts ") || strings.HasPrefix(text, "requires ") {
		return fmt.Errorf("wrong number of arguments: %s: see --help", text)
	}
	return errors.New(strings.TrimSpace(text))
}

func unknownCommand(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, `unknown command "`)
	if !ok {
		return "", false
	}
	name, _, ok := strings.Cut(rest, `"`)
	return name, ok
}

// suggestFlag names the flag that an unknown one comes close to, or the
// command that has it: act's users type flags without "run".
func suggestFlag(cmd *cobra.Command, err error) string {
	text := err.Error()
	if _, letter, ok := strings.Cut(text, "unknown shorthand flag: '"); ok && cmd == cmd.Root() {
		if run, _, err := cmd.Find([]string{"run"}); err == nil && len(letter) > 0 && run.Flags().ShorthandLookup(letter[:1]) != nil {
			return fmt.Sprintf(" (did you mean drydock run -%s?)", letter[:1])
		}
	}
	_, name, ok := strings.Cut(text, "unknown flag: --")
	if !ok {
		return ""
	}
	if cmd == cmd.Root() {
		if run, _, err := cmd.Find([]string{"run"}); err == nil && run.Flags().Lookup(name) != nil {
			return fmt.Sprintf(" (did you mean drydock run --%s?)", name)
		}
	}
	var names []string
	see := func(f *pflag.Flag) { names = append(names, "--"+f.Name) }
	cmd.Flags().VisitAll(see)
	cmd.InheritedFlags().VisitAll(see)
	return didYouMean("--"+name, names)
}

// didYouMean names the closest of known, if one is close; of several the first in
// the alphabet.
func didYouMean(given string, known []string) string {
	best, distance := "", 3
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := editDistance(strings.ToLower(given), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := before
			if a[i-1] != b[j-1] {
				cost++
			}
			before = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
