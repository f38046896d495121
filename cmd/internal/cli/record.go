package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// records are those of the runs of a session; nil where one could not begin.
type records []*history.Recorder

// record begins the record of every run. What goes wrong is said once, and
// never stops a run.
func (a *app) record(s *session, g given, ui runner.Sink) records {
	var once sync.Once
	notice := func(text string) {
		once.Do(func() { ui.Emit(runner.Noticed{Time: time.Now(), Level: command.LevelWarning, Text: text}) })
	}
	all := make(records, len(s.plans))
	for i, p := range s.plans {
		github := p.Contexts["github"]
		event, _ := github.Lookup("event")
		payload, _ := event.MarshalJSON()
		it := s.of(i)
		if it.resumed != nil {
			r, err := a.history().Resume(it.resumed.run, it.resumed.saved, notice)
			if err != nil {
				notice("no record of the rest of the run is kept: " + err.Error())
				continue
			}
			all[i] = r
			continue
		}
		r, err := a.history().Record(history.Recording{
			Run: history.Run{
				ID: it.ID, Attempt: it.attempt, Number: it.Number,
				Repository: s.event.Repository, Root: s.root, Dir: a.dir,
				Workflow: text(github, "workflow"), File: p.Graph.Source.Path, Title: p.RunName, Event: p.Event,
				Ref: text(github, "ref"), SHA: text(github, "sha"), Actor: text(github, "actor"),
				Version: version(), Arguments: a.arguments, Again: it.again,
			},
			Plan: p, Payload: payload, Given: history.Given{Inputs: g.inputs, Vars: g.vars, Env: g.env},
			Secrets: g.secrets, Notice: notice,
		})
		if err != nil {
			notice("no record of the run is kept: " + err.Error())
			continue
		}
		all[i] = r
	}
	return all
}

// text is a field of a context.
func text(v expr.Value, name string) string {
	field, _ := v.Lookup(name)
	return field.Text()
}

// sink is where the events of a run go.
func (r records) sink(i int) runner.Sink {
	if r[i] == nil {
		return runner.SinkFunc(func(runner.Event) {})
	}
	return r[i]
}

// logs is the command that shows the log of a run again, "" without a record.
func (r records) logs(s *session, i int) string {
	if r[i] == nil {
		return ""
	}
	return "drydock logs " + string(s.of(i).ID)
}

// close writes what is left; an error has been noticed.
func (r records) close() {
	for _, one := range r {
		if one != nil {
			_ = one.Close()
		}
	}
}

var errCancelled = errors.New("cancelled with drydock cancel")

// obeyCancel cancels runs when drydock cancel asks for it, until ctx is done.
func (a *app) obeyCancel(ctx context.Context, s *session, sources []*local.Source, cancelled func()) {
	const every = 200 * time.Millisecond
	times := make([]int, len(sources))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		for i, src := range sources {
			asked, force := a.history().CancelAsked(s.of(i).ID)
			if asked && times[i] == 0 || force && times[i] == 1 {
				times[i]++
				cancelled()
				src.Cancel(errCancelled)
			}
		}
	}
}

// forget removes the records of the oldest runs, as far as that is quick; the
// next run goes on with it.
func (a *app) forget(ctx context.Context, p *parts) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	h := a.config.History
	size, _ := config.Size(h.KeepSize) // was validated
	removed, err := a.history().Prune(ctx, history.Keep{Runs: h.KeepRuns, Age: h.KeepFor, Bytes: size}, a.claim)
	if err != nil {
		p.log.Warn("remove old runs", "err", err)
	}
	if len(removed) > 0 {
		p.log.Info("removed old runs", "count", len(removed))
	}
}

// claim takes a run that nobody runs.
func (a *app) claim(id executor.RunID) (release func(), ok bool) {
	l, err := lockRun(a.config.StateDir, id)
	if err != nil {
		return nil, false
	}
	return l.release, true
}

// legNotes remember the matrix of each leg, for the command that runs it
// again.
type legNotes struct {
	mu     sync.Mutex
	matrix map[plan.LegID]expr.Value
}

// place notes a leg on the way to its place.
func (n *legNotes) place(next local.Placer) local.Placer {
	return func(leg *plan.Leg, labels []string, group string) (runner.Place, error) {
		n.mu.Lock()
		if n.matrix == nil {
			n.matrix = map[plan.LegID]expr.Value{}
		}
		n.matrix[leg.ID] = leg.Contexts["matrix"]
		n.mu.Unlock()
		return next(leg, labels, group)
	}
}

func (n *legNotes) of(id plan.LegID) expr.Value {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.matrix[id]
}
