package action

import "github.com/drydock-ci/drydock/workflow"

// Keys are the keys of an action.yml that mean something, as paths; others
// are ignored at the top and in inputs, and refused elsewhere.
func Keys() []string {
	keys := []string{"name", "description"}
	seen := map[string]bool{}
	add := func(under string, names ...string) {
		for _, n := range names {
			if key := under + n; !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	add("inputs.<id>.", "description", "required", "default", "deprecationMessage")
	add("outputs.<id>.", "description", "value")
	add("runs.", nodeKeys...)
	add("runs.", dockerKeys...)
	add("runs.", compositeKeys...)
	add("", workflow.CompositeKeys()...)
	return keys
}

// Usings are the values that runs.using may have.
func Usings() []Using { return append([]Using(nil), usings...) }

// Kinds are what a `uses:` may name.
func Kinds() []Kind { return []Kind{Repository, Local, Self, Image} }
