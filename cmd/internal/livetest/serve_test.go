package livetest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// served jobs have two images: one that every job runs in, by ubuntu-latest.
const servedWorkflow = `
name: CI
on: [push, pull_request]
permissions: {contents: read, checks: write}
jobs:
  build:
    runs-on: ubuntu-latest
    outputs: {version: "${{ steps.v.outputs.version }}"}
    steps:
      - id: v
        run: |
          echo "version=1.2.$GITHUB_RUN_NUMBER" >> "$GITHUB_OUTPUT"
          echo "## Built for $GITHUB_REPOSITORY" >> "$GITHUB_STEP_SUMMARY"
          echo "::warning file=main.go,line=7::look here"
          echo "secret: ${{ secrets.DEPLOY_KEY }}"
          case "${{ github.token }}" in ghs_*) echo "the job has a token" ;; esac
      - name: Upload
        run: |
          part() { echo "$ACTIONS_RUNTIME_TOKEN" | cut -d. -f2 | tr '_-' '/+'; }
          scope=$( (part; echo ===) | tr -d '\n' | base64 -d 2>/dev/null | sed 's/.*Actions.Results:\([^:]*\):\([^" ]*\).*/\1 \2/')
          ids="\"workflow_run_backend_id\":\"${scope% *}\",\"workflow_job_run_backend_id\":\"${scope#* }\""
          call() {
            wget -q -O - --header "Authorization: Bearer $ACTIONS_RUNTIME_TOKEN" --header "Content-Type: application/json" \
              --post-data "{$ids,$2}" "${ACTIONS_RESULTS_URL}twirp/github.actions.results.api.v1.ArtifactService/$1"
          }
          url=$(call CreateArtifact '"name":"dist","version":4' | sed 's/.*"signed_upload_url": *"\([^"]*\)".*/\1/; s/\\u0026/\&/g')
          rest=${url#http://}; host=${rest%%/*}
          exec 3<>"/dev/tcp/${host%:*}/${host#*:}"
          printf 'PUT /%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\nx-ms-blob-type: BlockBlob\r\nConnection: close\r\n\r\nhello' "${rest#*/}" "$host" >&3
          head -n 1 <&3
          call FinalizeArtifact '"name":"dist","size":"5"'
  test:
    needs: build
    runs-on: ubuntu-latest
    strategy: {fail-fast: false, matrix: {n: [1, 2]}} # both end, whichever is first
    steps:
      - run: echo "tests ${{ matrix.n }} of ${{ needs.build.outputs.version }}"
      - if: matrix.n == 2
        run: |
          echo "::error file=test.go,line=3::expected 2, got 3"
          exit 1
  deploy:
    needs: test
    runs-on: ubuntu-latest
    steps: [{run: echo not reached}]
`

// TestServe: a push through git and a webhook becomes check runs, logs,
// annotations and artifacts.
func TestServe(t *testing.T) {
	w := newWorld(t)
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVICES_RUN_STEPS=true")
	s.pushAndLook()
}

func (s *served) pushAndLook() {
	t := s.t
	t.Helper()
	repo := s.gh.Repository("octo/demo", githubtest.Files{"main.go": "package main\n"})
	s.file("key.txt", "hunter2-hunter2\n")
	s.program("secret", "set", "DEPLOY_KEY", "--repository", "octo/demo", "--file", "key.txt").wait().wantCode(0)
	sha := repo.Push("main", githubtest.Files{".github/workflows/ci.yml": servedWorkflow}, "add ci")
	checks := s.completed(repo, sha, 4)
	for name, want := range map[string]string{
		"CI / build (push)": "success", "CI / test (1) (push)": "success", "CI / test (2) (push)": "failure", "CI / deploy (push)": "skipped",
	} {
		if c, ok := checks[name]; !ok || c.Conclusion != want {
			t.Errorf("check run %q is %s/%s, want %s", name, c.Status, c.Conclusion, want)
		}
	}
	build, test := checks["CI / build (push)"], checks["CI / test (2) (push)"]
	if len(build.Annotations) != 1 || build.Annotations[0].Path != "main.go" || build.Annotations[0].StartLine != 7 || build.Annotations[0].Level != "warning" {
		t.Errorf("annotations of build: %+v", build.Annotations)
	}
	if !strings.Contains(build.Summary, "## Built for octo/demo") {
		t.Errorf("summary of build: %s", build.Summary)
	}
	if !strings.Contains(test.Summary, "expected 2, got 3") {
		t.Errorf("summary of test: %s", test.Summary)
	}

	var runs struct {
		Runs []struct {
			ID         int64
			Conclusion string
		}
	}
	s.get("/api/v1/runs?repository=octo/demo", &runs)
	if len(runs.Runs) != 1 || runs.Runs[0].Conclusion != "failure" {
		t.Fatalf("runs: %+v", runs)
	}
	id := runs.Runs[0].ID
	log := string(s.get(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=build", id), nil))
	for _, want := range []string{"secret: ***", "the job has a token"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log of build lacks %q:\n%s", want, log)
		}
	}
	if log := string(s.get(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=test/1", id), nil)); !strings.Contains(log, "tests 2 of 1.2.1") {
		t.Errorf("the log of test (2):\n%s", log)
	}
	if got := string(s.get(fmt.Sprintf("/api/v1/runs/%d/artifacts/dist", id), nil)); got != "hello" {
		t.Errorf("the artifact is %q", got)
	}
	s.eventually("no token of a job is alive", func() bool { return s.gh.Tokens() <= 2 }) // the server's own, and that of "secret set", stay

	// Only the failed part again, by the button at GitHub.
	s.gh.User("mona")
	repo.Collaborator("mona", "write")
	s.gh.Rerequest(test.ID, "mona")
	s.eventually("another attempt has ended", func() bool {
		var run struct {
			Attempt int
			State   string
		}
		s.get(fmt.Sprintf("/api/v1/runs/%d", id), &run)
		return run.Attempt == 2 && run.State == "completed"
	})
}

// TestServeKilled: a server that is killed in mid-step goes on with the job when it
// is started again, and its log is whole.
func TestServeKilled(t *testing.T) {
	w := newWorld(t)
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash)
	s.killInMidStep()
}

func (s *served) killInMidStep() {
	t := s.t
	t.Helper()
	repo := s.gh.Repository("octo/demo", nil)
	sha := repo.Push("main", githubtest.Files{".github/workflows/ci.yml": `
name: CI
on: push
jobs:
  long:
    runs-on: ubuntu-latest
    steps:
      - run: for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "line $i"; sleep 0.5; done
      - run: echo end
`}, "add ci")
	log := func() string {
		var runs struct{ Runs []struct{ ID int64 } }
		if s.get("/api/v1/runs", &runs); len(runs.Runs) == 0 {
			return ""
		}
		return string(s.get(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=long", runs.Runs[0].ID), nil))
	}
	s.eventually("the step runs", func() bool { return strings.Contains(log(), "line 3") })
	s.stop(syscall.SIGKILL)
	s.start()
	checks := s.completed(repo, sha, 1)
	if c := checks["CI / long (push)"]; c.Conclusion != "success" {
		t.Errorf("check run: %+v", c)
	}
	text := log()
	for i := 1; i <= 12; i++ {
		if n := strings.Count(text, fmt.Sprintf("line %d\n", i)); n != 1 {
			t.Errorf("line %d is there %d times:\n%s", i, n, text)
		}
	}
	if n := len(s.gh.CheckRuns(repo, sha)); n != 1 {
		t.Errorf("%d check runs", n)
	}
}
