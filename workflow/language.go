package workflow

// language is the rule for a whole workflow file, as GitHub reads it today
// (actions/languageservices: workflow-v1.0.json; actions/runner: the same,
// whose server definitions are laxer inside `on`). The rules of its parts are
// in the files language_*.go.
var language = object("a workflow",
	must("on", onRule()),
	key("name", stringRule()),
	key("description", stringRule()),
	key("run-name", stringRule().in(runNameContexts)),
	key("defaults", defaultsRule(noContexts)),
	key("env", mapOf("variables", stringRule()).in(workflowEnv)),
	key("permissions", permissionsRule()),
	key("concurrency", either(stringRule(), concurrencyRule()).in(runNameContexts)),
	must("jobs", mapOf("jobs", jobRule())),
).in(noContexts)

// defaultsRule is `defaults:` of a workflow or a job.
func defaultsRule(s *scope) *rule {
	run := object("defaults of run steps",
		key("shell", textual()),
		key("working-directory", textual()))
	return object("defaults", key("run", run.in(s)))
}

func concurrencyRule() *rule {
	return object("concurrency",
		must("group", textual()),
		key("cancel-in-progress", boolRule()),
		key("queue", wordRule("single", "max")))
}

// The permission scopes, by what may be asked for.
var (
	anyLevel  = []string{"read", "write", "none"}
	readLevel = []string{"read", "none"}
	writeOnly = []string{"write", "none"}

	permissionScopes = []struct {
		name   string
		levels []string
	}{
		{"actions", anyLevel}, {"artifact-metadata", anyLevel}, {"attestations", anyLevel}, {"checks", anyLevel},
		{"code-quality", anyLevel}, {"contents", anyLevel}, {"copilot-requests", writeOnly},
		{"deployments", anyLevel}, {"discussions", anyLevel}, {"drives", anyLevel}, {"id-token", writeOnly},
		{"issues", anyLevel}, {"models", readLevel}, {"packages", anyLevel}, {"pages", anyLevel},
		{"pull-requests", anyLevel}, {"repository-projects", anyLevel}, {"security-events", anyLevel},
		{"statuses", anyLevel}, {"vulnerability-alerts", readLevel},
	}
)

func permissionsRule() *rule {
	form := &mapping{name: "permissions"}
	for _, s := range permissionScopes {
		form.keys = append(form.keys, key(s.name, wordRule(s.levels...)))
	}
	return &rule{words: []string{"read-all", "write-all"}, forms: []*mapping{form}, scope: noContexts}
}
