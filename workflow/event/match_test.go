package event

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
)

// parse makes a workflow of what stands below `on:`.
func parse(t testing.TB, on string) *workflow.Workflow {
	t.Helper()
	w, problems := workflow.Parse("ci.yml", []byte("on: "+on+"\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n"))
	if problems.HasErrors() {
		t.Fatalf("parse %q: %v", on, problems)
	}
	return w
}

var place = regexp.MustCompile(` \(ci\.yml:\d+:\d+\)`)

func push(ref string, files ...string) Event {
	return Event{Name: "push", Ref: ref, Files: files, FilesKnown: files != nil}
}

func pull(base string, files ...string) Event {
	return Event{Name: "pull_request", Action: "opened", BaseRef: base, Files: files, FilesKnown: files != nil}
}

func said(message string) Event {
	return Event{Name: "push", Ref: "refs/heads/main", Message: message}
}

func many(n int, name string) []string {
	files := make([]string, n)
	for i := range files {
		files[i] = fmt.Sprintf(name, i)
	}
	return files
}

// TestMatch: why has no places here; pattern is that of the reason that
// decided, the last of Why. A workflow that runs gives all reasons.
func TestMatch(t *testing.T) {
	const main, v1 = "refs/heads/main", "refs/tags/v1.2.3"
	withCommits := push(main, "a.go")
	withCommits.Commits = 1001
	for _, tc := range []struct {
		name    string
		on      string
		e       Event
		runs    bool
		pattern string
		why     string
	}{
		// the event itself
		{"event", `push`, push(main), true, "push", "on: 'push'"},
		{"other event", `[pull_request, issues]`, push(main), false, "", "on: 'push' is not among 'pull_request', 'issues'"},
		{"inert", `push`, Event{Name: "push", Inert: "the push deletes the ref"}, false, "", "event: the push deletes the ref: this starts no workflow"},
		{"create has no filter", `create`, Event{Name: "create", Ref: v1}, true, "create", "on: 'create'"},
		{"delete has no filter", `delete`, Event{Name: "delete", Ref: main}, true, "delete", "on: 'delete'"},
		{"workflow_dispatch", `workflow_dispatch`, Event{Name: "workflow_dispatch", Ref: main}, true, "workflow_dispatch", "on: 'workflow_dispatch'"},

		// branches
		{"branch", `{push: {branches: [main]}}`, push(main), true, "main", "on: 'push'; branches: 'main' matches 'main'"},
		{"no branch", `{push: {branches: ['release/**']}}`, push(main), false, "", "branches: 'main' does not match 'release/**'"},
		{"none of several", `{push: {branches: [dev, 'release/**']}}`, push(main), false, "", "branches: 'main' does not match any of 'dev', 'release/**'"},
		{"many patterns", `{push: {branches: [a, b, c, d, e, f, g]}}`, push(main), false, "", "branches: 'main' does not match any of 'a', 'b', 'c', 'd', 'e' and 2 more"},
		{"one text", `{push: {branches: main}}`, push(main), true, "main", "on: 'push'; branches: 'main' matches 'main'"},
		{"case counts", `{push: {branches: [Main]}}`, push(main), false, "", "branches: 'main' does not match 'Main'"},
		{"star is one level", `{push: {branches: ['feature/*']}}`, push("refs/heads/feature/a/b"), false, "", "branches: 'feature/a/b' does not match 'feature/*'"},
		{"star", `{push: {branches: ['feature/*']}}`, push("refs/heads/feature/a"), true, "feature/*", "on: 'push'; branches: 'feature/a' matches 'feature/*'"},
		{"two stars", `{push: {branches: ['feature/**']}}`, push("refs/heads/feature/a/b"), true, "feature/**", "on: 'push'; branches: 'feature/a/b' matches 'feature/**'"},
		{"star alone", `{push: {branches: ['*']}}`, push("refs/heads/a/b"), false, "", "branches: 'a/b' does not match '*'"},
		{"two stars alone", `{push: {branches: ['**']}}`, push("refs/heads/a/b"), true, "**", "on: 'push'; branches: 'a/b' matches '**'"},
		{"ending", `{push: {branches: ['*feature']}}`, push("refs/heads/ver-10-feature"), true, "*feature", "on: 'push'; branches: 'ver-10-feature' matches '*feature'"},
		{"not negated", `{push: {branches: ['releases/**', '!releases/**-alpha']}}`, push("refs/heads/releases/10"), true, "releases/**", "on: 'push'; branches: 'releases/10' matches 'releases/**'"},
		{"negated", `{push: {branches: ['releases/**', '!releases/**-alpha']}}`, push("refs/heads/releases/10-alpha"), false, "!releases/**-alpha", "branches: 'releases/10-alpha' is excluded by '!releases/**-alpha'"},
		{"taken in again", `{push: {branches: ['r/**', '!r/*-a', 'r/1-a']}}`, push("refs/heads/r/1-a"), true, "r/1-a", "on: 'push'; branches: 'r/1-a' matches 'r/1-a'"},
		{"negation first is overridden", `{push: {branches: ['!main', '**']}}`, push(main), true, "**", "on: 'push'; branches: 'main' matches '**'"},
		{"negation alone", `{push: {branches: ['!main']}}`, push("refs/heads/dev"), false, "", "branches: 'dev' does not match '!main'"},
		{"empty list", `{push: {branches: []}}`, push(main), false, "", "branches: the list is empty, so nothing matches"},
		{"null is no filter", `{push: {branches: }}`, push(main), true, "push", "on: 'push'"},
		{"ignored branch", `{push: {branches-ignore: [main]}}`, push(main), false, "main", "branches-ignore: 'main' matches 'main'"},
		{"not ignored branch", `{push: {branches-ignore: ['mona/*', dev]}}`, push(main), true, "", "on: 'push'; branches-ignore: 'main' matches none of 'mona/*', 'dev'"},
		{"ignored but taken back", `{push: {branches-ignore: ['r/**', '!r/1']}}`, push("refs/heads/r/1"), true, "!r/1", "on: 'push'; branches-ignore: 'r/1' is taken back in by '!r/1'"},
		{"ref unknown", `{push: {branches: [main]}}`, push(""), true, "", "on: 'push'; branches: the pushed ref is not known, so the filter lets it run"},
		{"other ref", `{push: {branches: ['**']}}`, push("refs/notes/commits"), false, "", "branches: 'refs/notes/commits' is neither a branch nor a tag"},
		{"long value", `{push: {branches: [main]}}`, push("refs/heads/" + strings.Repeat("x", 300)), false, "", "branches: '" + strings.Repeat("x", 200) + "...' does not match 'main'"},

		// tags, and branches beside them
		{"tag", `{push: {tags: ['v*']}}`, push(v1), true, "v*", "on: 'push'; tags: 'v1.2.3' matches 'v*'"},
		{"no tag", `{push: {tags: [v2]}}`, push(v1), false, "", "tags: 'v1.2.3' does not match 'v2'"},
		{"dot is itself", `{push: {tags: [v1.2.3]}}`, push("refs/tags/v1x2x3"), false, "", "tags: 'v1x2x3' does not match 'v1.2.3'"},
		{"brackets and plus", `{push: {tags: ['v[12].[0-9]+.[0-9]+']}}`, push("refs/tags/v1.10.1"), true, "v[12].[0-9]+.[0-9]+", "on: 'push'; tags: 'v1.10.1' matches 'v[12].[0-9]+.[0-9]+'"},
		{"ignored tag", `{push: {tags-ignore: ['v1.*']}}`, push(v1), false, "v1.*", "tags-ignore: 'v1.2.3' matches 'v1.*'"},
		{"not ignored tag", `{push: {tags-ignore: [v2]}}`, push(v1), true, "", "on: 'push'; tags-ignore: 'v1.2.3' matches none of 'v2'"},
		{"tag, branches alone", `{push: {branches: ['**']}}`, push(v1), false, "", "branches: the event is filtered by branches alone, and 'v1.2.3' is a tag"},
		{"tag, branches-ignore alone", `{push: {branches-ignore: [x]}}`, push(v1), false, "", "branches-ignore: the event is filtered by branches alone, and 'v1.2.3' is a tag"},
		{"branch, tags alone", `{push: {tags: ['**']}}`, push(main), false, "", "tags: the event is filtered by tags alone, and 'main' is a branch"},
		{"branch, tags-ignore alone", `{push: {tags-ignore: [v1]}}`, push(main), false, "", "tags-ignore: the event is filtered by tags alone, and 'main' is a branch"},
		{"tag, both", `{push: {branches: [main], tags: ['v*']}}`, push(v1), true, "v*", "on: 'push'; tags: 'v1.2.3' matches 'v*'"},
		{"branch, both", `{push: {branches: [main], tags: ['v*']}}`, push(main), true, "main", "on: 'push'; branches: 'main' matches 'main'"},
		{"tag, no filter", `push`, push(v1), true, "push", "on: 'push'"},

		// paths
		{"path", `{push: {paths: ['**.js']}}`, push(main, "README.md", "src/a.js"), true, "**.js", "on: 'push'; paths: 'src/a.js' matches '**.js'"},
		{"no path", `{push: {paths: ['**.js']}}`, push(main, "README.md"), false, "", "paths: no changed file matches '**.js': 'README.md'"},
		{"folder", `{push: {paths: ['docs/**']}}`, push(main, "docs/a/b.md"), true, "docs/**", "on: 'push'; paths: 'docs/a/b.md' matches 'docs/**'"},
		{"folder anywhere", `{push: {paths: ['**/docs/**']}}`, push(main, "docs/b.md"), true, "**/docs/**", "on: 'push'; paths: 'docs/b.md' matches '**/docs/**'"},
		{"star in a folder", `{push: {paths: ['docs/*']}}`, push(main, "docs/a/b.md"), false, "", "paths: no changed file matches 'docs/*': 'docs/a/b.md'"},
		{"question mark", `{push: {paths: ['*.jsx?']}}`, push(main, "page.js"), true, "*.jsx?", "on: 'push'; paths: 'page.js' matches '*.jsx?'"},
		{"hidden files too", `{push: {paths: ['**']}}`, push(main, ".github/a"), true, "**", "on: 'push'; paths: '.github/a' matches '**'"},
		{"excluded path", `{push: {paths: ['sub/**', '!sub/docs/**']}}`, push(main, "sub/docs/a.md"), false, "!sub/docs/**", "paths: every changed file is left out: 'sub/docs/a.md' by '!sub/docs/**'"},
		{"one not excluded", `{push: {paths: ['sub/**', '!sub/docs/**']}}`, push(main, "sub/docs/a.md", "sub/b.js"), true, "sub/**", "on: 'push'; paths: 'sub/b.js' matches 'sub/**'"},
		{"excluded and others", `{push: {paths: ['sub/**', '!sub/docs/**']}}`, push(main, "sub/docs/a.md", "x", "y"), false, "!sub/docs/**", "paths: every changed file is left out: 'sub/docs/a.md' by '!sub/docs/**'; 2 more match nothing"},
		{"ignored paths", `{push: {paths-ignore: ['docs/**', '*.md']}}`, push(main, "docs/a.md", "README.md"), false, "docs/**", "paths-ignore: every changed file matches: 'docs/a.md' by 'docs/**', 'README.md' by '*.md'"},
		{"one not ignored", `{push: {paths-ignore: ['docs/**']}}`, push(main, "docs/a.md", "a.go"), true, "", "on: 'push'; paths-ignore: 'a.go' matches none of 'docs/**'"},
		{"ignored but taken back", `{push: {paths-ignore: ['docs/**', '!docs/api/**']}}`, push(main, "docs/api/x"), true, "!docs/api/**", "on: 'push'; paths-ignore: 'docs/api/x' is taken back in by '!docs/api/**'"},
		{"branch and path", `{push: {branches: [main], paths: ['*.go']}}`, push(main, "a.go"), true, "*.go", "on: 'push'; branches: 'main' matches 'main'; paths: 'a.go' matches '*.go'"},
		{"branch but no path", `{push: {branches: [main], paths: ['*.go']}}`, push(main, "a.c"), false, "", "paths: no changed file matches '*.go': 'a.c'"},
		{"path but no branch", `{push: {branches: [dev], paths: ['*.go']}}`, push(main, "a.go"), false, "", "branches: 'main' does not match 'dev'"},
		{"neither", `{push: {branches: [dev], paths: ['*.go']}}`, push(main, "a.c"), false, "", "branches: 'main' does not match 'dev'; paths: no changed file matches '*.go': 'a.c'"},
		{"paths of a tag", `{push: {tags: ['v*'], paths: ['*.go']}}`, push(v1, "a.c"), true, "", "on: 'push'; tags: 'v1.2.3' matches 'v*'; paths: not looked at for tags"},
		{"paths alone, tag", `{push: {paths: ['*.go']}}`, push(v1, "a.c"), true, "", "on: 'push'; paths: not looked at for tags"},
		{"files unknown", `{push: {paths: ['*.go']}}`, push(main), true, "", "on: 'push'; paths: the changed files are not known, so the filter lets it run"},
		{"no file", `{push: {paths: ['**']}}`, push(main, []string{}...), false, "", "paths: no file changed"},
		{"no file to ignore", `{push: {paths-ignore: ['docs/**']}}`, Event{Name: "push", Ref: main, FilesKnown: true}, false, "", "paths-ignore: no file changed"},
		{"many commits", `{push: {paths: ['*.c']}}`, withCommits, true, "", "on: 'push'; paths: a push of 1001 commits, more than 1000, always runs"},
		{"many files", `{push: {paths: ['*.c']}}`, push(main, append(many(300, "f%d.go"), "x.c")...), false, "", "paths: no changed file of the first 300 of 301 matches '*.c': 'f0.go', 'f1.go', 'f2.go', 'f3.go', 'f4.go' and 295 more"},
		{"file 300", `{push: {paths: ['*.c']}}`, push(main, append(many(299, "f%d.go"), "x.c", "y.go")...), true, "*.c", "on: 'push'; paths: 'x.c' matches '*.c'"},
		{"many ignored", `{push: {paths-ignore: ['*.go']}}`, push(main, append(many(300, "f%d.go"), "x.c")...), false, "*.go", "paths-ignore: every changed file of the first 300 of 301 matches: 'f0.go' by '*.go', 'f1.go' by '*.go', 'f2.go' by '*.go', 'f3.go' by '*.go', 'f4.go' by '*.go' and 295 more"},
		{"odd names", `{push: {paths: ['**']}}`, push(main, "a\nb/ü \"x\".txt"), true, "**", `on: 'push'; paths: 'a\nb/ü "x".txt' matches '**'`},
		{"letters beyond ASCII", `{push: {paths: ['ü*/?ß']}}`, push(main, "üb/ß"), true, "ü*/?ß", "on: 'push'; paths: 'üb/ß' matches 'ü*/?ß'"},
		{"escaped", `{push: {paths: ['\[a\]\!.md']}}`, push(main, "[a]!.md"), true, `\[a\]\!.md`, `on: 'push'; paths: '[a]!.md' matches '\[a\]\!.md'`},

		// types
		{"default type", `pull_request`, pull("main"), true, "opened", "on: 'pull_request'; types: 'opened' is one of the default 'opened', 'synchronize', 'reopened'"},
		{"not a default type", `pull_request`, Event{Name: "pull_request", Action: "labeled"}, false, "", "types: 'labeled' is not one of the default 'opened', 'synchronize', 'reopened': name it under types"},
		{"listed type", `{pull_request: {types: [opened, labeled]}}`, Event{Name: "pull_request", Action: "labeled"}, true, "labeled", "on: 'pull_request'; types: 'labeled' is listed"},
		{"list replaces defaults", `{pull_request: {types: [labeled]}}`, pull("main"), false, "", "types: 'opened' is not one of 'labeled'"},
		{"pull_request_target", `pull_request_target`, Event{Name: "pull_request_target", Action: "closed"}, false, "", "types: 'closed' is not one of the default 'opened', 'synchronize', 'reopened': name it under types"},
		{"all types by default", `issues`, Event{Name: "issues", Action: "pinned"}, true, "issues", "on: 'issues'"},
		{"issues", `{issues: {types: [opened]}}`, Event{Name: "issues", Action: "closed"}, false, "", "types: 'closed' is not one of 'opened'"},
		{"type unknown", `{issues: {types: [opened]}}`, Event{Name: "issues"}, true, "", "on: 'issues'; types: the activity type is not known, so the filter lets it run"},
		{"merge group destroyed", `merge_group`, Event{Name: "merge_group", Action: "destroyed"}, false, "", "types: 'destroyed' is not one of the default 'checks_requested': name it under types"},
		{"repository_dispatch", `{repository_dispatch: {types: [test_result]}}`, Event{Name: "repository_dispatch", Action: "test_result"}, true, "test_result", "on: 'repository_dispatch'; types: 'test_result' is listed"},
		{"repository_dispatch of another type", `{repository_dispatch: {types: [test_result]}}`, Event{Name: "repository_dispatch", Action: "deploy"}, false, "", "types: 'deploy' is not one of 'test_result'"},
		{"any repository_dispatch", `repository_dispatch`, Event{Name: "repository_dispatch", Action: "deploy"}, true, "repository_dispatch", "on: 'repository_dispatch'"},

		// pull requests and merge groups
		{"base branch", `{pull_request: {branches: ['releases/**']}}`, pull("releases/1"), true, "releases/**", "on: 'pull_request'; types: 'opened' is one of the default 'opened', 'synchronize', 'reopened'; branches: 'releases/1' matches 'releases/**'"},
		{"other base branch", `{pull_request: {branches: ['releases/**']}}`, pull("main"), false, "", "branches: 'main' does not match 'releases/**'"},
		{"full base ref", `{pull_request: {branches-ignore: [main]}}`, pull("refs/heads/main"), false, "main", "branches-ignore: 'main' matches 'main'"},
		{"paths of a pull request", `{pull_request: {paths-ignore: ['**.md']}}`, pull("main", "a/b.md"), false, "**.md", "paths-ignore: every changed file matches: 'a/b.md' by '**.md'"},
		{"paths of pull_request_target", `{pull_request_target: {paths: ['**.md']}}`, Event{Name: "pull_request_target", Action: "opened", Files: []string{"a.c"}, FilesKnown: true}, false, "", "paths: no changed file matches '**.md': 'a.c'"},
		{"merge group's base", `{merge_group: {branches: [main]}}`, Event{Name: "merge_group", Action: "checks_requested", BaseRef: "refs/heads/dev"}, false, "", "branches: 'dev' does not match 'main'"},

		// workflow_run
		{"other workflow", `{workflow_run: {workflows: [Build]}}`, Event{Name: "workflow_run", Action: "completed", WorkflowName: "Test"}, false, "", "workflows: 'Test' does not match 'Build'"},
		{"its workflow", `{workflow_run: {workflows: [Build, Test], types: [completed]}}`, Event{Name: "workflow_run", Action: "completed", WorkflowName: "Test"}, true, "Test", "on: 'workflow_run'; types: 'completed' is listed; workflows: 'Test' matches 'Test'"},
		{"pattern of workflows", `{workflow_run: {workflows: ['Build*']}}`, Event{Name: "workflow_run", WorkflowName: "Build all"}, true, "Build*", "on: 'workflow_run'; workflows: 'Build all' matches 'Build*'"},
		{"its branch", `{workflow_run: {workflows: [Build], branches: [canary]}}`, Event{Name: "workflow_run", WorkflowName: "Build", HeadBranch: "main"}, false, "", "branches: 'main' does not match 'canary'"},
		{"no workflows", `workflow_run`, Event{Name: "workflow_run", WorkflowName: "Build"}, false, "", "workflows: the event names no workflow, so nothing starts it"},

		// schedule and the rest
		{"cron", `{schedule: [{cron: '30 5 * * 1,3'}, {cron: '30 5 * * 2'}]}`, Event{Name: "schedule", Schedule: "30 5  * * 2"}, true, "30 5 * * 2", "on: 'schedule'; schedule: '30 5 * * 2' fires"},
		{"other cron", `{schedule: [{cron: '30 5 * * 1'}]}`, Event{Name: "schedule", Schedule: "0 0 * * *"}, false, "", "schedule: no entry is '0 0 * * *', there is '30 5 * * 1'"},
		{"any cron", `{schedule: [{cron: '30 5 * * 1'}]}`, Event{Name: "schedule"}, true, "30 5 * * 1", "on: 'schedule'; schedule: no time is given, so each entry counts: '30 5 * * 1'"},
		{"image version", `{image_version: {names: [A, 'B*'], versions: [1.*]}}`, Event{Name: "image_version", Image: "Bee", ImageVersion: "2.0.0"}, false, "", "versions: '2.0.0' does not match '1.*'"},

		// commit messages
		{"skip ci", `push`, said("Fix [skip ci]"), false, "[skip ci]", "skip: the message of the head commit holds '[skip ci]'"},
		{"ci skip", `push`, said("[ci skip] Fix"), false, "[ci skip]", "skip: the message of the head commit holds '[ci skip]'"},
		{"no ci", `push`, said("Fix\n\n[no ci]"), false, "[no ci]", "skip: the message of the head commit holds '[no ci]'"},
		{"skip actions", `push`, said("x[skip actions]x"), false, "[skip actions]", "skip: the message of the head commit holds '[skip actions]'"},
		{"actions skip", `push`, said("[actions skip]"), false, "[actions skip]", "skip: the message of the head commit holds '[actions skip]'"},
		{"trailer", `push`, said("Fix\n\n\nskip-checks: true\n"), false, "skip-checks: true", "skip: the message of the head commit holds 'skip-checks: true'"},
		{"last trailer", `push`, said("Fix\r\n\r\n\r\nSigned-off-by: a\r\nskip-checks:true"), false, "skip-checks:true", "skip: the message of the head commit holds 'skip-checks:true'"},
		{"trailer after one line", `push`, said("Fix\n\nskip-checks: true"), true, "push", "on: 'push'"},
		{"trailer not last", `push`, said("Fix\n\n\nskip-checks: true\nSigned-off-by: a"), true, "push", "on: 'push'"},
		{"no skip word", `push`, said("skip ci, [skip-ci], [Skip CI]"), true, "push", "on: 'push'"},
		{"skip a pull request", `pull_request`, Event{Name: "pull_request", Action: "opened", Message: "[skip ci]"}, false, "[skip ci]", "skip: the message of the head commit holds '[skip ci]'"},
		{"no skip of others", `pull_request_target`, Event{Name: "pull_request_target", Action: "opened", Message: "[skip ci]"}, true, "opened", "on: 'pull_request_target'; types: 'opened' is one of the default 'opened', 'synchronize', 'reopened'"},

		// patterns that cannot be read
		{"bracket left open", `{push: {branches: [main, 'v[1']}}`, push(main), false, "v[1", "branches: 'v[1' is no valid pattern: byte 4: Missing closing bracket ']' after '['"},
		{"plus plus", `{workflow_run: {workflows: ['C++']}}`, Event{Name: "workflow_run", WorkflowName: "C++"}, false, "C++", "workflows: 'C++' is no valid pattern: there is nothing that \"++\" could repeat: write \\ before a character that stands for itself"},
		{"bad path", `{push: {paths: ['[]']}}`, push(main, "a"), false, "[]", "paths: '[]' is no valid pattern: byte 2: Unexpected empty brackets '[]'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name == "no file" {
				tc.e.FilesKnown = true
			}
			v := Match(parse(t, tc.on), tc.e)
			if v.Runs != tc.runs {
				t.Errorf("Runs = %v, want %v", v.Runs, tc.runs)
			}
			if got := place.ReplaceAllString(v.Why(), ""); got != tc.why {
				t.Errorf("Why:\n got %s\nwant %s", got, tc.why)
			}
			if got := decider(v); got.Pattern != tc.pattern {
				t.Errorf("the deciding pattern is %q, want %q", got.Pattern, tc.pattern)
			}
		})
	}
}

// decider is the first reason that stops the workflow, else the last one.
func decider(v Verdict) Reason {
	for _, r := range v.Reasons {
		if !r.Holds {
			return r
		}
	}
	return v.Reasons[len(v.Reasons)-1]
}

func TestMatchPlaces(t *testing.T) {
	w, problems := workflow.Parse("a/ci.yml", []byte(`on:
  issues:
  push:
    branches:
      - dev
      - 'release/**'
    paths-ignore:
      - '*.md'
      - 'docs/**'
jobs: {a: {runs-on: x, steps: [{run: x}]}}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, tc := range []struct {
		e   Event
		why string
	}{
		{Event{Name: "fork"}, "on: 'fork' is not among 'issues', 'push' (a/ci.yml:2:3)"},
		{push("refs/heads/main", "docs/a.md"), "branches: 'main' does not match any of 'dev', 'release/**' (a/ci.yml:5:9); " +
			"paths-ignore: every changed file matches: 'docs/a.md' by 'docs/**' (a/ci.yml:9:9)"},
		{push("refs/heads/release/1", "a.go"), "on: 'push' (a/ci.yml:3:3); branches: 'release/1' matches 'release/**' (a/ci.yml:6:9); " +
			"paths-ignore: 'a.go' matches none of '*.md', 'docs/**' (a/ci.yml:8:9)"},
		{push("refs/tags/v1", "a.go"), "branches: the event is filtered by branches alone, and 'v1' is a tag (a/ci.yml:5:9)"},
	} {
		if got := Match(w, tc.e).Why(); got != tc.why {
			t.Errorf("got  %s\nwant %s", got, tc.why)
		}
	}
}

func TestMatchCron(t *testing.T) {
	w := parse(t, `{schedule: [{cron: '0 1 * * *'}, {cron: '0 2 * * *', timezone: Europe/Berlin}]}`)
	if v := Match(w, Event{Name: "schedule", Schedule: "0 2 * * *"}); len(v.Cron) != 1 || v.Cron[0].Timezone.Text != "Europe/Berlin" {
		t.Errorf("got %+v, want the second entry", v.Cron)
	}
	if v := Match(w, Event{Name: "schedule"}); len(v.Cron) != 2 {
		t.Errorf("got %d entries, want both", len(v.Cron))
	}
}

// TestPatternAnchors: what a pattern begins and ends with is looked at first,
// and must not change what it matches.
func TestPatternAnchors(t *testing.T) {
	for _, tc := range []struct {
		pattern, value string
		want           bool
	}{
		{"ab?c", "ac", true}, {"ab?c", "abc", true}, {"ab+", "abbb", true}, {"ab+", "a", false}, {"aü?b", "ab", true},
		{"?", "?", true}, {"+a", "+a", true}, {"a*a", "a", false}, {"a*a", "aa", true}, {`a\*b`, "a*b", true}, {`a\*b`, "axb", false},
		{`a\\`, `a\`, true}, {"[ab]c", "bc", true}, {"x[ab]", "xb", true}, {"x[ab]?", "x", true}, {"**/a/**", "a/b", true}, {"**", "", true},
		{"a**b", "ab", true}, {"*.jsx?", "a.js", true}, {"v1.*", "v1.", true},
	} {
		p, err := compile(tc.pattern)
		if err != nil {
			t.Errorf("%s: %v", tc.pattern, err)
			continue
		}
		m := &match{}
		if got, _ := m.decide(patterns{p}, tc.value); (got != nil) != tc.want {
			t.Errorf("%s and %q: got %v", tc.pattern, tc.value, !tc.want)
		}
	}
}
