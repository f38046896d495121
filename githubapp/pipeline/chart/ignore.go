package chart

import (
	"strings"

	"helm.sh/helm/v3/pkg/ignore"
)

// parseIgnore reads a .helmignore; name is for errors.
func parseIgnore(name, text string) (*ignore.Rules, error) {
	for i, line := range strings.Split(text, "\n") { // Helm's error tells no line
		if _, err := ignore.Parse(strings.NewReader(line)); err != nil {
			return nil, at(name, i+1, "%q: %w", strings.TrimSpace(line), err)
		}
	}
	rules, err := ignore.Parse(strings.NewReader(text))
	if err != nil {
		return nil, at(name, 1, "%w", err)
	}
	rules.AddDefaults()
	return rules, nil
}
