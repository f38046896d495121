package attacktest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// row is one incident that a system of this kind has had.
type row struct {
	incident string
	// tests stand for it: a name of this package, or "folder:Name".
	tests []string
	// open is what of it has no defence yet, empty: nothing.
	open string
	// elsewhere is why it does not apply to a laptop or a runner's engine.
	elsewhere string
}

// incidents are all that the project knows of; the same list, for people, is
// in docs/security.md.
var incidents = []row{
	{incident: "act CVE-2023-22726", tests: []string{
		"TestNamesCannotLeaveTheStore_CVE_2023_22726", "runner/service/artifact:TestBadNames", "runner/service/artifact:TestCleanPath",
		"runner/service/blob:TestFolderTraversalBySymlinkStaysInside",
	}},
	{incident: "act CVE-2026-34041", tests: []string{"TestStdoutCannotSetEnvironment_CVE_2026_34041", "TestStopCommandsToken"}},
	{incident: "act GO-2026-4890", tests: []string{"TestServicesNeedToken_GO_2026_4890", "TestTokenIsDeadAfterJob", "runner/service/token:TestBadTokens"}},
	{incident: "Gitea runner GHSA-82g9-637c-2fx2", tests: []string{
		"TestCacheIsolation_GHSA_82g9", "TestSignedURLsCannotBeChanged_GHSA_82g9", "runner/service/blob:TestSignedURLTamperAndExpiry",
	}},
	{incident: "Forgejo #503, #925", tests: []string{"TestCachePoisoning_Forgejo_503_925", "TestCacheEntriesStay"}},
	{incident: "Forgejo #924, Gitea #1051", tests: []string{"TestImagesDoNotCollide_Gitea_1051"}},
	{incident: "Forgejo 5.0.1, Gitea #1171", tests: []string{"TestToolCacheIsPerJob_Gitea_1171"},
		open: "jobs on this machine itself (-P LABEL=host) share one tool cache, as they share the user"},
	{incident: "Forgejo 6.0.0, Gitea #1058", tests: []string{
		"TestContainerOptionsCannotEscape_Forgejo_6_0", "TestServicesCannotEscape_Forgejo_6_0", "TestWorkflowCannotUndoTheOperator",
		"cmd/internal/livetest:TestOptionsPolicy",
	}},
	{incident: "Gitea #1007, #1083", tests: []string{"TestSecretsOnlyWhereDeclared_Gitea_1007_1083"}},
	{incident: "actions/runner CVE-2022-39321", tests: []string{"TestValuesKeepTheirQuotes_CVE_2022_39321"}},
	{incident: "@actions/core CVE-2020-15228, CVE-2022-35954", tests: []string{
		"TestStdoutCannotSetEnvironment_CVE_2026_34041", "TestHeredocDelimiterCannotBeInjected_CVE_2022_35954", "TestBlockedVariables", "TestServiceVariablesCannotBeSet",
	}, open: "LD_PRELOAD, BASH_ENV and their like may be set for later steps of the same job, as on GitHub"},
	{incident: "@actions/artifact CVE-2024-42471", tests: []string{"TestArtifactDownloadCannotEscape_CVE_2024_42471", "TestTarCannotEscape", "TestSparseFilesFillNoDisk"}},
	{incident: "tj-actions CVE-2025-30066", tests: []string{
		"TestMovedTag_CVE_2025_30066", "TestHelperIsOutOfReach_CVE_2025_30066", "TestCommandFilesAreNoLinks", "TestStoredActionsAreChecked",
	}, open: "a moved tag is told, not refused: there is no lock of actions yet; a job's way out to the network is not limited"},
	{incident: "tj-actions CVE-2023-51664", tests: []string{"TestScriptInjectionIsTold_CVE_2023_51664", "TestWorkspaceShowsNothingElse"},
		open: "drydock check tells it, a run does not"},
	{incident: "cache poisoning, Cacheract", tests: []string{
		"TestCachePoisoning_Forgejo_503_925", "TestCacheEvictionCannotBeForced_Cacheract", "TestTokenIsDeadAfterJob",
		"githubapp/grant:TestServices", "githubapp/intake:TestNoLaundering",
	}},
	{incident: "takeover of self-hosted runners, RUNNER_TRACKING_ID", tests: []string{
		"TestProcessesEndWithTheirJob_RunnerTakeover", "TestToolCacheIsPerJob_Gitea_1171", "cmd/internal/livetest:TestKilledRunThenDoctor",
	}, open: "a job on this machine itself can leave files where its user may write (crontabs, profiles)"},
	{incident: "gitea #24438, act's docker.sock", tests: []string{
		"TestEngineSocketIsNotInJobs_Gitea_24438", "TestServicesCannotEscape_Forgejo_6_0", "executor/docker:TestConfined", "githubapp/grant:TestConfined",
	}},
	{incident: "Woodpecker #3909, #3933, #3934", tests: []string{"TestContainerOptionsCannotEscape_Forgejo_6_0", "TestHooksAreTheOperators", "TestServiceVariablesCannotBeSet"}},
	{incident: "Woodpecker CVE-2026-58370", tests: []string{"githubapp/api:TestRights", "githubapp/intake:TestButtons", "githubapp/queue:TestSQLite"}},
	{incident: "Woodpecker 3.14.1 #6567, #6759", elsewhere: "agents of a server: belongs to the App; the tokens of jobs are in TestTokenKindsByRoute"},
	{incident: "Woodpecker 3.16 to 3.19", elsewhere: "fields of pods: belongs to the Kubernetes back end"},
	{incident: "Woodpecker #5305", tests: []string{"TestSecretsStayOutOfArguments_Woodpecker_5305", "TestDefinitionsHoldNoSecrets_Woodpecker_5305", "runner/action:TestTokenStaysOutOfArgv"}},
	{incident: "Tekton CVE-2026-33211, CVE-2026-40161, GO-2026-5643, -4730", tests: []string{
		"TestUsesCannotInjectArguments_CVE_2026_40161", "TestTokenStaysWithItsServer_CVE_2026_40161", "TestActionRepositoriesCannotEscape", "TestBodiesAreBounded_GO_2026_5643", "TestLongNames_GO_2026_4730",
		"runner/action:TestOverHTTP",
	}},
	{incident: "Tekton GO-2023-1901", elsewhere: "owners of pods: belongs to the Kubernetes back end"},
	{incident: "Gitea CVE-2026-24791, CVE-2025-68941", tests: []string{"TestTokenKindsByRoute_CVE_2026_24791", "TestServicesNeedToken_GO_2026_4890", "githubapp/api:TestRights"}},
	{incident: "Gitea #39399, #37311", tests: []string{"githubapp/queue:TestSQLite", "githubapp/queue:TestPostgres"}},
	{incident: "Shai-Hulud 2.0", elsewhere: "registration of runners: belongs to the App"},
	{incident: "hackerbot-claw, xygeni-action, Nx, GhostAction", tests: []string{"TestScriptInjectionIsTold_CVE_2023_51664", "TestCachePoisoning_Forgejo_503_925", "TestTokenKindsByRoute_CVE_2026_24791", "githubapp/intake:TestStrangers", "githubapp/trust:TestTable"}},
	{incident: "runner's debugger #4577, #4579", tests: []string{"TestEverySinkIsMasked_RunnerDebugger", "cmd/internal/term:TestCanary"}},
	{incident: "script injection (GitHub Security Lab)", tests: []string{"TestScriptInjectionIsTold_CVE_2023_51664"},
		open: "pull_request_target with a checkout of the head is not flagged"},
	{incident: "ARC's shared nodes", elsewhere: "pod security: belongs to the Kubernetes back end"},
}

const root = "../../.."

// testsIn are the names of the tests in a folder of the project.
func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

const own = "cmd/internal/attacktest"

func TestTable(t *testing.T) {
	known := map[string]map[string]bool{}
	has := func(folder, name string) bool {
		if known[folder] == nil {
			known[folder] = testsIn(t, folder)
		}
		return known[folder][name]
	}
	used := map[string]bool{"TestMain": true, "TestTable": true, "TestMutantsFit": true, "TestMutants": true}
	for _, r := range incidents {
		if (len(r.tests) == 0) == (r.elsewhere == "") {
			t.Errorf("%s: it needs tests, or a reason why it does not apply", r.incident)
		}
		for _, test := range r.tests {
			folder, name, ok := strings.Cut(test, ":")
			if !ok {
				folder, name = own, test
				used[name] = true
			}
			if !has(folder, name) {
				t.Errorf("%s: there is no test %s in %s", r.incident, name, folder)
			}
		}
	}
	for name := range testsIn(t, own) {
		if !used[name] {
			t.Errorf("%s stands for no incident of the table", name)
		}
	}

	// People read the same table.
	doc, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range incidents {
		if !strings.Contains(string(doc), "| "+r.incident+" |") {
			t.Errorf("docs/security.md has no row %q", r.incident)
		}
	}
}

// TestMutantsFit: each mutant still finds the text that it changes, once, and
// its test exists.
func TestMutantsFit(t *testing.T) {
	for _, m := range mutants {
		src, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Errorf("%s: %v", m.defence, err)
			continue
		}
		if n := strings.Count(string(src), m.old); n != 1 {
			t.Errorf("%s: the text to change stands %d times in %s: %s", m.defence, n, m.file, m.old)
		}
		if m.old == m.new || m.defence == "" {
			t.Errorf("%s: nothing changes", m.defence)
		}
		if !testsIn(t, m.folder())[m.test] {
			t.Errorf("%s: there is no test %s in %s", m.defence, m.test, m.folder())
		}
	}
}
