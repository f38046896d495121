package queue

import (
	"context"
	"hash/maphash"
	"maps"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// tail is what was stored of a job after its checkpoint. A job that is resumed
// does this much again, and tells it again: that is left out, step by step, for
// as long as it goes the same way. It keeps eight bytes of each event.
type tail struct {
	seed  maphash.Seed
	after store.Sequence   // where it begins
	steps map[int][]uint64 // what is still to be told again
	done  map[int]int      // how many events of a step from there on have been told
}

func (q *Queue) readTail(ctx context.Context, key store.JobKey, k *kept) (*tail, error) {
	t := &tail{seed: maphash.MakeSeed(), after: k.After, steps: map[int][]uint64{}, done: map[int]int{}}
	maps.Copy(t.done, k.Told)
	skip := maps.Clone(k.Told)
	err := q.lines(ctx, key, k.After, func(line []byte) {
		e, err := runner.DecodeEvent(line)
		if err != nil || e == nil {
			return
		}
		step, sum, ok := t.sum(e)
		switch {
		case !ok:
		case skip[step] > 0:
			skip[step]--
		default:
			t.steps[step] = append(t.steps[step], sum)
		}
	})
	return t, err
}

// told tells whether the event was stored before.
func (t *tail) told(e runner.Event) bool {
	step, sum, ok := t.sum(e)
	if !ok {
		return false
	}
	t.done[step]++
	list := t.steps[step]
	if len(list) == 0 {
		return false
	}
	if list[0] != sum { // from here on it goes another way
		t.done[step] += len(list)
		delete(t.steps, step)
		return false
	}
	if t.steps[step] = list[1:]; len(list) == 1 {
		delete(t.steps, step)
	}
	return true
}

// over tells whether the job is where the stream is.
func (t *tail) over() bool { return len(t.steps) == 0 }

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
