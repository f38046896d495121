package term

import (
	"bytes"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestMissedEngine: a step that looked for an engine in vain is told why its
// job has none; a step that failed for another reason, or passed, is not.
func TestMissedEngine(t *testing.T) {
	for name, tc := range map[string]struct {
		executor, line string
		conclusion     plan.Conclusion
		annotation     *command.Annotation
		want           bool
	}{
		"docker":     {"docker", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", plan.Failure, nil, true},
		"newer":      {"docker", "failed to connect to the docker API at tcp://x", plan.Failure, nil, true},
		"annotation": {"docker", "x", plan.Failure, &command.Annotation{Message: "dial unix /var/run/docker.sock: connect: no such file"}, true},
		"otherwise":  {"docker", "exit 1", plan.Failure, nil, false},
		"passed":     {"docker", "Cannot connect to the Docker daemon", plan.Success, nil, false},
		"elsewhere":  {"host", "Cannot connect to the Docker daemon", plan.Failure, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r := New(Options{Out: &out, Hints: Hints{NoEngine: func(executor string) string {
				if executor == "docker" {
					return "no engine here"
				}
				return ""
			}}})
			r.Emit(runner.RunStarted{Time: at(0), Run: "r", Workflow: "CI", File: "a.yml", Event: "push"})
			r.Emit(runner.JobStarted{Time: at(0), Workflow: "CI", Job: "test", Name: "test", Executor: tc.executor, Image: "img"})
			r.Emit(runner.StepStarted{Time: at(1), Job: "test", Step: step(1, "Run x")})
			r.Emit(line(at(1), "test", 1, command.LevelPlain, tc.line))
			r.Emit(runner.StepFinished{Time: at(2), Job: "test", StepResult: result(1, "Run x", tc.conclusion, 1, "")})
			r.Emit(runner.JobFinished{Time: at(2), Workflow: "CI", Job: "test", Name: "test", Conclusion: tc.conclusion, Seconds: 1, FirstError: tc.annotation})
			r.Emit(runner.RunFinished{Time: at(3), Run: "r", Workflow: "CI", Conclusion: tc.conclusion, Seconds: 2})
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(out.String(), "no engine here"); got != tc.want {
				t.Errorf("said: %v\n%s", got, out.String())
			}
		})
	}
}
