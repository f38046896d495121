package dockerfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// platformArgs are the variables of every build for a platform (Dockerfile
// reference: automatic platform ARGs in the global scope). BUILDPLATFORM and its
// like are the builder's secret.
func (f *file) platformArgs() map[string]string {
	parts := append(strings.SplitN(f.platform, "/", 3), "", "", "")
	args := map[string]string{
		"TARGETPLATFORM": f.platform, "TARGETOS": parts[0], "TARGETARCH": parts[1], "TARGETVARIANT": parts[2],
	}
	for name := range args {
		if given, ok := f.o.Args[name]; ok {
			args[name] = given
		}
	}
	return args
}

// define sets an ARG. Without a value it takes the global one, if there is any.
func (f *file) define(env map[string]string, pair instructions.KeyValuePairOptional, globals map[string]string) {
	if given, ok := f.o.Args[pair.Key]; ok {
		env[pair.Key] = given
		return
	}
	if pair.Value != nil {
		value, unknown := f.expand(*pair.Value, env)
		if unknown == "" {
			env[pair.Key] = value
		} else {
			delete(env, pair.Key) // and so unknown itself
		}
		return
	}
	if value, ok := globals[pair.Key]; ok {
		env[pair.Key] = value
	}
}

// maxValue bounds a variable's value and what holds variables, in bytes: values that
// hold each other grow beyond every machine in a short file.
const maxValue = 4096

// expand replaces variables; unknown names one that the Dockerfile does not define.
func (f *file) expand(word string, env map[string]string) (value, unknown string) {
	if len(word) > maxValue {
		return "", fmt.Sprintf("a text of more than %d bytes", maxValue)
	}
	r, err := f.lex.ProcessWordWithMatches(word, environment(env))
	if err != nil {
		return word, word
	}
	if len(r.Result) > maxValue {
		return "", fmt.Sprintf("a value of more than %d bytes", maxValue)
	}
	for name := range r.Unmatched {
		unknown = max(unknown, "$"+name)
	}
	return r.Result, unknown
}

type environment map[string]string

func (e environment) Get(name string) (string, bool) { v, ok := e[name]; return v, ok }
func (e environment) Keys() []string                 { return slices.Collect(maps.Keys(e)) }
