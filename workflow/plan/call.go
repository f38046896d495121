package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// prepareCall evaluates the inputs and the called file's own concurrency.
func (l *leg) prepareCall() error {
	call := l.node.job.Call
	scope := expr.Scope{Contexts: l.leg.Contexts}
	inputs, err := evaluateInputs(call, scope)
	if err != nil {
		return err
	}
	l.inputs = inputs
	if c := call.Graph.Concurrency; c != nil {
		g, err := evaluateConcurrency(c, expr.Scope{Contexts: l.calledContexts()})
		if err != nil {
			return &problem{call.Pos, fmt.Sprintf("calling '%s'", call.Uses), err}
		}
		l.leg.Concurrency = append(l.leg.Concurrency, *g)
	}
	return nil
}

// calledContexts are what the called workflow sees: the caller's github and
// vars, and inputs of its own.
func (l *leg) calledContexts() map[string]expr.Value {
	contexts := maps.Clone(l.node.scope.contexts)
	if contexts == nil {
		contexts = map[string]expr.Value{}
	}
	contexts["inputs"] = l.inputs
	return contexts
}

// evaluateInputs gives each declared input its value: what the caller passes,
// else the default, else the empty value of its type (actions/runner:
// WorkflowTemplateConverter.cs, ConvertToWorkflowJobInputs).
func evaluateInputs(call *Call, scope expr.Scope) (expr.Value, error) {
	var with expr.Value
	if call.With != nil {
		v, err := template.Eval(call.With, scope)
		if err != nil {
			return v, problemAt(call.With, "with", err)
		}
		if k := v.Kind(); k != expr.KindObject && k != expr.KindNull {
			return v, problemAt(call.With, "with", fmt.Errorf("it must be a mapping, not %s", kindName(v)))
		}
		with = v
	}
	inputs := expr.NewObject(false)
	declared := map[string]bool{}
	for _, in := range call.Graph.Inputs {
		declared[strings.ToLower(in.ID)] = true
		value, given := with.Lookup(in.ID)
		at := position(call.With)
		switch {
		case given:
			if n := call.With.Lookup(in.ID); n != nil {
				at = n.Pos
			}
		case in.Required:
			return with, &problem{call.Pos, "with", fmt.Errorf("input '%s' is required by '%s'", in.ID, call.Uses)}
		case in.Default != nil:
			at = call.Pos
			v, err := template.Eval(in.Default, expr.Scope{Contexts: without(scope.Contexts, "needs", "strategy", "matrix")})
			if err != nil {
				return with, &problem{call.Pos, fmt.Sprintf("default of input '%s' of '%s'", in.ID, call.Uses), err}
			}
			value = v
		default:
			inputs.Set(in.ID, emptyInput(in))
			continue
		}
		typed, err := typedInput(in, value)
		if err != nil {
			return with, &problem{at, "with", err}
		}
		inputs.Set(in.ID, typed)
	}
	for _, key := range with.Keys() {
		if !declared[strings.ToLower(key)] {
			return with, problemAt(call.With, "with", fmt.Errorf("input '%s' is not declared by '%s'", key, call.Uses))
		}
	}
	return inputs.Value(), nil
}

func without(contexts map[string]expr.Value, names ...string) map[string]expr.Value {
	rest := maps.Clone(contexts)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

// typedInput checks a value against the type of the input. Text is never read
// as a boolean or number: GitHub refuses it as well.
func typedInput(in workflow.Input, v expr.Value) (expr.Value, error) {
	switch in.Type {
	case "boolean":
		if v.Kind() == expr.KindBool {
			return v, nil
		}
	case "number":
		if v.Kind() == expr.KindNumber {
			return v, nil
		}
	default:
		if k := v.Kind(); k != expr.KindArray && k != expr.KindObject {
			return expr.String(v.Text()), nil
		}
	}
	kind := in.Type
	if kind == "" {
		kind = "string"
	}
	return v, fmt.Errorf("input '%s' must be a %s, not %s", in.ID, kind, kindName(v))
}

func emptyInput(in workflow.Input) expr.Value {
	switch in.Type {
	case "boolean":
		return expr.Bool(false)
	case "number":
		return expr.Number(0)
	default:
		return expr.String("")
	}
}

// literalValue is the value of a node without expressions.
func literalValue(n *workflow.Node) expr.Value {
	v, err := template.Eval(n, expr.Scope{})
	if err != nil {
		return expr.Value{}
	}
	return v
}

// startCall makes the called workflow's jobs.
func (s *State) startCall(l *leg) {
	call := l.node.job.Call
	l.nested = newScope(call.Graph, l, l.calledContexts())
	l.nested.secrets = l.leg.Secrets
	if !call.Inherit {
		chain := append([]SecretMap(nil), l.leg.Secrets...)
		l.nested.secrets = append(chain, SecretMap{Nodes: call.Secrets, Contexts: l.leg.Contexts})
	}
}

// endCall ends a leg whose called workflow has, and evaluates its outputs.
func (s *State) endCall(l *leg) {
	var results []Conclusion
	jobs := expr.NewObject(false)
	for _, n := range l.nested.nodes {
		results = append(results, n.conclusion)
		jobs.Set(n.job.ID, n.value())
	}
	conclusion := aggregate(results)
	reason := ""
	if i := slices.Index(results, conclusion); i >= 0 && conclusion != Success {
		reason = fmt.Sprintf("'%s' %s", l.nested.nodes[i].name, past(conclusion))
	}
	contexts := l.calledContexts()
	contexts["jobs"] = jobs.Value()
	outputs, err := evaluateOutputs(l.node.job.Call.Graph.Outputs, contexts)
	if err != nil && conclusion != Failure {
		conclusion = Failure
		reason = reasonOf(l.nested.graph.Source.String(), err, workflow.Pos{})
	}
	s.endLeg(l, conclusion, outputs, reason)
}

// evaluateOutputs gives the outputs that are not empty; one that cannot be
// evaluated does not keep the others back.
func evaluateOutputs(declared []workflow.Output, contexts map[string]expr.Value) (map[string]string, error) {
	outputs := map[string]string{}
	var errs []error
	for _, o := range declared {
		text, err := evaluateString(o.Value, expr.Scope{Contexts: contexts}, fmt.Sprintf("output '%s'", o.ID))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if text != "" {
			outputs[o.ID] = text
		}
	}
	return outputs, errors.Join(errs...)
}
