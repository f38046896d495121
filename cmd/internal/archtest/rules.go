package archtest

// Module is the path that our own imports begin with.
const Module = "github.com/drydock-ci/drydock"

// arrow says which of our packages the packages that match From may import.
// Patterns are paths below Module: "a" is that package, "a/*" each one directly
// below it, "a/..." it and all below it, "..." every package.
type arrow struct {
	From string
	To   []string
}

// Arrows, the first row that matches a package decides; what is not listed is
// forbidden. Tests may import any of our packages. See docs/adr/0002.
var arrows = []arrow{
	{"config", nil},

	{"workflow", []string{"workflow/expr"}},
	{"workflow/expr", nil},
	{"workflow/template", []string{"workflow", "workflow/expr"}},
	{"workflow/plan", []string{"workflow", "workflow/expr", "workflow/template", "workflow/event"}},
	{"workflow/conformance", nil}, // tests only
	{"workflow/*", []string{"workflow"}},

	{"executor", nil},
	{"executor/helper/...", []string{"executor", "executor/helper/...", "executor/archive"}},
	{"executor/archive", []string{"executor"}},
	{"executor/executortest/visitor", []string{"executor/executortest"}}, // a program of the suite
	{"executor/option", nil},
	{"executor/publicnet", nil},
	{"executor/build/registry", []string{"executor", "executor/publicnet"}},
	{"executor/build", []string{"executor", "executor/archive", "executor/buildcontext", "executor/build/registry"}},
	{"executor/buildcontext", nil},
	{"executor/*", []string{"executor", "executor/helper/...", "executor/archive", "executor/buildcontext", "executor/option"}},

	{"runner", []string{"workflow/...", "executor", "executor/archive", "runner/command", "runner/mask", "runner/action/..."}},
	{"runner/filelock", nil},
	{"runner/action/...", []string{"workflow/...", "executor/archive", "runner/filelock"}},
	{"runner/command", nil},
	{"runner/mask", nil},
	{"runner/local", []string{"runner", "executor", "workflow/..."}},
	{"runner/native", []string{"runner", "workflow/..."}},
	{"runner/history", []string{"runner", "runner/command", "runner/filelock", "executor", "workflow/..."}},
	{"runner/service", []string{"runner", "runner/service/...", "executor", "workflow/..."}},
	{"runner/service/blob", []string{"runner/filelock"}},
	{"runner/service/token", nil},
	{"runner/service/*", []string{"runner/service/blob", "runner/service/token"}},
	{"runner/reference", nil}, // tests only

	{"githubapp/queue", []string{"githubapp/...", "runner", "runner/history", "runner/local", "workflow/..."}}, // what a new attempt takes over, runs-on
	{"githubapp/api/...", []string{"githubapp/...", "runner", "runner/history", "workflow/..."}},               // history: the text form of logs
	{"githubapp/checks", []string{"githubapp/...", "runner", "runner/command", "workflow/..."}},                // annotations
	{"githubapp/pipeline/chart", []string{"githubapp/pipeline/...", "executor/build/registry"}},
	{"githubapp/pipeline/images", []string{"githubapp/pipeline/...", "executor", "executor/build/..."}},
	{"githubapp/pipeline/jobs", []string{"githubapp/pipeline/...", "runner", "runner/command", "workflow/..."}},
	{"githubapp/pipeline/notify", []string{"githubapp/pipeline/...", "executor/publicnet"}},
	{"githubapp/services/worker", []string{"githubapp/...", "executor", "executor/build/...", "runner", "runner/filelock", "runner/mask", "runner/local", "workflow/..."}}, // images, and the jobs that test them
	{"githubapp/services/mirror", []string{"githubapp/...", "runner/filelock"}},
	{"githubapp/...", []string{"githubapp/...", "runner", "workflow/..."}},

	{"cmd/drydock", []string{"cmd/internal/cli"}},
	{"cmd/drydock-helper", []string{"executor/helper/..."}},
	{"cmd/internal/cli", []string{"..."}},
	{"cmd/internal/term", []string{"runner", "runner/command", "workflow/plan"}},
	{"cmd/internal/pretend-github", []string{"githubapp/githubtest", "githubapp/setup"}},
	{"cmd/internal/*", nil}, // the project's own tools
}

// gate says which of our packages may use a library, tests included.
type gate struct {
	Library string // an import path, and all below it
	Only    []string
}

// gates, the first row that matches an import decides; a library without a row
// may be used anywhere but in the helper.
var gates = []gate{
	{"github.com/docker/docker", []string{"executor/docker", "executor/build"}},
	{"github.com/moby/moby", nil}, // docker/docker's client is the one we speak through
	// Its parser alone: what a Dockerfile copies is told without a builder.
	{"github.com/moby/buildkit/frontend/dockerfile", []string{"githubapp/pipeline/dockerfile", "executor/build"}},
	{"github.com/moby/buildkit", []string{"executor/build"}},
	{"k8s.io", []string{"executor/kube"}},
	{"helm.sh/helm", []string{"githubapp/pipeline/chart"}},
	{"github.com/cloudevents/sdk-go", []string{"githubapp/pipeline/notify"}}, // tests only
	{"github.com/google/go-github", []string{"githubapp/...", "runner/action"}},
	{"github.com/bradleyfalzon/ghinstallation", []string{"githubapp/...", "runner/action"}},
	{"github.com/rhysd/actionlint", []string{"workflow/lint", "workflow/conformance"}}, // there: to compare speed
	{"github.com/nektos/act/pkg/schema", []string{"workflow/lint"}},
	{"github.com/nektos/act/pkg/workflowpattern", []string{"workflow/event"}},
	{"github.com/nektos/act", []string{"runner/reference"}},
	{"modernc.org/sqlite", []string{"githubapp/store/..."}},
	{"github.com/jackc/pgx", []string{"githubapp/store/..."}},
	{"github.com/pressly/goose", []string{"githubapp/store/..."}},
	{"github.com/spf13/cobra", []string{"cmd/..."}},
	{"github.com/spf13/pflag", []string{"cmd/..."}},
	{"go.yaml.in/yaml/v4", nil},                     // actionlint's; ours is v3
	{"gopkg.in/yaml.v3", []string{"workflow/lint"}}, // what act's schema reads
	{"github.com/minio/minio-go", []string{"runner/service/blob"}},
	{"gopkg.in/yaml.v2", nil},
}

// The helper is copied into every job's place: what it is built from may use the
// standard library and these, so that it stays small.
var (
	helperParts     = []string{"cmd/drydock-helper", "executor", "executor/helper/...", "executor/archive"}
	helperLibraries = []string{"github.com/hashicorp/yamux", "golang.org/x/sys"}
)

// topLevel is all that may stand at the top of the repository: the design's list,
// papers, and what a build leaves. Dot files are free.
var topLevel = []string{
	"cmd", "runner", "workflow", "executor", "githubapp", "config", "go.mod", "go.sum", "Dockerfile", "README.md",
	"docs", "deploy", "examples", "Makefile", "LICENSE", "NOTICE", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md",
	"bin", "dist",
}

// bannedNames say nothing about what a package gives.
var bannedNames = []string{"pkg", "util", "utils", "common", "helpers", "impl", "manager", "misc", "shared"}

// othersNames are methods of interfaces that are not ours.
var othersNames = []string{"GetTokenAuthority"} // moby/buildkit: session/auth

const (
	maxFileLines = 500 // of a file that is no test
	maxMainLines = 20  // of cmd/drydock/main.go: everything else is testable elsewhere
)
