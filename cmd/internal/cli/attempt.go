package cli

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// attempt is one run of one workflow of a session: what names it, and for a
// rerun what it takes from the record.
type attempt struct {
	history.Identity
	attempt int
	taken   bool // the id is from the counters, and was not used yet
	lock    *runLock

	again    string // which jobs run again, in words
	recorded map[plan.LegID]runner.Result
	resumed  *resumption // of a run that died
}

func (a *app) history() *history.Store { return history.Open(a.config.StateDir) }

// identify gives the run of a file its id and number. What only looks at a
// plan is shown those that would come next.
func (a *app) identify(s *session, f file, o runOptions) {
	if s.runs == nil {
		s.runs = map[string]*attempt{}
	}
	it := &attempt{attempt: 1}
	s.runs[f.path] = it
	if o.list || o.graph || o.dryRun {
		it.Identity = a.history().Peek(s.event.Repository, f.path)
		return
	}
	var err error
	if it.Identity, err = a.history().Take(s.event.Repository, f.path); err != nil {
		// No reason not to run: the time is unique enough.
		fmt.Fprintf(a.stderr, "drydock: the run has no number of its own: %v\n", err)
		it.ID, it.Number = executor.RunID(strconv.FormatInt(time.Now().UnixMicro()+int64(len(s.runs)), 10)), 1
		return
	}
	it.taken = true
}

// giveBack returns the ids of runs that never began.
func (a *app) giveBack(s *session) {
	for range s.runs { // the last one taken goes first, whatever the order here
		for _, it := range s.runs {
			if it.taken && a.history().GiveBack(it.Identity) {
				it.taken = false
			}
		}
	}
}

// options are what the contexts say of the run of a file.
func (s *session) options(f file) local.RunOptions {
	o := local.RunOptions{Workflow: f.title(), Path: f.path}
	if it := s.runs[f.path]; it != nil {
		o.ID, o.Number, o.Attempt = string(it.ID), it.Number, it.attempt
	}
	return o
}

// of is the run of a plan.
func (s *session) of(i int) *attempt { return s.runs[s.files[i].path] }

// lockRuns takes the locks of all runs of a session: from here on they have
// begun.
func (a *app) lockRuns(s *session) (release func(), err error) {
	release = func() {
		for i := range s.plans {
			if l := s.of(i).lock; l != nil {
				l.release()
			}
		}
	}
	for i := range s.plans {
		it := s.of(i)
		if it.lock, err = lockRun(a.config.StateDir, it.ID); err != nil {
			release()
			if errors.Is(err, errRuns) {
				err = fmt.Errorf("run %s is running: \"drydock cancel %s\" ends it", it.ID, it.ID)
			}
			return nil, &exitError{exitUsage, err}
		}
	}
	for i := range s.plans {
		s.of(i).taken = false
	}
	return release, nil
}
