package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// codeIgnored is the code of a diagnostic about an ignored feature.
const codeIgnored = "ignored-feature"

// waivers are the ids of the ignored features that a project does without:
// check.waive of the configuration, and flags.
func (a *app) waivers(flags []string) (map[string]bool, error) {
	var known []string
	for _, f := range features {
		known = append(known, featureID(f.name))
	}
	waived := map[string]bool{}
	add := func(ids []string, where string) error {
		for _, text := range ids {
			id := featureID(strings.TrimSpace(text))
			if !slices.Contains(known, id) {
				return usage("%s: there is no feature %q: \"drydock check --features\" lists those that your files use%s", where, text, didYouMean(id, known))
			}
			waived[id] = true
		}
		return nil
	}
	if err := add(a.config.Check.Waive, "configuration \"check.waive\" ("+a.config.Origin("check.waive").String()+")"); err != nil {
		return nil, err
	}
	return waived, add(flags, "--waive")
}

// ignoredFeatures are errors, one for each use of a feature that drydock run
// passes over and that is not waived: a run that passes here would say too much.
func ignoredFeatures(f file, platforms map[string]string, waived map[string]bool) workflow.Diagnostics {
	if f.workflow == nil {
		return nil
	}
	var all workflow.Diagnostics
	used := usedFeatures(f, platforms)
	for _, known := range features {
		if known.standing != ignored || waived[featureID(known.name)] {
			continue
		}
		for _, pos := range used[known.name] {
			all = append(all, workflow.Diagnostic{
				File: f.path, Pos: pos, Severity: workflow.Error, Code: codeIgnored,
				Message: fmt.Sprintf("%s is ignored: %s", known.name, known.note),
				Hint:    fmt.Sprintf("if the workflow can do without: --waive %[1]s, or %[1]s under check.waive of drydock.yaml", featureID(known.name)),
			})
		}
	}
	return all
}

// sayIgnored names what a run is about to pass over, a line for each feature of
// a file.
func (a *app) sayIgnored(files []file, quiet bool) error {
	waived, err := a.waivers(nil)
	if err != nil || quiet {
		return err
	}
	for _, r := range featureRows(files, a.labelsKnown()) {
		if r.Standing == ignored && !waived[featureID(r.Feature)] {
			fmt.Fprintf(a.stderr, "drydock: %s:%d:%d: %s is ignored: %s\n", r.File, r.Line, r.Column, r.Feature, r.Note)
		}
	}
	return nil
}

// printStandings says in a line for each file how what it uses is treated.
func (a *app) printStandings(files []file) {
	order := []standing{impossible, ignored, emulated, exact}
	for _, f := range files {
		if slices.ContainsFunc(f.diagnostics, func(d workflow.Diagnostic) bool {
			return d.Severity == workflow.Error && d.Code != codeIgnored
		}) {
			continue // what it means is not known
		}
		names := map[standing][]string{}
		for _, r := range featureRows([]file{f}, a.labelsKnown()) {
			names[r.Standing] = append(names[r.Standing], r.Feature)
		}
		var parts []string
		for _, s := range order {
			if len(names[s]) > 0 {
				parts = append(parts, string(s)+": "+strings.Join(names[s], ", "))
			}
		}
		if len(parts) > 0 {
			fmt.Fprintf(a.stdout, "%s: %s\n", f.path, strings.Join(parts, "; "))
		}
	}
}
