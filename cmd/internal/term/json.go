package term

import "github.com/drydock-ci/drydock/runner"

// jsonView writes one event a line. Events of a run with its own sink bear the
// run's id.
type jsonView struct{ box *outbox }

func (v *jsonView) event(run *run, e runner.Event) {
	if started, ok := e.(runner.RunStarted); ok {
		run.id = started.Run
	}
	id := ""
	if run.named {
		id = run.id
	}
	v.box.cur = runner.AppendEvent(v.box.cur, id, e)
}

// finish has nothing to add: the last event is run-finished.
func (v *jsonView) finish() {}
