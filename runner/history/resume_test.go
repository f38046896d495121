package history

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func jobOfID(id plan.LegID) *runner.Job { return &runner.Job{Run: "1", Leg: plan.Leg{ID: id}} }

// checkpoint holds a secret in a field that is easy to look at.
func checkpoint(id plan.LegID, image string) *runner.Checkpoint {
	return &runner.Checkpoint{Version: 1, Job: id, Place: runner.Place{Image: image}}
}

// keptNow saves a checkpoint and waits until it is kept.
func keptNow(t *testing.T, r *Recorder, id plan.LegID, c *runner.Checkpoint) {
	t.Helper()
	done := make(chan struct{})
	r.Save(jobOfID(id), c, true, func() { close(done) })
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the checkpoint is not kept")
	}
}

// dies is a record whose program is killed: what was not written is lost.
func dies(t *testing.T, s *Store, events []runner.Event, save map[int]plan.LegID) {
	t.Helper()
	r, err := s.Record(recording(t, "1", 1))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		r.Emit(e)
		if id := save[i]; id != "" {
			keptNow(t, r, id, checkpoint(id, "hush-hush"))
		}
	}
	keptNow(t, r, save[-1], checkpoint(save[-1], "hush-hush"))
	if err := r.Close(); err != nil { // after which nothing of the end is told
		t.Fatal(err)
	}
}

// inState is the text of all files below the runs.
func inRuns(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(s.runs(), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b.WriteString(name + "\n" + read(t, name) + "\n")
			if info, err := d.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", name, info.Mode(), err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCheckpointsAreSealed(t *testing.T) {
	s := Open(t.TempDir())
	dies(t, s, story("build")[:5], map[int]plan.LegID{-1: "build"})
	if all := inRuns(t, s); strings.Contains(all, "hush") {
		t.Errorf("the secret is there\n%s", all)
	}
	run, err := s.Run("1", 0)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := s.Checkpoints(run)
	if err != nil || len(saved) != 1 || saved[0].Job != "build" || saved[0].events != 4 || saved[0].Checkpoint.Place.Image != "hush-hush" {
		t.Fatalf("%+v, %v", saved, err)
	}
	if until := s.Resumable("1", time.Hour); time.Until(until) < 50*time.Minute {
		t.Errorf("resumable until %s", until)
	}

	file := filepath.Join(s.Dir("1"), checkpointsFolder, "001-build"+sealedSuffix)
	whole := read(t, file)
	for name, text := range map[string]string{
		"more events": strings.Replace(whole, `"events":4`, `"events":1`, 1), "cut": whole[:len(whole)-1], "empty": "", "a head alone": "{}\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Checkpoints(run); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-2 * time.Minute)
	if err := os.Chtimes(filepath.Dir(file), past, past); err != nil {
		t.Fatal(err)
	}
	if until := s.Resumable("1", time.Minute); !until.IsZero() {
		t.Errorf("resumable until %s", until)
	}
	if err := s.GiveUp("1"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Checkpoints(run); err != nil || len(got) != 0 {
		t.Errorf("given up: %+v, %v", got, err)
	}
	if keys, _ := os.ReadDir(filepath.Join(s.state, "keys")); len(keys) != 0 {
		t.Errorf("keys are left: %v", keys)
	}
}

func TestResumedRecord(t *testing.T) {
	s := Open(t.TempDir())
	build, other := story("build"), story("other")
	ended := story("ended")
	events := []runner.Event{
		build[0], ended[1], ended[9], // run, a job that ended
		build[1], build[2], build[3], other[1], build[4], // here build is kept
		build[5], build[7], other[2], other[3], // and these are done again
	}
	dies(t, s, events[:8], map[int]plan.LegID{-1: "build"})
	// What came after the checkpoint was written as well.
	file := filepath.Join(s.Dir("1"), eventsFile)
	data := []byte(read(t, file))
	for _, e := range events[8:] {
		data = runner.AppendEvent(data, "", e)
	}
	data = append(data, `{"type":"line","job":"build","te`...)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	run, err := s.Run("1", 0)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := s.Checkpoints(run)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Resume(run, saved, func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	again := append([]runner.Event{build[0], ended[9], build[1], other[1]}, build[5:]...)
	again = append(append(again[:len(again)-1:len(again)-1], other[2:10]...), build[10])
	for _, e := range again {
		r.Emit(e)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range s.Events(run) {
		if err != nil {
			t.Fatal(err)
		}
		id, _ := jobOf(e)
		got = append(got, e.Type()+" "+string(id))
	}
	want := "run-started |job-started ended|job-finished ended|job-started build|step-started build|line build|job-started other|line build|" +
		"line build|annotation build|summary build|step-finished build|job-finished build|" +
		"step-started other|line other|line other|line other|annotation other|summary other|step-finished other|job-finished other|run-finished "
	if g := strings.Join(got, "|"); g != want {
		t.Errorf("events\n%s\nwant\n%s", g, want)
	}
	for _, folder := range []string{"002-build", "003-other"} {
		log := read(t, filepath.Join(s.Dir("1"), jobsFolder, folder, "log.txt"))
		if strings.Count(log, "Z one\n") != 1 || strings.Count(log, "section]Job") != 2 || strings.Count(log, "##[endgroup]") != 1 {
			t.Errorf("the log of %s\n%s", folder, log)
		}
		if sum := read(t, filepath.Join(s.Dir("1"), jobsFolder, folder, "summary.md")); sum != "# Done\n" {
			t.Errorf("the summary of %s: %q", folder, sum)
		}
	}
	run, err = s.Run("1", 0)
	if err != nil || run.Conclusion != plan.Success || run.Resumed != 1 || run.Attempt != 1 {
		t.Errorf("%+v, %v", run, err)
	}
	for _, name := range []string{filepath.Join(s.Dir("1"), checkpointsFolder), filepath.Join(s.state, "keys", "1")} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := s.Resume(run, nil, nil); err == nil {
		t.Error("a run that has ended goes on")
	}
}

// A checkpoint that is not urgent waits for others; all are told at the end. Of
// a job that has ended none is kept.
func TestCheckpointsWait(t *testing.T) {
	s := Open(t.TempDir())
	r, err := s.Record(recording(t, "1", 1))
	if err != nil {
		t.Fatal(err)
	}
	events := story("build")
	r.Save(jobOfID("build"), checkpoint("build", "x"), false, func() {}) // of a job that nobody knows
	told := make(chan int, 100)
	for i, e := range events {
		r.Emit(e)
		r.Save(jobOfID("build"), checkpoint("build", "x"), false, func() { told <- i })
		r.Emit(runner.Line{Time: at(1), Job: "build", Step: 2, Level: command.LevelPlain, Text: "more"})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Save(jobOfID("build"), checkpoint("build", "x"), true, func() { told <- -1 })
	if len(told) != len(events)+1 {
		t.Errorf("%d were told, want %d", len(told), len(events)+1)
	}
	if _, err := os.Stat(filepath.Join(s.Dir("1"), checkpointsFolder)); err == nil {
		t.Error("a checkpoint is left")
	}
}

// TestRequeuedRecord: of a job that is run again the second try counts, and none
// goes on where the first one was.
func TestRequeuedRecord(t *testing.T) {
	build := story("build")
	requeued := runner.JobRequeued{Time: at(3), Job: "build", Name: "build", Reason: "its pod was evicted", Cause: runner.CauseEvicted}
	for _, again := range []bool{false, true} {
		s := Open(t.TempDir())
		r, err := s.Record(recording(t, "1", 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range build[:5] {
			r.Emit(e)
		}
		keptNow(t, r, "build", checkpoint("build", "first"))
		r.Emit(requeued)
		r.Emit(build[1])
		if again {
			keptNow(t, r, "build", checkpoint("build", "second"))
		}
		if err := r.Close(); err != nil { // as if it was killed
			t.Fatal(err)
		}
		run, err := s.Run("1", 0)
		if err != nil {
			t.Fatal(err)
		}
		saved, err := s.Checkpoints(run)
		if err != nil || len(saved) == 1 != again || again && saved[0].Checkpoint.Place.Image != "second" {
			t.Errorf("again %v: checkpoints %+v, %v", again, saved, err)
		}
		all, err := s.Jobs(run)
		if err != nil || len(all) != 1 || len(all[0].Steps) != 0 {
			t.Errorf("jobs %+v, %v", all, err)
		}
		if log := read(t, filepath.Join(s.Dir("1"), "jobs", "001-build", "log.txt")); !strings.Contains(log, "##[section]Job build is run again: its pod was evicted\n") {
			t.Errorf("the log says\n%s", log)
		}
	}
}
