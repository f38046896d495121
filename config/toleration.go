package config

import (
	"fmt"
	"slices"
	"strings"
)

// Toleration lets pods on nodes with a taint. An empty Effect means any, and so
// does an empty Key.
type Toleration struct {
	Key, Value string
	HasValue   bool // else any value
	Effect     string
}

var taintEffects = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}

// ParseToleration reads KEY[=VALUE][:EFFECT]; "*" is every key.
func ParseToleration(text string) (Toleration, error) {
	var t Toleration
	rest, effect, has := strings.Cut(text, ":")
	if has && !slices.Contains(taintEffects, effect) {
		return t, fmt.Errorf("%q: %q is not one of %s%s", text, effect, strings.Join(taintEffects, ", "), closeValue(effect, taintEffects))
	}
	t.Effect = effect
	t.Key, t.Value, t.HasValue = strings.Cut(rest, "=")
	if t.Key == "*" && !t.HasValue {
		t.Key = ""
		return t, nil
	}
	if t.Key == "" || t.Key == "*" || strings.ContainsAny(rest, " \t\n") {
		return t, fmt.Errorf("%q is no toleration: write it as KEY=VALUE:EFFECT, KEY:EFFECT or KEY, as in dedicated=ci:NoSchedule", text)
	}
	return t, nil
}
