package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/stored"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// typed runs the program as typed and gives what it printed.
func typed(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(append([]string{"drydock"}, args...), strings.NewReader(""), &out, &errs, env)
	return code, out.String(), errs.String()
}

// TestServer types the commands that ask a server.
func TestServer(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key := store.JobKey{Run: 1, Attempt: 1, Job: "build"}
	made := store.Run{Repository: 9, RepositoryName: "octo/app", Workflow: ".github/workflows/ci.yml", Name: "CI", Title: "Fix\x1b[2J it", Event: "push", Ref: "refs/heads/main", State: store.InProgress}
	job := store.Job{JobKey: key, Name: "build", State: store.InProgress, Started: time.Now()}
	if _, err := s.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{{Run: made, Jobs: []store.Job{job}}}); err != nil {
		t.Fatal(err)
	}
	emit := func(after store.Sequence, events ...runner.Event) {
		var data []byte
		for _, e := range events {
			data = runner.AppendEvent(data, "1-1", e)
		}
		if _, err := s.AppendEvents(context.Background(), key, after, [][]byte{data}); err != nil {
			t.Error(err)
		}
	}
	step := runner.StepRef{Number: 2, Name: "Run make", Phase: runner.Main}
	emit(0, runner.JobStarted{Job: "build", Name: "build"}, runner.StepStarted{Job: "build", Step: step}, runner.Line{Job: "build", Step: 2, Text: "first"})
	var did []string
	backend := stored.New(stored.Options{Store: s})
	web := httptest.NewUnstartedServer(nil)
	server, err := api.New(api.Options{
		Backend: backend, Directory: backend, URL: "http://" + web.Listener.Addr().String(), LocalToken: "t",
		Actions: api.Actions{
			Cancel: func(_ context.Context, _ store.RunID, _ store.Actor, _ string, _ bool) error {
				did = append(did, "cancel")
				return nil
			},
			Dispatch: func(_ context.Context, d api.Dispatch) (store.RunID, error) {
				did = append(did, d.Workflow+" "+d.Inputs["a"])
				return 5, nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	web.Config.Handler = server
	web.Start()
	defer web.Close()
	defer server.Close()
	env := []string{"DRYDOCK_SERVER_TOKEN=t", "DRYDOCK_STATE_DIR=" + t.TempDir(), "HOME=" + t.TempDir()}
	finish := func() {
		emit(1, runner.Line{Job: "build", Step: 2, Text: "second"}, runner.JobFinished{Job: "build", Name: "build", Conclusion: plan.Success})
		r, err := s.Run(context.Background(), 1)
		if err != nil {
			t.Error(err)
			return
		}
		job.State, job.Conclusion, r.State, r.Conclusion = store.Completed, plan.Success, store.Completed, plan.Success
		if _, err := s.CommitRun(context.Background(), store.Change{Run: *r, Jobs: []store.Job{job}}); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string // in what it prints
	}{
		{[]string{"runs"}, 0, "1    running  CI: Fix[2J it  push   main"},
		{[]string{"logs", "--raw"}, 0, "first"},
		{[]string{"logs", "1", "-f", "--raw"}, 0, "second"},
		{[]string{"runs", "--status", "success", "--json"}, 0, `"conclusion": "success"`},
		{[]string{"logs", "1", "-j", "none"}, 2, "no such job"},
		{[]string{"logs", "7"}, 2, "no such run"},
		{[]string{"cancel", "1"}, 0, "it is being cancelled"},
		{[]string{"rerun", "1"}, 4, "this server cannot run again"},
		{[]string{"rerun", "1", "--secret", "X=y"}, 2, "--secret: it has no meaning with --server"},
		{[]string{"dispatch", "ci.yml", "-R", "octo/app", "--input", "a=b"}, 0, "run 5: " + web.URL + "/runs/5"},
		{[]string{"dispatch", "ci.yml"}, 2, "--repository are needed"},
	} {
		var finishing sync.WaitGroup
		if slices.Contains(c.args, "-f") { // the run ends while it is followed
			finishing.Go(func() {
				time.Sleep(200 * time.Millisecond)
				finish()
			})
		}
		code, out, errs := typed(t, env, append(c.args, "--server", web.URL)...)
		finishing.Wait()
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%v: exit code %d, printed\n%s%s", c.args, code, out, errs)
		}
	}
	if got := strings.Join(did, "; "); got != "cancel; ci.yml b" {
		t.Errorf("the server did %q", got)
	}
	if code, _, errs := typed(t, env[1:], "runs", "--server", web.URL); code != 2 || !strings.Contains(errs, "nobody is signed in") {
		t.Errorf("without a token: %d, %s", code, errs)
	}
}

// TestUI asks "drydock ui" for a recorded run.
func TestUI(t *testing.T) {
	state := t.TempDir()
	h := history.Open(state)
	id, err := h.Take("octo/app", "ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	graph := &plan.Graph{Name: "CI", Jobs: []*plan.Job{{ID: "build"}, {ID: "test", Needs: []string{"build"}}}}
	rec, err := h.Record(history.Recording{
		Run:  history.Run{ID: id.ID, Attempt: 1, Number: 1, Repository: "octo/app", Workflow: "CI", File: ".github/workflows/ci.yml", Event: "push", Started: time.Now()},
		Plan: &plan.Plan{Graph: graph, Event: "push", Contexts: map[string]expr.Value{}}, Payload: []byte("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	step := runner.StepRef{Number: 2, Name: "Run make", Phase: runner.Main}
	for _, job := range []plan.LegID{"build", "test"} {
		rec.Emit(runner.JobStarted{Time: now, Workflow: `"job":"test"`, Job: job, Name: string(job), Executor: "host"})
		rec.Emit(runner.StepStarted{Time: now, Job: job, Step: step})
		rec.Emit(runner.Line{Time: now, Job: job, Step: 2, Text: "hello of " + string(job)})
		rec.Emit(runner.Summarised{Time: now, Job: job, Step: 2, Markdown: "# Sum"})
		result := runner.StepResult{Step: step, Conclusion: plan.Success, Seconds: 1}
		rec.Emit(runner.StepFinished{Time: now, Job: job, StepResult: result})
		rec.Emit(runner.JobFinished{Time: now, Job: job, Name: string(job), Conclusion: plan.Success, Steps: []runner.StepResult{result}})
	}
	rec.Emit(runner.RunFinished{Time: now, Run: string(id.ID), Conclusion: plan.Success})
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}

	out, in := io.Pipe()
	a := &app{stdout: in, stderr: io.Discard, env: []string{"DRYDOCK_STATE_DIR=" + state, "HOME=" + t.TempDir()}}
	cmd := a.uiCommand()
	if err := a.enter(cmd); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.ui(ctx, "127.0.0.1:0", false) }()
	said := make([]byte, 200)
	n, _ := io.ReadAtLeast(out, said, 80)
	m := regexp.MustCompile(`(http://\S+)/#token=(\w+)`).FindStringSubmatch(string(said[:n]))
	if m == nil {
		t.Fatalf("it said %q", said[:n])
	}
	ask := func(path, accept string) string {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, m[1]+path, http.NoBody)
		req.Header.Set("Authorization", "Bearer "+m[2])
		req.Header.Set("Accept", accept)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return string(body)
	}
	run := "/api/v1/runs/" + string(id.ID)
	var r api.Run
	if err := json.Unmarshal([]byte(ask(run, "")), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Jobs) != 2 || strings.Join(r.Jobs[1].Needs, "") != "build" || len(r.Jobs[0].Steps) != 1 || r.Jobs[0].State != store.Completed || !r.Jobs[0].Summary {
		t.Errorf("run: %+v", r)
	}
	for path, want := range map[string]string{
		"/api/v1/runs?q=ci": `"repository":"octo/app"`, "/": "<title>Drydock</title>", run + "/artifacts": `"artifacts":[]`,
		run + "/summaries": `\u003ch1\u003eSum`, run + "/attempts/1/log?job=test": "hello of test",
	} {
		if got := ask(path, ""); !strings.Contains(got, want) {
			t.Errorf("%s: %.500s", path, got)
		}
	}
	live := ask(run+"/attempts/1/events?job=test", "text/event-stream")
	if strings.Contains(live, "hello of build") || !strings.Contains(live, "hello of test") || !strings.Contains(live, "event: end") {
		t.Errorf("events of test: %s", live)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if code, _, errs := typed(t, a.env, "ui", "--listen", "0.0.0.0:80"); code != 2 || !strings.Contains(errs, "of this machine alone") {
		t.Errorf("to the world: %d, %s", code, errs)
	}
}
