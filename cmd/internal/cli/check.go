package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/lint"
)

func (a *app) checkCommand() *cobra.Command {
	var asJSON, listFeatures bool
	var waive []string
	cmd := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Check workflow files: what is wrong, where, and what would be right",
		Long: `Check reads workflow files by GitHub's rules and prints one diagnostic a cause, then what
"drydock run" makes of the features that each file uses. A feature that it would ignore is an error
unless it is waived. Without arguments it checks every file of .github/workflows. Advice, from
actionlint and act too, makes no file invalid. Exit code 3: a file is invalid.`,
		Example: "  drydock check\n  drydock check .github/workflows/ci.yml --json\n  drydock check --features\n  drydock check --waive checkout-lfs",
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := a.checkedFiles(args)
			if err != nil {
				return err
			}
			waived, err := a.waivers(waive)
			if err != nil {
				return err
			}
			a.advise(files)
			for i, f := range files {
				files[i].diagnostics = inOrder(append(f.diagnostics, ignoredFeatures(f, a.labelsKnown(), waived)...))
			}
			return a.printDiagnostics(files, asJSON, listFeatures)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the diagnostics as JSON")
	cmd.Flags().BoolVar(&listFeatures, "features", false, "list what the files use as exact, emulated, ignored or impossible here, with places and reasons")
	cmd.Flags().StringArrayVar(&waive, "waive", nil, "do without this ignored `feature` (repeatable; also check.waive of drydock.yaml)")
	return cmd
}

func (a *app) checkedFiles(args []string) ([]file, error) {
	if len(args) == 0 {
		return a.workflowFiles("", a.top())
	}
	var files []file
	for _, name := range args {
		f, err := a.workflowFiles(name, a.dir)
		if err != nil {
			return nil, err
		}
		files = append(files, f...)
	}
	return files, nil
}

// advise adds second opinions to the files that are valid.
func (a *app) advise(files []file) {
	linter := lint.Linter{Root: a.top(), Labels: sortedKeys(a.labelsKnown())}
	for i, f := range files {
		if f.workflow != nil {
			files[i].diagnostics = inOrder(append(f.diagnostics, linter.Check(f.path, f.source, f.diagnostics)...))
		}
	}
}

func (a *app) printDiagnostics(files []file, asJSON, listFeatures bool) error {
	type row struct {
		workflow.Diagnostic
		Line   int `json:"line"`
		Column int `json:"column"`
	}
	rows := []row{}
	var all workflow.Diagnostics
	for _, f := range files {
		for _, d := range f.diagnostics {
			all = append(all, d)
			rows = append(rows, row{d, d.Pos.Line, d.Pos.Column})
		}
	}
	if asJSON {
		out := map[string]any{"diagnostics": rows}
		if listFeatures {
			out["features"] = featureRows(files, a.labelsKnown())
		}
		if err := printJSON(a.stdout, out); err != nil {
			return err
		}
	} else {
		for _, d := range all {
			fmt.Fprintln(a.stdout, d)
		}
		if !all.HasErrors() {
			text := fmt.Sprintf("%d workflow files are valid", len(files))
			if len(files) == 1 {
				text = "1 workflow file is valid"
			}
			fmt.Fprintln(a.stdout, text)
		}
		if !listFeatures {
			a.printStandings(files)
		} else {
			if err := printFeatures(a.stdout, featureRows(files, a.labelsKnown())); err != nil {
				return err
			}
		}
	}
	if all.HasErrors() {
		return &exitError{exitInvalid, nil}
	}
	return nil
}

// top is the project's folder: the nearest, from the working directory up,
// that has .github/workflows; else the repository's root.
func (a *app) top() string {
	repository := ""
	for dir := a.dir; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(filepath.Join(dir, ".github", "workflows")); err == nil && info.IsDir() {
			return dir
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			repository = dir
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if repository == "" {
		return a.dir
	}
	return repository
}
