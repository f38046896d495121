package term

import (
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// at is a time of the recordings, in seconds.
func at(s float64) time.Time {
	return time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC).Add(time.Duration(s*1000) * time.Millisecond)
}

func step(n int, name string) runner.StepRef {
	return runner.StepRef{Number: n, Name: name, Phase: runner.Main}
}

func result(n int, name string, c plan.Conclusion, seconds float64, reason string) runner.StepResult {
	return runner.StepResult{Step: step(n, name), Outcome: c, Conclusion: c, Seconds: seconds, Reason: reason}
}

func line(at time.Time, job plan.LegID, step int, level command.Level, text string) runner.Line {
	return runner.Line{Time: at, Job: job, Step: step, Level: level, Text: text}
}

// recording is a run with all that a renderer must cope with: a failure with
// an annotation, a matrix, a called workflow, skipped jobs and steps, a step
// that may fail, summaries, two jobs of one name, and output that would play
// with the terminal.
func recording() []runner.Event {
	const build, leg, called, twin = "build", "test/0", "call/lint", "test/1"
	plain := command.LevelPlain
	events := []runner.Event{
		runner.RunStarted{Time: at(0), Run: "r1", Workflow: "CI", File: ".github/workflows/ci.yml", Event: "push", Ref: "refs/heads/main", SHA: "0123456789abcdef0123456789abcdef01234567"},
		runner.Noticed{Time: at(0), Level: command.LevelWarning, Text: "the working copy has changes\nthat are not committed"},
		runner.JobStarted{Time: at(0.1), Workflow: "CI", Job: build, Name: "build", Executor: "docker", Image: "ubuntu:24.04"},
		runner.StepStarted{Time: at(0.1), Job: build, Step: step(1, "Set up job")},
		line(at(0.2), build, 1, plain, "Runner: drydock"),
		runner.StepFinished{Time: at(0.6), Job: build, StepResult: result(1, "Set up job", plan.Success, 0.5, "")},
		runner.StepStarted{Time: at(0.6), Job: build, Step: step(2, "Run make\tall\x1b[2J")},
		line(at(0.6), build, 2, command.LevelGroup, "Run make all"),
		line(at(0.6), build, 2, plain, "shell: bash -e {0}"),
		line(at(0.6), build, 2, command.LevelEndGroup, ""),
		line(at(0.7), build, 2, plain, "\x1b]0;owned\x07\x1b[31mred\x1b[0m and \x1b[32mgreen\x1b[2J\x1b[H\u009b5Aup"),
		line(at(0.7), build, 2, plain, "10%\r 50%\r100%\r"),
		line(at(0.8), build, 2, command.LevelDebug, "deep"),
		line(at(0.8), build, 2, command.LevelNotice, "be aware"),
		line(at(0.8), build, 2, command.LevelCommand, "::set-output name=a::b"),
		runner.Summarised{Time: at(0.9), Job: build, Step: 2, Markdown: "# Built\n" + strings.Repeat("- one\x1b[5m\n", 45)},
		runner.StepFinished{Time: at(1.1), Job: build, StepResult: result(2, "Run make\tall\x1b[2J", plan.Success, 0.5, "")},
		runner.StepFinished{Time: at(1.2), Job: build, StepResult: runner.StepResult{
			Step: step(3, "Try"), Outcome: plan.Failure, Conclusion: plan.Success, Seconds: 0.1, Reason: "Process completed with exit code 3.", ExitCode: 3}},
		runner.StepFinished{Time: at(1.2), Job: build, StepResult: result(4, "Deploy", plan.Skipped, 0, "if: github.ref == 'x' is false")},
		runner.JobFinished{Time: at(1.3), Workflow: "CI", Job: build, Name: "build", Conclusion: plan.Success, Seconds: 1.2},
		runner.JobStarted{Time: at(1.3), Workflow: "CI", Job: leg, Name: "test (1.26, 日本)", Executor: "host"},
		runner.JobStarted{Time: at(1.3), Workflow: "CI", Job: twin, Name: "test (1.26, 日本)", Executor: "host"},
		runner.StepStarted{Time: at(1.4), Job: leg, Step: step(1, "Run go test ./...")},
		runner.StepStarted{Time: at(1.4), Job: twin, Step: step(1, "Run go test ./...")},
	}
	for i := range 25 {
		events = append(events, line(at(1.5), leg, 1, plain, "test line "+strconv.Itoa(i)), line(at(1.5), twin, 1, plain, "other line "+strconv.Itoa(i)))
	}
	failed := command.Annotation{Level: command.LevelError, Message: "got 1, want 2", File: "a/b_test.go", Line: 12, Column: 3, Title: "TestB"}
	exit := "Process completed with exit code 1."
	tests := []runner.StepResult{
		result(1, "Run go test ./...", plan.Failure, 2.5, exit),
		result(2, "Upload", plan.Skipped, 0, "the job is failure"),
	}
	tests[0].ExitCode = 1
	return append(events,
		runner.Annotated{Time: at(3.9), Job: leg, Step: 1, Annotation: failed},
		line(at(3.9), leg, 1, command.LevelError, "got 1, want 2"),
		line(at(3.9), leg, 1, command.LevelError, exit),
		runner.StepFinished{Time: at(3.9), Job: leg, StepResult: tests[0]},
		runner.StepFinished{Time: at(3.9), Job: leg, StepResult: tests[1]},
		runner.JobFinished{Time: at(4), Workflow: "CI", Job: leg, Name: "test (1.26, 日本)", Conclusion: plan.Failure, Seconds: 2.7, Steps: tests, FirstError: &failed},
		runner.StepFinished{Time: at(4), Job: twin, StepResult: result(1, "Run go test ./...", plan.Cancelled, 2.6, "fail-fast")},
		runner.JobFinished{Time: at(4), Workflow: "CI", Job: twin, Name: "test (1.26, 日本)", Conclusion: plan.Cancelled, Reason: "fail-fast: another leg failed", Seconds: 2.7},
		runner.JobFinished{Time: at(4), Workflow: "CI", Job: "deploy", Name: "deploy", Conclusion: plan.Skipped, Reason: "needs test, which failed"},
		runner.JobStarted{Time: at(4), Workflow: "CI", Job: called, Name: "call / lint", Executor: "docker", Image: "gone:1"},
		runner.StepStarted{Time: at(4), Job: called, Step: step(1, "Set up job")},
		line(at(4.1), called, 1, command.LevelError, "pull image \"gone:1\":\nmanifest unknown"),
		runner.StepFinished{Time: at(4.2), Job: called, StepResult: result(1, "Set up job", plan.Failure, 0.2, "pull image \"gone:1\":\nmanifest unknown")},
		runner.JobFinished{Time: at(4.3), Workflow: "CI", Job: called, Name: "call / lint", Conclusion: plan.Failure, Seconds: 75.2, Infra: true,
			Reason:     "pull image \"gone:1\":\nmanifest unknown",
			FirstError: &command.Annotation{Level: command.LevelError, Message: "pull image \"gone:1\":\nmanifest unknown"}},
		runner.RunFinished{Time: at(4.4), Run: "r1", Workflow: "CI", Conclusion: plan.Failure, Seconds: 4.4},
	)
}

func rerun(job plan.LegID) string {
	if job == "test/0" {
		return "drydock run push -j test --matrix go:1.26"
	}
	return ""
}
