package store

import (
	"context"
	"time"
)

// Sequence counts the events of a stream from 1, without gaps.
type Sequence int64

// Stream is where events are in order: a job of an attempt, or with Job "" the
// attempt itself.
type Stream = JobKey

// Event is one stored event: what a sink made of a runner.Event, already masked.
type Event struct {
	Sequence Sequence
	At       time.Time // when it was stored
	Data     []byte
}

// Events keeps what the live page and the check runs tell.
type Events interface {
	// AppendEvents stores events as after+1, after+2... in one transaction and
	// returns the last number. A stream has one writer: when the last stored
	// event is not after, that is ErrSequence, unless these very events stand
	// there already.
	AppendEvents(ctx context.Context, s Stream, after Sequence, data [][]byte) (Sequence, error)
	// LastEvent is the number of the last event, 0 when there is none.
	LastEvent(ctx context.Context, s Stream) (Sequence, error)
	// EventsSince lists up to limit events after a number (0: from the start).
	EventsSince(ctx context.Context, s Stream, after Sequence, limit int) ([]Event, error)
	// PruneEvents drops the events of up to limit runs that ended before the
	// time, and tells of how many runs.
	PruneEvents(ctx context.Context, before time.Time, limit int) (int, error)
}
