package expr

import "strings"

// maxArguments is the most that a function without a limit of its own takes.
const maxArguments = 255

// FuncSpec is the least and the greatest number of arguments of a function.
type FuncSpec struct{ Min, Max int }

// Known are the names that an expression may use in its place. The built-in functions (contains, startsWith, endsWith,
// format, join, toJSON, fromJSON, case) are always known. Names ignore case; the keys of Functions are in lower case.
//
// A nil *Known allows every context, and success, failure, always, cancelled and hashFiles.
type Known struct {
	Contexts  []string
	Functions map[string]FuncSpec
}

func (k *Known) context(name string) bool {
	if k == nil {
		return true
	}
	for _, c := range k.Contexts {
		if strings.EqualFold(c, name) {
			return true
		}
	}
	return false
}

// function takes a name in lower case.
func (k *Known) function(name string) (FuncSpec, bool) {
	if k != nil {
		spec, ok := k.Functions[name]
		return spec, ok
	}
	switch name {
	case "success", "failure":
		return FuncSpec{0, maxArguments}, true
	case "always", "cancelled":
		return FuncSpec{0, 0}, true
	case "hashfiles":
		return FuncSpec{1, maxArguments}, true
	}
	return FuncSpec{}, false
}
