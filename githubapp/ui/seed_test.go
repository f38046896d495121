package ui_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const deployWorkflow = `name: Deploy
on:
  workflow_dispatch:
    inputs:
      where: {description: Where to, type: choice, options: [staging, production], default: staging, required: true}
      version: {description: Version, type: string, required: true}
      dry: {description: Only say what would happen, type: boolean, default: true}
      replicas: {type: number, default: 3}
jobs:
  deploy: {runs-on: ubuntu-latest, steps: [{run: deploy}]}
`

const planOf = `{"graph":{"name":"CI","jobs":[{"id":"lint"},{"id":"build"},{"id":"test","needs":["build"]},{"id":"image","needs":["build","lint"]},
 {"id":"e2e","needs":["image"]},{"id":"deploy","needs":["test","e2e"]},{"id":"notify","needs":["deploy"]}]}}`

type artifacts struct{}

func (artifacts) ListArtifacts(context.Context, store.RunID) ([]api.Artifact, error) {
	return []api.Artifact{{Name: "drydock-linux-amd64", Bytes: 18_340_112, Digest: "sha256:4f2a9c0d11ee7733"}, {Name: "coverage", Bytes: 48_230}}, nil
}

func (artifacts) OpenArtifact(context.Context, store.RunID, string) (io.ReadCloser, int64, error) {
	return io.NopCloser(strings.NewReader("zip")), 3, nil
}

func (s *site) create(r store.Run, jobs ...store.Job) store.RunID {
	s.t.Helper()
	made, err := s.store.CreateRuns(s.t.Context(), store.Settlement{}, []store.NewRun{{Run: r, Jobs: jobs}})
	if err != nil {
		s.t.Fatal(err)
	}
	return made[0].ID
}

func (s *site) commit(id store.RunID, state store.State, c plan.Conclusion, started, finished time.Time, jobs ...store.Job) {
	s.t.Helper()
	r, err := s.store.Run(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	r.State, r.Conclusion, r.Started, r.Finished = state, c, started, finished
	for i := range jobs {
		jobs[i].Run, jobs[i].Attempt = id, 1
	}
	if _, err := s.store.CommitRun(s.t.Context(), store.Change{Run: *r, Jobs: jobs}); err != nil {
		s.t.Fatal(err)
	}
}

func facts(title string) store.Run {
	return store.Run{
		Installation: 1, Repository: 9, RepositoryName: "octo/harbour", Workflow: ".github/workflows/ci.yml", Name: "CI", Title: title, Event: "push",
		Ref: "refs/heads/main", SHA: "4f2a9c0d11ee7733aa55", HeadSHA: "4f2a9c0d11ee7733aa55", Actor: store.Actor{ID: 5, Login: "mona"}, Zone: "branch", State: store.Queued, Plan: []byte(planOf),
	}
}

func job(id plan.LegID, name string, state store.State, c plan.Conclusion, started time.Time, took time.Duration) store.Job {
	j := store.Job{JobKey: store.JobKey{Job: id}, Name: name, Labels: []string{"ubuntu-latest"}, State: state, Conclusion: c, Worker: "dock-1", Queued: started}
	if state != store.Queued && state != store.Waiting {
		j.Started = started
	}
	if state == store.Completed {
		j.Finished = started.Add(took)
	}
	return j
}

// history fills the store with what a week looks like, and gives the run that
// has failed.
func (s *site) history() store.RunID {
	now := time.Now()
	titles := []string{"Tie up the client before casting off", "Update the pilot's handbook", "Bump the tide tables to 2026.11", "Refuse ships without papers", "Load the crane's plan lazily"}
	for i, title := range titles {
		r := facts(title)
		if i%2 == 1 {
			r.Event, r.HeadRef, r.Zone, r.Ref = "pull_request", "papers/"+fmt.Sprint(i), "pull-request", "refs/pull/3/merge"
		}
		id := s.create(r)
		began := now.Add(-time.Duration(90-10*i) * time.Minute)
		c := plan.Success
		if i == 3 {
			c = plan.Cancelled
		}
		s.commit(id, store.Completed, c, began, began.Add(time.Duration(80+i*37)*time.Second))
	}
	waiting := facts("Let visitors moor at the north quay")
	waiting.Event, waiting.HeadRef, waiting.Zone, waiting.State, waiting.Reason = "pull_request", "visitors", "fork", store.Waiting, "a first contribution of octocat from a fork"
	waiting.Progress = []byte(`{"gate":"a first contribution of octocat from a fork"}`)
	s.create(waiting)

	id := s.create(facts("Weigh anchors in parallel"))
	began := now.Add(-6 * time.Minute)
	s.commit(id, store.Completed, plan.Failure, began, began.Add(5*time.Minute),
		job("lint", "lint", store.Completed, plan.Success, began, 21*time.Second), job("build", "build", store.Completed, plan.Success, began, 74*time.Second),
		job("test/0", "test (1.25, linux)", store.Completed, plan.Success, began.Add(75*time.Second), 94*time.Second),
		job("test/1", "test (1.26, linux)", store.Completed, plan.Failure, began.Add(75*time.Second), 101*time.Second),
		job("image", "image", store.Completed, plan.Success, began.Add(75*time.Second), 44*time.Second), job("e2e", "e2e", store.Completed, plan.Success, began.Add(120*time.Second), 130*time.Second))
	s.testLog(store.JobKey{Run: id, Attempt: 1, Job: "test/1"}, began.Add(75*time.Second))

	running := s.create(facts("Show the tide on the page"))
	began = now.Add(-70 * time.Second)
	s.commit(running, store.InProgress, "", began, time.Time{},
		job("lint", "lint", store.Completed, plan.Success, began, 19*time.Second), job("build", "build", store.InProgress, "", began, 0))
	s.emit(store.JobKey{Run: running, Attempt: 1, Job: "build"}, runner.JobStarted{Time: began, Job: "build", Name: "build", Executor: "docker"},
		runner.StepStarted{Time: began, Job: "build", Step: runner.StepRef{Number: 1, Name: "Set up job", Phase: runner.SetUp}},
		runner.StepFinished{Time: began, Job: "build", StepResult: runner.StepResult{Step: runner.StepRef{Number: 1, Name: "Set up job", Phase: runner.SetUp}, Conclusion: plan.Success, Seconds: 2.1}},
		runner.StepStarted{Time: began.Add(3 * time.Second), Job: "build", Step: runner.StepRef{Number: 2, Name: "Run make", Phase: runner.Main}})
	if err := s.store.Enqueue(s.t.Context(), []store.Item{
		{Key: store.JobKey{Run: running, Attempt: 1, Job: "build"}, Repository: 9, Labels: []string{"ubuntu-latest"}},
		{Key: store.JobKey{Run: running, Attempt: 1, Job: "e2e"}, Repository: 9, Labels: []string{"self-hosted", "gpu"}},
	}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.store.Lease(s.t.Context(), store.Offer{Worker: "dock-1", Labels: []string{"ubuntu-latest"}, For: time.Hour}); err != nil {
		s.t.Fatal(err)
	}
	s.deliveries()
	return id
}

func (s *site) deliveries() {
	s.t.Helper()
	ctx := s.t.Context()
	if _, err := s.store.AddDeliveries(ctx, []store.Delivery{
		{ID: "d-push", Event: "push", Body: []byte(`{"ref":"refs/heads/main","after":"4f2a9c0d"}`)},
		{ID: "d-star", Event: "star", Fate: store.Ignored, Reason: "nothing listens to star"},
	}); err != nil {
		s.t.Fatal(err)
	}
	claimed, err := s.store.ClaimDeliveries(ctx, 1, time.Minute)
	if err == nil {
		err = s.store.Settle(ctx, store.Settlement{Delivery: "d-push", Attempt: claimed[0].Attempts, Fate: store.Planned, Reason: "1 run, 1 workflow did not match"})
	}
	if err == nil {
		err = s.store.SwapValue(ctx, "why/d-push", nil, []byte(`[{"workflow":".github/workflows/ci.yml","event":"push","run":7,"reasons":["branches: main matches refs/heads/main"]},
			{"workflow":".github/workflows/docs.yml","event":"push","run":0,"reasons":["paths: none of the 3 changed files matches docs/** (docs.yml:5:9)"]}]`))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// testLog is a log with everything that logs have.
func (s *site) testLog(key store.JobKey, at time.Time) {
	var events []runner.Event
	j := key.Job
	tick := func() time.Time { at = at.Add(17 * time.Millisecond); return at }
	line := func(step int, level command.Level, text string) {
		events = append(events, runner.Line{Time: tick(), Job: j, Step: step, Level: level, Text: text})
	}
	begin := func(n int, name string, phase runner.Phase) runner.StepRef {
		ref := runner.StepRef{Number: n, Name: name, Phase: phase}
		events = append(events, runner.StepStarted{Time: tick(), Job: j, Step: ref})
		return ref
	}
	end := func(ref runner.StepRef, c plan.Conclusion, seconds float64, exit int) {
		events = append(events, runner.StepFinished{Time: tick(), Job: j, StepResult: runner.StepResult{Step: ref, Outcome: c, Conclusion: c, Seconds: seconds, ExitCode: exit}})
	}
	events = append(events, runner.JobStarted{Time: at, Job: j, Name: "test (1.26, linux)", Executor: "docker", Image: "ghcr.io/catthehacker/ubuntu:act-24.04"})
	ref := begin(1, "Set up job", runner.SetUp)
	line(1, "", "Pulled ghcr.io/catthehacker/ubuntu:act-24.04 in 1.2 s")
	end(ref, plan.Success, 1.9, 0)
	ref = begin(2, "Run actions/checkout@v4", runner.Main)
	line(2, command.LevelGroup, "Fetching the repository")
	line(2, command.LevelCommand, "/usr/bin/git fetch --depth=1 origin 4f2a9c0d11ee7733aa55")
	line(2, "", "From https://github.com/octo/harbour")
	line(2, command.LevelEndGroup, "")
	line(2, "", "HEAD is now at 4f2a9c0 Weigh anchors in parallel")
	end(ref, plan.Success, 1.1, 0)
	ref = begin(3, "Run go test ./...", runner.Main)
	line(3, command.LevelGroup, "Run go test ./...")
	line(3, "", "shell: /usr/bin/bash -e {0}")
	line(3, command.LevelEndGroup, "")
	for i := range 40 {
		line(3, "", fmt.Sprintf("\x1b[32mok\x1b[0m  \tgithub.com/octo/harbour/quay%02d\t\x1b[2m0.%03ds\x1b[0m", i, 100+i*7))
	}
	line(3, "", "\x1b[31m--- FAIL: TestAnchors\x1b[0m (0.03s)")
	line(3, "", "    anchor_test.go:41: weighed 3 anchors, want 4")
	line(3, command.LevelWarning, "the crane is slow today")
	line(3, command.LevelError, "Process completed with exit code 1.")
	events = append(events, runner.Annotated{Time: at, Job: j, Step: 3, Annotation: command.Annotation{Level: command.LevelError, Title: "TestAnchors", Message: "weighed 3 anchors, want 4", File: "anchor_test.go", Line: 41}},
		runner.Annotated{Time: at, Job: j, Step: 3, Annotation: command.Annotation{Level: command.LevelWarning, Message: "the crane is slow today"}},
		runner.Summarised{Time: at, Job: j, Step: 3, Markdown: "### Tests\n\n| package | passed | failed |\n|---|---:|---:|\n| anchor | 11 | **1** |\n| quay | 212 | 0 |\n\n<details><summary>Slowest</summary>quay07, 0.149 s</details>\n"})
	end(ref, plan.Failure, 88.4, 1)
	end(runner.StepRef{Number: 4, Name: "Upload coverage", Phase: runner.Main}, plan.Skipped, 0, 0)
	ref = begin(5, "Post actions/checkout@v4", runner.Post)
	line(5, "", "Cleaned up")
	end(ref, plan.Success, 0.2, 0)
	events = append(events, runner.JobFinished{Time: tick(), Job: j, Name: "test (1.26, linux)", Conclusion: plan.Failure})
	s.emit(key, events...)
}

// bigLog is a completed job with so many lines.
func (s *site) bigLog(tb testing.TB, lines int) store.RunID {
	id := s.create(facts("A very long voyage"))
	key := store.JobKey{Run: id, Attempt: 1, Job: "build"}
	ref := runner.StepRef{Number: 2, Name: "Run make", Phase: runner.Main}
	at := time.Now()
	s.emit(key, runner.JobStarted{Time: at, Job: "build", Name: "build"}, runner.StepStarted{Time: at, Job: "build", Step: ref})
	var data [][]byte
	var chunk []byte
	for i := range lines {
		chunk = runner.AppendEvent(chunk, fmt.Sprintf("%d-1", id), runner.Line{Time: at.Add(time.Duration(i) * time.Millisecond), Job: "build", Step: 2, Text: fmt.Sprintf("[%6d] \x1b[36mcompiling\x1b[0m quay/berth/%d.go with everything that belongs to it", i+1, i*7919%100003)})
		if len(chunk) > 63<<10 || i == lines-1 {
			data = append(data, chunk)
			chunk = nil
		}
	}
	last, err := s.store.LastEvent(tb.Context(), key)
	if err == nil {
		_, err = s.store.AppendEvents(tb.Context(), key, last, data)
	}
	if err != nil {
		tb.Fatal(err)
	}
	s.emit(key, runner.StepFinished{Time: at, Job: "build", StepResult: runner.StepResult{Step: ref, Conclusion: plan.Success, Seconds: 200}}, runner.JobFinished{Time: at, Job: "build", Name: "build", Conclusion: plan.Success})
	s.commit(id, store.Completed, plan.Success, at, at.Add(200*time.Second), job("build", "build", store.Completed, plan.Success, at, 200*time.Second))
	return id
}
