package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Resume goes on with the record of a run that died: what its jobs did after
// their checkpoints is taken back, they do it again. The caller holds the
// run's lock, and Closes the Recorder.
func (s *Store) Resume(r *Run, saved []Saved, notice func(string)) (*Recorder, error) {
	fail := func(err error) (*Recorder, error) {
		return nil, fmt.Errorf("go on with the record of run %s: %w", r.ID, err)
	}
	dir := s.Dir(r.ID)
	if r.Conclusion != "" {
		return fail(errors.New("it has ended"))
	}
	all, err := s.Jobs(r)
	if err != nil {
		return fail(err)
	}
	keep := map[plan.LegID]int{} // events, of the jobs that had not ended
	for _, j := range all {
		if j.Conclusion == "" {
			keep[j.ID] = 1 // that it started, so that its folder stays the same
		}
	}
	for _, one := range saved {
		if _, ok := keep[one.Job]; ok {
			keep[one.Job] = one.events
		}
	}
	run := *r
	run.PID = os.Getpid()
	run.Resumed++
	past, err := takeBack(dir, keep)
	if err != nil {
		return fail(err)
	}
	if err := os.Remove(filepath.Join(dir, cancelFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := writeRun(dir, &run); err != nil {
		return fail(err)
	}
	return newRecorder(dir, &run, s.vault(r.ID), notice, past), nil
}

// takeBack leaves only so many events of each job in keep, and writes the files
// of these jobs again.
func takeBack(dir string, keep map[plan.LegID]int) (*jobs, error) {
	old, err := os.Open(filepath.Join(dir, eventsFile))
	if err != nil {
		return nil, err
	}
	defer old.Close()
	part, err := os.OpenFile(filepath.Join(dir, eventsFile+".new"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer part.Close()
	past := &jobs{}
	out := bufio.NewWriterSize(part, 64<<10)
	logs := folder{dir: dir}
	defer logs.close()
	cleared := map[plan.LegID]bool{}
	lines := lineReader{r: bufio.NewReaderSize(old, 64<<10)}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		e, err := runner.DecodeEvent(line)
		if err != nil || e == nil {
			continue
		}
		id, _ := jobOf(e)
		limit, open := keep[id]
		if j := past.byID[id]; open && j != nil && j.events >= limit {
			continue
		}
		if _, err := out.Write(line); err != nil {
			return nil, err
		}
		if id == "" {
			continue
		}
		j := past.apply(e)
		j.events++
		if !open {
			continue
		}
		if !cleared[id] {
			cleared[id] = true
			if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(j.Folder))); err != nil {
				return nil, err
			}
		}
		for _, c := range texts(j, e) {
			if err := logs.write(c); err != nil {
				return nil, err
			}
		}
	}
	if err := errors.Join(out.Flush(), part.Close(), logs.close()); err != nil {
		return nil, err
	}
	return past, os.Rename(part.Name(), filepath.Join(dir, eventsFile))
}

// told leaves out what an earlier program has recorded.
func (r *Recorder) told(e runner.Event) bool {
	if !r.resumed {
		return false
	}
	switch e := e.(type) {
	case runner.RunStarted:
		return true
	case runner.JobStarted:
		j := r.jobs.byID[e.Job]
		return j != nil && !j.Started.IsZero()
	case runner.JobFinished:
		j := r.jobs.byID[e.Job]
		return j != nil && j.Conclusion != ""
	}
	return false
}
