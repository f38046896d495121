package history

import (
	"os"
	"path"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

var _ runner.Checkpoints = (*Recorder)(nil)

// unsaved is the newest checkpoint of a job, until it is written.
type unsaved struct {
	name string // of the job's folder
	head head
	c    *runner.Checkpoint
	kept []func()
}

// Save keeps a checkpoint once all events before it are written.
func (r *Recorder) Save(job *runner.Job, c *runner.Checkpoint, urgent bool, kept func()) {
	if !r.save(job.ID(), c, urgent, kept) {
		kept()
		return
	}
	poke(r.wake)
	if urgent {
		poke(r.now)
	}
}

func (r *Recorder) save(id plan.LegID, c *runner.Checkpoint, urgent bool, kept func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs.byID[id]
	if r.closed || r.failed != nil || j == nil || r.vault == nil {
		return false
	}
	if r.unsaved == nil {
		r.unsaved = map[plan.LegID]*unsaved{}
	}
	u := r.unsaved[id]
	if u == nil {
		u = &unsaved{name: path.Base(j.Folder)}
		r.unsaved[id] = u
	}
	u.head, u.c = head{id, j.events}, c
	if j.Conclusion == "" { // it is run again, and this takes the old one's place
		r.over = slices.DeleteFunc(r.over, func(name string) bool { return name == u.name })
	}
	u.kept = append(u.kept, kept)
	r.urgent = r.urgent || urgent
	return true
}

// due gives the checkpoints to write now. Those of quick steps are not worth
// it: the place still knows what the last one does not.
func (r *Recorder) due() map[plan.LegID]*unsaved {
	if len(r.unsaved) == 0 {
		return nil
	}
	if !r.urgent && !r.closed && r.failed == nil && r.run.Conclusion == "" && time.Since(r.lately) < flushEvery {
		poke(r.wake)
		return nil
	}
	list := r.unsaved
	r.unsaved, r.urgent, r.lately = nil, false, time.Now()
	return list
}

// keep writes checkpoints, and tells that they are.
func (r *Recorder) keep(list map[plan.LegID]*unsaved, failed bool) {
	for _, u := range list {
		if u.c != nil && !failed {
			if err := r.vault.write(u.name, u.head, u.c); err != nil {
				r.fail(err)
				failed = true
			}
		}
		for _, f := range u.kept {
			f()
		}
	}
}

// ended drops the checkpoint of a job, or of a first try of it, after what is
// waiting has been written.
func (r *Recorder) ended(j *Job) {
	if u := r.unsaved[j.ID]; u != nil {
		u.c = nil
	}
	r.over = append(r.over, path.Base(j.Folder))
}

// beats says now and then that the run lives: from the last time on its places
// do so for some minutes.
func (r *Recorder) beats() {
	t := time.NewTicker(beat)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			now := time.Now()
			_ = os.Chtimes(r.vault.dir, now, now) // not there yet, or not any more
		case <-r.quit:
			return
		}
	}
}
