package runner

import (
	"context"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// debugSecret is a flag that GitHub keeps among the secrets or variables.
const debugSecret = "ACTIONS_STEP_DEBUG"

// isFlag tells a flag from a secret: or every "true" would be masked
// (actions/runner: Worker.cs, SecretVariableMaskWhitelist).
func isFlag(name string) bool {
	return strings.EqualFold(name, debugSecret) || strings.EqualFold(name, "ACTIONS_RUNNER_DEBUG")
}

// resolveSecrets asks for the job's secrets and follows the callers' mappings.
func (x *execution) resolveSecrets(ctx context.Context) error {
	values := map[string]string{}
	if x.Engine.Secrets != nil {
		var err error
		if values, err = x.Engine.Secrets(ctx, x.job); err != nil {
			return fmt.Errorf("resolve secrets of job %q: %w", x.job.Leg.Name, err)
		}
	}
	for name, v := range values {
		if !isFlag(name) {
			x.hide(v)
		}
	}
	secrets, err := x.mapSecrets(values)
	if err != nil {
		return err
	}
	x.values, x.secrets = values, secrets
	vars := x.job.Leg.Contexts["vars"]
	for _, from := range []expr.Value{secrets, vars} {
		if v, ok := from.Lookup(debugSecret); ok && v.Text() == "true" {
			x.debug = true
		}
	}
	return nil
}

// mapSecrets follows the mappings of the calling jobs.
func (x *execution) mapSecrets(values map[string]string) (expr.Value, error) {
	secrets := expr.StringMap(values, false)
	for _, m := range x.job.Leg.Secrets {
		scope := expr.Scope{Contexts: map[string]expr.Value{}}
		for k, v := range m.Contexts {
			scope.Contexts[k] = v
		}
		scope.Contexts["secrets"] = secrets
		b := expr.NewObject(false)
		pairs, err := template.StringMap(m.Nodes, scope, false)
		if err != nil {
			return secrets, fmt.Errorf("evaluate secrets of the calling job: %w", err)
		}
		for _, p := range pairs {
			if !isFlag(p.Name) {
				x.hide(p.Value)
			}
			b.Set(p.Name, expr.String(p.Value))
		}
		if token, ok := secrets.Lookup("GITHUB_TOKEN"); ok {
			b.Set("GITHUB_TOKEN", token)
		}
		secrets = b.Value()
	}
	return secrets, nil
}

// maskedOutputs leaves out values that hold a secret.
func (x *execution) maskedOutputs(outputs map[string]string, warn func(string)) map[string]string {
	kept := map[string]string{}
	for name, v := range outputs {
		if v == "" {
			continue
		}
		if x.masker.Contains(v) {
			warn(fmt.Sprintf("Skip output '%s' since it may contain secret.", name))
			continue
		}
		kept[name] = v
	}
	return kept
}
