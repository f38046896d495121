package history

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

var moment = time.Date(2026, 11, 21, 1, 2, 3, 400_000_000, time.UTC)

func at(n int) time.Time { return moment.Add(time.Duration(n) * time.Second) }

func planOf(t testing.TB, src string, called ...string) *plan.Plan {
	t.Helper()
	w, found := workflow.Parse("ci.yml", []byte(src))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	load := func(context.Context, plan.Source, string) (plan.Source, []byte, error) {
		return plan.Source{Path: "called.yml"}, []byte(called[0]), nil
	}
	github := expr.NewObject(false).Set("workflow", expr.String("CI")).Set("run_attempt", expr.String("1")).
		Set("token_like", expr.String("the s3cret word")).Value()
	p, err := plan.Build(t.Context(), w, plan.Source{Path: "ci.yml"}, "push", map[string]expr.Value{"github": github}, load)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const simple = "on: push\njobs:\n  build: {runs-on: x, steps: [{run: echo}]}\n"

func recording(t testing.TB, id executor.RunID, attempt int) Recording {
	return Recording{
		Run: Run{
			ID: id, Attempt: attempt, Number: 3, Repository: "o/r", Root: "/r", Dir: "/r", Workflow: "CI", File: "ci.yml", Event: "push",
			Arguments: []string{"push", "--env", "A=s3cret"},
		},
		Plan: planOf(t, simple), Payload: []byte(`{"ref":"s3cret","n":12345678901234567890}`),
		Given:   Given{Env: map[string]string{"A": "s3cret"}},
		Secrets: map[string]string{"TOKEN": "s3cret", "EMPTY": ""},
	}
}

// story are the events of a run with one job of a hostile name.
func story(id plan.LegID) []runner.Event {
	step := runner.StepRef{Number: 2, Name: "Run\ntests", Phase: runner.Main}
	result := runner.StepResult{Step: step, Outcome: plan.Success, Conclusion: plan.Success, Seconds: 1}
	return []runner.Event{
		runner.RunStarted{Time: at(0), Run: "1", Workflow: "CI", File: "ci.yml", Event: "push"},
		runner.JobStarted{Time: at(0), Job: id, Name: string(id), Executor: "host"},
		runner.StepStarted{Time: at(1), Job: id, Step: step},
		runner.Line{Time: at(1), Job: id, Step: 2, Level: command.LevelGroup, Text: "Install"},
		runner.Line{Time: at(1), Job: id, Step: 2, Text: "one\ntwo"},
		runner.Line{Time: at(1), Job: id, Step: 2, Level: command.LevelEndGroup},
		runner.Annotated{Time: at(1), Job: id, Step: 2, Annotation: command.Annotation{Level: command.LevelWarning, Message: "careful"}},
		runner.Summarised{Time: at(2), Job: id, Step: 2, Markdown: "# Done"},
		runner.StepFinished{Time: at(2), Job: id, StepResult: result},
		runner.JobFinished{Time: at(2), Job: id, Name: string(id), Conclusion: plan.Success, Seconds: 2, Steps: []runner.StepResult{result}, Outputs: map[string]string{"v": "1"}},
		runner.RunFinished{Time: at(3), Run: "1", Workflow: "CI", Conclusion: plan.Success, Seconds: 3},
	}
}

func dead(executor.RunID) bool { return false }

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRecord(t *testing.T) {
	s := Open(t.TempDir())
	r, err := s.Record(recording(t, "1", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range story("build") {
		r.Emit(e)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Emit(runner.Noticed{}) // too late: nothing happens

	run, err := s.Run("1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if run.Conclusion != plan.Success || run.Status(dead) != "success" || !run.Finished.Equal(at(3)) || run.PID != os.Getpid() || !reflect.DeepEqual(run.Secrets, []string{"EMPTY", "TOKEN"}) {
		t.Errorf("%+v", run)
	}
	dir := s.Dir("1")
	if got, want := read(t, filepath.Join(dir, "jobs/001-build/log.txt")), `2026-11-21T01:02:03.4000000Z ##[section]Job build (host)
2026-11-21T01:02:04.4000000Z ##[section]Step 2: Run tests
2026-11-21T01:02:04.4000000Z ##[group]Install
2026-11-21T01:02:04.4000000Z one
2026-11-21T01:02:04.4000000Z two
2026-11-21T01:02:04.4000000Z ##[endgroup]
2026-11-21T01:02:05.4000000Z ##[section]Step 2: success in 1.0 s
2026-11-21T01:02:05.4000000Z ##[section]Job build: success in 2.0 s
`; got != want {
		t.Errorf("log:\n%s", got)
	}
	if got := read(t, filepath.Join(dir, "jobs/001-build/summary.md")); got != "# Done\n" {
		t.Errorf("summary %q", got)
	}
	var fromFile Job
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "jobs/001-build/job.json"))), &fromFile); err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Jobs(run)
	if err != nil || len(jobs) != 1 || !reflect.DeepEqual(*jobs[0], fromFile) {
		t.Errorf("job.json and events differ: %+v %+v %v", jobs[0], fromFile, err)
	}
	if j := jobs[0]; j.Conclusion != plan.Success || j.Outputs["v"] != "1" || len(j.Annotations) != 1 || len(j.Steps) != 1 || !j.Steps[0].Finished.Equal(at(2)) || !j.Summary {
		t.Errorf("%+v", j)
	}
	if got := collect(t, s, run); !reflect.DeepEqual(got, story("build")) {
		t.Errorf("events %#v", got)
	}
}

func collect(t testing.TB, s *Store, r *Run) []runner.Event {
	t.Helper()
	var got []runner.Event
	for e, err := range s.Events(r) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	return got
}

// TestRecordIsPrivate looks at modes and for values of secrets in every file.
func TestRecordIsPrivate(t *testing.T) {
	s := Open(t.TempDir())
	r, err := s.Record(recording(t, "1", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range story("build") {
		r.Emit(e)
	}
	_ = r.Close()
	seen := 0
	if err := filepath.WalkDir(s.runs(), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		if !d.IsDir() {
			seen++
			if strings.Contains(read(t, path), "s3cret") {
				t.Errorf("%s holds the secret", path)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if seen != 8 {
		t.Errorf("%d files", seen)
	}
	// Who has the secrets gets everything back, to the digit.
	run, _ := s.Run("1", 0)
	secrets := map[string]string{"TOKEN": "s3cret"}
	if p, err := s.Plan(run, secrets); err != nil || !reflect.DeepEqual(p, planOf(t, simple)) {
		t.Errorf("plan %+v, %v", p, err)
	}
	if payload, err := s.Payload(run, secrets); err != nil || string(payload) != `{"ref":"s3cret","n":12345678901234567890}` {
		t.Errorf("payload %s, %v", payload, err)
	}
	if g, err := s.Given(run, secrets); err != nil || g.Env["A"] != "s3cret" {
		t.Errorf("given %v, %v", g, err)
	}
	if args, err := run.CompleteArguments(secrets); err != nil || args[2] != "A=s3cret" {
		t.Errorf("arguments %q, %v", args, err)
	}
	if _, err := s.Plan(run, map[string]string{"TOKEN": "another"}); err == nil || !strings.Contains(err.Error(), "another one now") {
		t.Errorf("with another secret: %v", err)
	}
	if _, err := s.Plan(run, nil); err == nil || !strings.Contains(err.Error(), "secret TOKEN") {
		t.Errorf("without the secret: %v", err)
	}
}

// TestHostileNames: whatever a job is called, its files stay in its folder.
func TestHostileNames(t *testing.T) {
	for _, id := range []plan.LegID{"../../../etc/passwd", "/abs", "..", ".", "a\x00b", "nul", plan.LegID(strings.Repeat("long/", 400)), "\n\r\x1b[31m", "日本", "con/1", ""} {
		state := t.TempDir()
		s := Open(state)
		r, err := s.Record(recording(t, "1", 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range story(id) {
			r.Emit(e)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%q: %v", id, err)
		}
		folders, err := filepath.Glob(filepath.Join(s.Dir("1"), "jobs", "001-*", "log.txt"))
		if id != "" && (err != nil || len(folders) != 1 || len(filepath.Base(filepath.Dir(folders[0]))) > 50) {
			t.Errorf("%q: %q, %v", id, folders, err)
		}
		if top, _ := os.ReadDir(state); len(top) != 1 {
			t.Errorf("%q: beside the runs: %v", id, top)
		}
	}
}

// TestCrash kills a process in the middle of a run: all but the last second
// is there, half a line does no harm, and the run is known as dead.
func TestCrash(t *testing.T) {
	if state := os.Getenv("HISTORY_CRASH"); state != "" {
		r, err := Open(state).Record(recording(t, "1", 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range story("build")[:9] {
			r.Emit(e)
		}
		time.Sleep(time.Minute) // killed
	}
	state := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), "HISTORY_CRASH="+state)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := Open(state)
	events := filepath.Join(s.Dir("1"), eventsFile)
	for deadline := time.Now().Add(50 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if data, err := os.ReadFile(events); err == nil && strings.Contains(string(data), "step-finished") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no events")
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	f, err := os.OpenFile(events, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("not an event\n" + `{"type":"line","time":"2026-`)
	f.Close()
	run, err := s.Run("1", 0)
	if err != nil || run.Status(dead) != Died || run.PID != cmd.Process.Pid {
		t.Fatalf("%+v, %v", run, err)
	}
	if got := collect(t, s, run); !reflect.DeepEqual(got, story("build")[:9]) {
		t.Errorf("%d events", len(got))
	}
	jobs, err := s.Jobs(run)
	if err != nil || len(jobs) != 1 || jobs[0].Conclusion != "" || jobs[0].Steps[0].Conclusion != plan.Success {
		t.Errorf("%+v, %v", jobs, err)
	}
}

// TestUnwritable: a record that cannot be begun is an error, one that cannot
// go on is one notice.
func TestUnwritable(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "runs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(state).Record(recording(t, "1", 1)); err == nil {
		t.Error("a file is no folder")
	}

	s := Open(t.TempDir())
	var notices []string
	o := recording(t, "1", 1)
	o.Notice = func(text string) { notices = append(notices, text) }
	// As a full disk: what is to be a folder cannot become one.
	if err := os.MkdirAll(s.Dir("1"), 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := s.Record(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir("1"), jobsFolder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, e := range story("build") {
			r.Emit(e)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := r.Close(); err == nil || len(notices) != 1 || !strings.Contains(notices[0], "run 1 goes on") {
		t.Errorf("%v, notices %q", err, notices)
	}
	run, err := s.Run("1", 0)
	if err != nil || run.Incomplete == "" || run.Conclusion != plan.Success {
		t.Errorf("%+v, %v", run, err)
	}
}

// TestDevFull: so it is on a disk that is really full.
func TestDevFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	s := Open(t.TempDir())
	o := recording(t, "1", 1)
	notices := make(chan string, 10)
	o.Notice = func(text string) { notices <- text }
	r, err := s.Record(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", filepath.Join(s.Dir("1"), eventsFile)); err != nil {
		t.Fatal(err)
	}
	for _, e := range story("build") {
		r.Emit(e)
	}
	if err := r.Close(); err == nil || !strings.Contains(<-notices, "no space left") || len(notices) > 0 {
		t.Errorf("%v", err)
	}
}

// TestAttempts: a new attempt moves the old one out of the way.
func TestAttempts(t *testing.T) {
	s := Open(t.TempDir())
	for attempt := 1; attempt <= 3; attempt++ {
		r, err := s.Record(recording(t, "7", attempt))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range story(plan.LegID([]string{"", "one", "two", "three"}[attempt])) {
			r.Emit(e)
		}
		_ = r.Close()
		if err := os.MkdirAll(s.Artifacts("7"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Record(recording(t, "7", 3)); err == nil {
		t.Error("an attempt began twice")
	}
	for attempt, want := range map[int]plan.LegID{0: "three", 1: "one", 2: "two", 3: "three"} {
		run, err := s.Run("7", attempt)
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := s.Jobs(run)
		if err != nil || len(jobs) != 1 || jobs[0].ID != want {
			t.Errorf("attempt %d: %+v, %v", attempt, jobs, err)
		}
	}
	run, _ := s.Run("7", 0)
	if got := s.Attempts(run); !reflect.DeepEqual(got, []int{1, 2, 3}) {
		t.Errorf("attempts %v", got)
	}
	if _, err := s.Run("7", 4); !errors.Is(err, ErrNoRun) {
		t.Errorf("attempt 4: %v", err)
	}
	if _, err := os.Stat(s.Artifacts("7")); err != nil {
		t.Error(err)
	}
}

// TestFollow reads while another goroutine writes.
func TestFollow(t *testing.T) {
	s := Open(t.TempDir())
	r, err := s.Record(recording(t, "1", 1))
	if err != nil {
		t.Fatal(err)
	}
	run, _ := s.Run("1", 0)
	go func() {
		for _, e := range story("build") {
			r.Emit(e)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	var got []runner.Event
	for e, err := range s.Follow(t.Context(), run, func() bool { return true }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if !reflect.DeepEqual(got, story("build")) {
		t.Errorf("%d events", len(got))
	}
	_ = r.Close()
	// Of a run that died the reader does not wait for an end.
	r, _ = s.Record(recording(t, "2", 1))
	r.Emit(story("build")[0])
	_ = r.Close()
	run, _ = s.Run("2", 0)
	n := 0
	for range s.Follow(t.Context(), run, func() bool { return false }) {
		n++
	}
	if n != 1 {
		t.Errorf("%d events of a dead run", n)
	}
}

// TestSlowDisk: Emit never waits, and memory has a bound.
func TestSlowDisk(t *testing.T) {
	r := &Recorder{run: &Run{ID: "1"}, wake: make(chan struct{}, 1), now: make(chan struct{}, 1)} // nobody writes
	text := strings.Repeat("x", 1<<20)
	for range 100 {
		r.Emit(runner.Line{Time: moment, Job: "a", Text: text})
	}
	if r.size > maxWaiting+4<<20 || r.dropped == 0 {
		t.Errorf("%d bytes wait, %d lines were left out", r.size, r.dropped)
	}
	r.waiting, r.size = nil, 0
	r.Emit(runner.Line{Time: moment, Job: "a", Text: "again"})
	if got := string(r.waiting[0].data); !strings.Contains(got, "lines are missing here") {
		t.Errorf("%q", got)
	}
}

// TestTwoProcesses: stores that know nothing of each other give each run its
// own id and number.
func TestTwoProcesses(t *testing.T) {
	state := t.TempDir()
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[executor.RunID]bool{}
	numbers := map[int]int{}
	for range 4 {
		all.Go(func() {
			s := Open(state)
			for range 10 {
				i, err := s.Take("o/r", "ci.yml")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[i.ID] {
					t.Errorf("two runs are %s", i.ID)
				}
				seen[i.ID] = true
				numbers[i.Number]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) != 40 || len(numbers) != 40 || !seen["1"] || !seen["40"] {
		t.Errorf("ids %v, numbers %v", seen, numbers)
	}
	s := Open(state)
	other, _ := s.Take("o/other", "ci.yml")
	if other.ID != "41" || other.Number != 1 {
		t.Errorf("%+v", other)
	}
	if !s.GiveBack(other) {
		t.Error("the last one was not taken back")
	}
	if again, _ := s.Take("o/other", "ci.yml"); again != other {
		t.Errorf("%+v", again)
	}
	if s.GiveBack(Identity{ID: "3", Number: 3, file: numberFile("o/r", "ci.yml")}) {
		t.Error("one that is not the last was taken back")
	}
	if p := s.Peek("O/R", "ci.yml"); p.ID != "42" || p.Number != 41 {
		t.Errorf("%+v", p)
	}
	// A lost counter is no reason to use an id twice.
	for _, id := range []executor.RunID{"100", "1795230222000000"} { // the second is a time
		if err := os.MkdirAll(s.Dir(id), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.RemoveAll(s.counters())
	if i, err := s.Take("o/r", "ci.yml"); err != nil || i.ID != "101" {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestPrune(t *testing.T) {
	s := Open(t.TempDir())
	claims := 0
	free := func(id executor.RunID) (func(), bool) {
		if id == "2" { // runs
			return nil, false
		}
		return func() { claims++ }, true
	}
	fill := func() {
		for _, id := range []executor.RunID{"1", "2", "9", "10", "11"} {
			if _, err := s.Run(id, 0); err == nil {
				continue
			}
			r, err := s.Record(recording(t, id, 1))
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			if err := os.MkdirAll(s.Artifacts(id), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(s.Artifacts(id), "1.zip"), make([]byte, 1<<20), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		keep Keep
		want []executor.RunID
	}{
		{Keep{}, []executor.RunID{"11", "10", "9", "2", "1"}},
		{Keep{Runs: 2}, []executor.RunID{"11", "10", "2"}},
		{Keep{Bytes: 3500 << 10}, []executor.RunID{"11", "10", "9", "2"}},
		{Keep{Bytes: 1}, []executor.RunID{"11", "2"}},
		{Keep{Age: time.Nanosecond}, []executor.RunID{"2"}},
		{Keep{Age: time.Hour, Runs: 10, Bytes: 1 << 30}, []executor.RunID{"11", "10", "9", "2", "1"}},
	} {
		fill()
		removed, err := s.Prune(t.Context(), c.keep, free)
		if got := s.ids(); err != nil || !reflect.DeepEqual(got, c.want) || len(removed)+len(got) != 5 {
			t.Errorf("%+v: %v left, %v removed, %v", c.keep, got, removed, err)
		}
	}
	if entries, _ := os.ReadDir(s.runs()); len(entries) != 5 {
		t.Errorf("something is left: %v", entries)
	}
	if claims == 0 {
		t.Error("no lock was taken")
	}
	if err := os.Mkdir(filepath.Join(s.runs(), doomed+"5-x"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, _ = s.Prune(t.Context(), Keep{}, free)
	if entries, _ := os.ReadDir(s.runs()); len(entries) != 5 {
		t.Errorf("a removal that was killed is not ended: %v", entries)
	}
}

func TestRunsAndIDs(t *testing.T) {
	s := Open(t.TempDir())
	if got := s.Runs(0, nil); len(got) != 0 {
		t.Error(got)
	}
	for _, id := range []executor.RunID{"9", "10", "100"} {
		r, err := s.Record(recording(t, id, 1))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
	}
	for _, stray := range []string{"x", "007", "-1"} {
		_ = os.Mkdir(filepath.Join(s.runs(), stray), 0o700)
	}
	var got []executor.RunID
	for _, r := range s.Runs(2, func(r *Run) bool { return r.ID != "100" }) {
		got = append(got, r.ID)
	}
	if !reflect.DeepEqual(got, []executor.RunID{"10", "9"}) {
		t.Errorf("%v", got)
	}
	for _, bad := range []string{"", "0", "01", "-1", "1.5", "../1", "1/..", "9007199254740993", "x"} {
		if id, err := ParseID(bad); err == nil {
			t.Errorf("%q is the id %s", bad, id)
		}
	}
	if err := s.Cancel("11", false); !errors.Is(err, ErrNoRun) {
		t.Errorf("%v", err)
	}
	if asked, _ := s.CancelAsked("10"); asked {
		t.Error("nobody asked")
	}
	if err := s.Cancel("10", true); err != nil {
		t.Error(err)
	}
	if asked, force := s.CancelAsked("10"); !asked || !force {
		t.Error(asked, force)
	}
}

// FuzzEvents: whatever is in the file, reading it ends, and what it gives can
// be put together.
func FuzzEvents(f *testing.F) {
	var all []byte
	for _, e := range story("build") {
		all = runner.AppendEvent(all, "", e)
	}
	f.Add(all)
	f.Add([]byte("{\"type\":\"step-started\"}\n{\"type\":\"job-finished\",\"job\":\"a\",\"steps\":[{}]}\nx\n{"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		s := Open(dir)
		run := &Run{ID: "1", Attempt: 1}
		if err := os.MkdirAll(s.Dir("1"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := writeRun(s.Dir("1"), run); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.Dir("1"), eventsFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		jobs, err := s.Jobs(run)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if name := strings.TrimPrefix(j.Folder, "jobs/"); strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, ".") {
				t.Errorf("folder %q", j.Folder)
			}
		}
	})
}

// FuzzHide: a secret never stays in a string, and what was hidden comes back.
func FuzzHide(f *testing.F) {
	f.Add(`{"a":"x s3cret y","s3cret":"\"s3cret\\"}`, "s3cret")
	f.Add(`["\u0073","s"]`, "s")
	f.Fuzz(func(t *testing.T, text, secret string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil || secret == "" {
			return
		}
		secrets := map[string]string{"N": secret}
		hidden := hide([]byte(text), secrets, "0123456789abcdef")
		back, err := restore(hidden, secrets, "0123456789abcdef")
		var w any
		if err != nil || json.Unmarshal(back, &w) != nil || !strings.Contains(text, "0123456789abcdef") && !reflect.DeepEqual(v, w) {
			t.Errorf("%s\n%s\n%s\n%v", text, hidden, back, err)
		}
	})
}

// BenchmarkEmit is the cost of a line for the job that printed it.
func BenchmarkEmit(b *testing.B) {
	s := Open(b.TempDir())
	r, err := s.Record(recording(b, "1", 1))
	if err != nil {
		b.Fatal(err)
	}
	line := runner.Line{Time: moment, Job: "build", Step: 2, Text: "a line of a log, as long as they often are: 0123456789"}
	b.ReportAllocs()
	for b.Loop() {
		r.Emit(line)
	}
	b.StopTimer()
	_ = r.Close()
}
