package workflow

import "github.com/drydock-ci/drydock/workflow/expr"

// The contexts and functions that an expression may use at each key
// (actions/languageservices: workflow-v1.0.json; actions/runner:
// action_yaml.json). A key inside another one may use what the outer one may.
var (
	// Nothing: a place for literal values only.
	noContexts = known()

	runNameContexts   = known("github", "inputs", "vars") // and concurrency, defaults of inputs
	workflowEnv       = known("github", "inputs", "vars", "secrets")
	workflowOutputs   = known("github", "inputs", "vars", "jobs")
	strategyContexts  = known("github", "inputs", "vars", "needs")
	jobIf             = known("github", "inputs", "vars", "needs").with(status(maxNames))
	jobContexts       = known("github", "inputs", "vars", "needs", "strategy", "matrix")
	jobSecretContexts = known("github", "inputs", "vars", "needs", "strategy", "matrix", "secrets") // env, secrets
	defaultsContexts  = known("github", "inputs", "vars", "needs", "strategy", "matrix", "env")
	credentials       = known("github", "inputs", "vars", "needs", "strategy", "matrix", "secrets", "env")
	containerEnv      = known("github", "inputs", "vars", "needs", "strategy", "matrix", "secrets", "job", "runner", "env")
	environmentURL    = known("github", "inputs", "vars", "needs", "strategy", "matrix", "steps", "job", "runner", "env")
	jobOutputs        = known("github", "inputs", "vars", "needs", "strategy", "matrix", "secrets", "steps", "job", "runner", "env")
	snapshotIf        = stepIf
	stepContexts      = known("github", "inputs", "vars", "needs", "strategy", "matrix", "secrets", "steps", "job", "runner", "env").with(hashFiles)
	stepIf            = known("github", "inputs", "vars", "needs", "strategy", "matrix", "steps", "job", "runner", "env").with(hashFiles).with(status(0))

	// Steps of a composite action: no secrets, needs and vars.
	compositeContexts = known("github", "inputs", "strategy", "matrix", "steps", "job", "runner", "env").with(hashFiles)
	compositeIf       = known("github", "inputs", "strategy", "matrix", "steps", "job", "runner", "env").with(hashFiles).with(status(0))
)

// maxNames is how many job ids success() and failure() of a job's `if` take.
const maxNames = 255

var hashFiles = map[string]expr.FuncSpec{"hashfiles": {Min: 1, Max: 255}}

// status are the functions that ask how things went; names is how many ids
// success and failure take.
func status(names int) map[string]expr.FuncSpec {
	return map[string]expr.FuncSpec{
		"always":    {},
		"cancelled": {},
		"success":   {Max: names},
		"failure":   {Max: names},
	}
}

// scope is what an expression may use in its place.
type scope struct{ expr.Known }

func known(contexts ...string) *scope {
	return &scope{expr.Known{Contexts: contexts, Functions: map[string]expr.FuncSpec{}}}
}

// with adds functions to a scope under construction.
func (s *scope) with(functions map[string]expr.FuncSpec) *scope {
	for name, spec := range functions {
		s.Functions[name] = spec
	}
	return s
}

// empty tells whether the place takes no expression at all.
func (s *scope) empty() bool { return len(s.Contexts)+len(s.Functions) == 0 }
