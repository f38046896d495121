package archtest

import (
	"fmt"
	"strings"
)

// checkArrows holds the imports between our own packages against the table.
func checkArrows(t *tree) []string {
	var problems []string
	for _, p := range t.packages {
		row, known := arrowOf(p.path)
		if !known {
			problems = append(problems, fmt.Sprintf("package %s has no row in the arrows of cmd/internal/archtest/rules.go: add one, and say why in docs/adr", p.path))
			continue
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, imported := range f.imports() {
				ours, ok := strings.CutPrefix(imported, Module+"/")
				if ok && ours != p.path && !matchesAny(row.To, ours) {
					problems = append(problems, fmt.Sprintf("%s: package %s may not import %s: it may import %s", f.path, p.path, ours, list(row.To, "nothing of ours")))
				}
			}
		}
	}
	return problems
}

func arrowOf(name string) (arrow, bool) {
	for _, row := range arrows {
		if matches(row.From, name) {
			return row, true
		}
	}
	return arrow{}, false
}

// checkGates holds the use of libraries against the tables, in tests too.
func checkGates(t *tree) []string {
	var problems []string
	for _, p := range t.packages {
		for _, f := range p.files {
			for _, imported := range f.imports() {
				if !library(imported) {
					continue
				}
				if row, ok := gateOf(imported); ok && !matchesAny(row.Only, p.path) {
					problems = append(problems, fmt.Sprintf("%s: package %s may not import %s: %s is for %s", f.path, p.path, imported, row.Library, list(row.Only, "no package of ours")))
				}
				if !f.test && matchesAny(helperParts, p.path) && !withinAny(helperLibraries, imported) {
					problems = append(problems, fmt.Sprintf("%s: package %s may not import %s: the helper is built from it and may use %s", f.path, p.path, imported, list(helperLibraries, "")))
				}
			}
		}
	}
	return problems
}

func gateOf(imported string) (gate, bool) {
	for _, row := range gates {
		if within(row.Library, imported) {
			return row, true
		}
	}
	return gate{}, false
}

func withinAny(bases []string, name string) bool {
	for _, base := range bases {
		if within(base, name) {
			return true
		}
	}
	return false
}

// library tells third-party imports from ours and the standard library's: only
// theirs have a dot in the first element.
func library(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".") && !within(Module, imported)
}

func list(patterns []string, none string) string {
	if len(patterns) == 0 {
		return none
	}
	return strings.Join(patterns, ", ")
}
