package queue

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// tail is what was stored of a job after its checkpoint. A job that is resumed
// does this much again, and tells it again: that is left out, step by step, for
// as long as it goes the same way. It keeps eight bytes of each event.
type tail struct {
	seed  maphash.Seed
	steps map[int][]uint64
}

func (q *Queue) readTail(ctx context.Context, key store.JobKey, after store.Sequence) (*tail, error) {
	t := &tail{seed: maphash.MakeSeed(), steps: map[int][]uint64{}}
	err := q.lines(ctx, key, after, func(line []byte) {
		e, err := runner.DecodeEvent(line)
		if err != nil || e == nil {
			return
		}
		if step, sum, ok := t.sum(e); ok {
			t.steps[step] = append(t.steps[step], sum)
		}
	})
	return t, err
}

// told tells whether the event was stored before.
func (t *tail) told(e runner.Event) bool {
	step, sum, ok := t.sum(e)
	if !ok || len(t.steps[step]) == 0 {
		return false
	}
	if t.steps[step][0] != sum { // from here on it goes another way
		delete(t.steps, step)
		return false
	}
	t.steps[step] = t.steps[step][1:]
	return true
}

// sum is the step of an event and its content without times.
func (t *tail) sum(e runner.Event) (step int, sum uint64, ok bool) {
	switch v := e.(type) {
	case runner.Line:
		step, v.Time = v.Step, time.Time{}
		e = v
	case runner.Annotated:
		step, v.Time = v.Step, time.Time{}
		e = v
	case runner.Summarised:
		step, v.Time = v.Step, time.Time{}
		e = v
	case runner.StepStarted:
		step, v.Time = v.Step.Number, time.Time{}
		e = v
	case runner.StepFinished:
		step, v.Time, v.Seconds = v.Step.Number, time.Time{}, 0
		e = v
	default:
		return 0, 0, false
	}
	return step, maphash.Bytes(t.seed, runner.AppendEvent(nil, "", e)), true
}
