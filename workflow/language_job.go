package workflow

func jobRule() *rule {
	env := mapOf("variables", stringRule()).in(jobSecretContexts)
	needs := textOrList()
	condition := (&rule{condition: true, text: anyText}).in(jobIf)

	ordinary := &mapping{name: "an ordinary job", keys: []property{
		key("needs", needs),
		key("if", condition),
		key("strategy", strategyRule()),
		key("name", stringRule().in(jobContexts)),
		must("runs-on", runsOnRule()),
		key("timeout-minutes", numberRule().in(jobContexts)),
		key("cancel-timeout-minutes", numberRule().in(jobContexts)),
		key("continue-on-error", boolRule().in(jobContexts)),
		key("container", either(stringRule(), containerRule()).in(jobContexts)),
		key("services", mapOf("services", either(stringRule(), serviceRule()).in(jobContexts)).in(jobContexts)),
		key("env", env),
		key("environment", either(stringRule(), object("an environment",
			must("name", stringRule()),
			key("url", stringRule().in(environmentURL)),
			key("deployment", boolRule()))).in(jobContexts)),
		key("permissions", permissionsRule()),
		key("concurrency", either(textual(), concurrencyRule()).in(jobContexts)),
		key("outputs", mapOf("outputs", stringRule().in(jobOutputs))),
		key("defaults", defaultsRule(defaultsContexts)),
		key("steps", stepsRule()),
		key("snapshot", either(textual(), object("a snapshot",
			must("image-name", textual()),
			key("if", (&rule{condition: true, text: anyText}).in(snapshotIf)),
			key("version", textual()))).in(jobContexts)),
		// actions/runner: ACTIONS_CACHE_MODE; its words are not in the sources.
		key("cache-mode", textual().in(jobContexts)),
	}}
	calling := &mapping{name: "a job that calls a workflow", keys: []property{
		key("name", stringRule().in(jobContexts)),
		must("uses", textual()),
		key("with", mapOf("inputs", scalarRule().in(jobContexts))),
		key("secrets", either(mapOf("secrets", scalarRule().in(jobSecretContexts)), wordRule("inherit"))),
		key("needs", needs),
		key("if", condition),
		key("permissions", permissionsRule()),
		key("concurrency", either(textual(), concurrencyRule()).in(jobContexts)),
		key("strategy", strategyRule()),
	}}
	return &rule{forms: []*mapping{ordinary, calling}}
}

func strategyRule() *rule {
	anything := &rule{anything: true}
	filter := listOf(mapOf("a combination", anything))
	matrix := object("a matrix", key("include", filter), key("exclude", filter))
	matrix.forms[0].other = listOf(anything)
	return object("a strategy",
		key("fail-fast", boolRule()),
		key("max-parallel", numberRule()),
		key("matrix", matrix)).in(strategyContexts)
}

func runsOnRule() *rule {
	group := object("a runner group", key("group", textual()), key("labels", textOrList()))
	return either(textOrList(), group).in(jobContexts)
}

func containerRule() *rule {
	return object("a container",
		key("image", stringRule()),
		key("options", stringRule()),
		key("env", mapOf("variables", stringRule().in(containerEnv))),
		key("ports", listOf(textual())),
		key("volumes", listOf(textual())),
		key("credentials", object("credentials",
			key("username", textual()),
			key("password", textual())).in(credentials)))
}

func serviceRule() *rule {
	service := containerRule()
	service.forms[0].name = "a service"
	service.forms[0].keys = append(service.forms[0].keys, key("entrypoint", stringRule()), key("command", stringRule()))
	return service
}
