package workflow

// event is an event that starts workflows, with what may filter it.
type event struct {
	name    string
	types   []string
	filters []string
}

var (
	branchFilters = []string{"branches", "branches-ignore"}
	pullFilters   = []string{"branches", "branches-ignore", "paths", "paths-ignore"}
	pushFilters   = []string{"branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"}
	editTypes     = []string{"created", "edited", "deleted"}
	pullTypes     = []string{
		"assigned", "unassigned", "labeled", "unlabeled", "opened", "edited", "closed", "reopened", "synchronize",
		"converted_to_draft", "locked", "unlocked", "enqueued", "dequeued", "milestoned", "demilestoned",
		"ready_for_review", "review_requested", "review_request_removed", "auto_merge_enabled",
		"auto_merge_disabled", "stacked",
	}

	// events are those without a form of their own; see onRule for the others.
	events = []event{
		{name: "branch_protection_rule", types: editTypes},
		{name: "check_run", types: []string{"completed", "created", "rerequested", "requested_action"}},
		{name: "check_suite", types: []string{"completed", "requested", "rerequested"}},
		{name: "create"},
		{name: "delete"},
		{name: "deployment"},
		{name: "deployment_status"},
		{name: "discussion", types: []string{
			"created", "edited", "deleted", "transferred", "pinned", "unpinned", "labeled", "unlabeled", "locked",
			"unlocked", "category_changed", "answered", "unanswered",
		}},
		{name: "discussion_comment", types: editTypes},
		{name: "dynamic"},
		{name: "fork"},
		{name: "gollum"},
		{name: "image_version", types: []string{"created", "ready", "deleted"}, filters: []string{"names", "versions"}},
		{name: "interactive_component"},
		{name: "issue_comment", types: editTypes},
		{name: "issues", types: []string{
			"opened", "edited", "deleted", "transferred", "pinned", "unpinned", "closed", "reopened", "assigned",
			"unassigned", "labeled", "unlabeled", "locked", "unlocked", "milestoned", "demilestoned", "field_added",
			"field_removed", "typed", "untyped",
		}},
		{name: "label", types: editTypes},
		{name: "member", types: []string{"added", "edited", "removed"}},
		{name: "merge_group", types: []string{"checks_requested"}, filters: branchFilters},
		{name: "milestone", types: []string{"created", "closed", "opened", "edited", "deleted"}},
		{name: "page_build"},
		{name: "project", types: []string{"created", "closed", "reopened", "edited", "deleted"}},
		{name: "project_card", types: []string{"created", "moved", "converted", "edited", "deleted"}},
		{name: "project_column", types: []string{"created", "updated", "moved", "deleted"}},
		{name: "public"},
		{name: "pull_request", types: pullTypes, filters: pullFilters},
		{name: "pull_request_comment", types: editTypes},
		{name: "pull_request_review", types: []string{"submitted", "edited", "dismissed"}},
		{name: "pull_request_review_comment", types: editTypes},
		{name: "pull_request_target", types: pullTypes, filters: pullFilters},
		{name: "push", filters: pushFilters},
		{name: "registry_package", types: []string{"published", "updated"}},
		{name: "release", types: []string{
			"published", "unpublished", "created", "edited", "deleted", "prereleased", "released",
		}},
		{name: "status"},
		{name: "watch", types: []string{"started"}},
		{name: "workflow_run", types: []string{"requested", "completed", "in_progress"},
			filters: []string{"workflows", "branches", "branches-ignore"}},
	}
)

func onRule() *rule {
	form := &mapping{name: "events"}
	for _, e := range events {
		form.keys = append(form.keys, key(e.name, either(nullRule(), e.rule())))
	}
	form.keys = append(form.keys,
		key("repository_dispatch", either(nullRule(), object("a repository_dispatch event", key("types", textOrList())))),
		key("schedule", listOf(object("a schedule", must("cron", textual()), key("timezone", textual())))),
		key("workflow_call", either(nullRule(), workflowCallRule())),
		key("workflow_dispatch", either(nullRule(), workflowDispatchRule())))

	names := make([]string, len(form.keys))
	for i, k := range form.keys {
		names[i] = k.name
	}
	return &rule{words: names, item: wordRule(names...), forms: []*mapping{form}}
}

func (e event) rule() *rule {
	form := &mapping{name: "a " + e.name + " event"}
	if len(e.types) > 0 {
		// The server takes any type, and new ones appear; one that never
		// happens is worth a word all the same.
		one := &rule{words: e.types, unknownWord: true}
		types := either(one, listOf(one), nullRule())
		form.keys = append(form.keys, key("types", types))
	}
	for _, f := range e.filters {
		form.keys = append(form.keys, key(f, either(textOrList(), nullRule())))
	}
	if len(form.keys) == 0 {
		return nullRule()
	}
	return &rule{forms: []*mapping{form}}
}

func workflowCallRule() *rule {
	input := object("an input",
		key("description", stringRule()),
		must("type", wordRule("string", "boolean", "number")),
		key("required", boolRule()),
		key("default", scalarRule().in(runNameContexts)))
	secret := either(nullRule(), object("a secret",
		key("description", stringRule()),
		key("required", boolRule())))
	output := object("an output",
		key("description", stringRule()),
		must("value", stringRule().in(workflowOutputs)))
	return object("a workflow_call event",
		key("inputs", mapOf("inputs", input)),
		key("secrets", mapOf("secrets", secret)),
		key("outputs", mapOf("outputs", output)))
}

func workflowDispatchRule() *rule {
	types := wordRule("string", "boolean", "number", "choice", "environment")
	types.unknownWord = true // the server reads `type: int` as a string
	input := either(nullRule(), object("an input",
		key("description", stringRule()),
		key("type", types),
		key("required", boolRule()),
		key("default", scalarRule()),
		key("options", listOf(stringRule())),
		key("deprecationMessage", stringRule())))
	event := object("a workflow_dispatch event", key("inputs", either(nullRule(), mapOf("inputs", input))))
	event.forms[0].lax = true // actions/runner: on-mapping-new takes any key here
	return event
}
