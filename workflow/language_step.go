package workflow

func stepsRule() *rule {
	condition := (&rule{condition: true, text: anyText}).in(stepIf)
	env := mapOf("variables", stringRule()).in(stepContexts)
	common := func(more ...property) []property {
		return append([]property{
			key("id", textual()),
			key("name", stringRule().in(stepContexts)),
			key("continue-on-error", boolRule().in(stepContexts)),
		}, more...)
	}
	run := &mapping{name: "a run step", keys: common(
		must("run", stringRule().in(stepContexts)),
		key("if", condition),
		key("timeout-minutes", numberRule().in(stepContexts)),
		key("env", env),
		key("working-directory", stringRule().in(stepContexts)),
		key("shell", textual()), // no context at all, unlike the one of defaults
		key("background", boolRule()))}
	uses := &mapping{name: "a uses step", keys: common(
		must("uses", textual()),
		key("if", condition),
		key("timeout-minutes", numberRule().in(stepContexts)),
		key("env", env),
		key("with", mapOf("inputs", stringRule()).in(stepContexts)),
		key("background", boolRule()))}
	wait := &mapping{name: "a wait step", keys: common(must("wait", textOrList()))}
	waitAll := &mapping{name: "a wait-all step", keys: common(must("wait-all", either(nullRule(), boolRule())))}
	cancel := &mapping{name: "a cancel step", keys: common(must("cancel", textual()))}
	parallel := &mapping{name: "a parallel block"}

	item := &rule{forms: []*mapping{run, uses, wait, waitAll, cancel, parallel}}
	parallel.keys = []property{must("parallel", listOf(item))}
	return listOf(item).in(noContexts)
}

// compositeSteps is the rule for `runs.steps` of an action
// (actions/runner: action_yaml.json).
var compositeSteps = compositeRule()

func compositeRule() *rule {
	condition := (&rule{condition: true, text: anyText}).in(compositeIf)
	env := mapOf("variables", stringRule()).in(compositeContexts)
	run := &mapping{name: "a run step", keys: []property{
		key("name", stringRule().in(compositeContexts)),
		key("id", textual()),
		key("if", condition),
		must("run", stringRule().in(compositeContexts)),
		key("env", env),
		key("continue-on-error", boolRule().in(compositeContexts)),
		key("working-directory", stringRule().in(compositeContexts)),
		must("shell", stringRule().in(compositeContexts)),
	}}
	uses := &mapping{name: "a uses step", keys: []property{
		key("name", stringRule().in(compositeContexts)),
		key("id", textual()),
		key("if", condition),
		must("uses", textual()),
		key("continue-on-error", boolRule().in(compositeContexts)),
		key("with", mapOf("inputs", stringRule()).in(compositeContexts)),
		key("env", env),
	}}
	return listOf(&rule{forms: []*mapping{run, uses}}).in(noContexts)
}
