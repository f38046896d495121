package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// The largest transaction: more would let its first delivery wait too long.
const (
	batchCount = 64
	batchBytes = 4 << 20
)

var errClosed = errors.New("the server is shutting down")

// batcher stores what comes while a commit is under way with the next one: a
// commit costs one wait for the disk, however many deliveries are in it.
type batcher struct {
	store   store.Deliveries
	timeout time.Duration
	queue   chan waiting
	stop    chan struct{} // closed: nothing more is taken
	done    chan struct{} // closed: nothing more is stored
	once    sync.Once
}

// waiting is a delivery whose request waits for the answer.
type waiting struct {
	delivery store.Delivery
	answer   chan<- answer
}

type answer struct {
	outcome store.Added
	err     error
}

func startBatcher(s store.Deliveries, queue int, timeout time.Duration) *batcher {
	b := &batcher{store: s, timeout: timeout, queue: make(chan waiting, queue), stop: make(chan struct{}), done: make(chan struct{})}
	go b.run()
	return b
}

func (b *batcher) close() {
	b.once.Do(func() { close(b.stop) })
	<-b.done
}

// add returns when the delivery is on the disk, or will not be. It does not end
// with the request: GitHub may have hung up on a delivery that is being stored.
func (b *batcher) add(d store.Delivery) (store.Added, error) {
	result := make(chan answer, 1)
	select {
	case <-b.stop:
		return "", errClosed
	default:
	}
	select {
	case b.queue <- waiting{d, result}:
	case <-b.stop:
		return "", errClosed
	}
	select {
	case a := <-result:
		return a.outcome, a.err
	case <-b.done:
	}
	select { // both may have happened
	case a := <-result:
		return a.outcome, a.err
	default:
		return "", errClosed
	}
}

func (b *batcher) run() {
	defer close(b.done)
	for {
		select {
		case first := <-b.queue:
			b.commit(b.collect(first))
			continue
		case <-b.stop:
		}
		select { // what was taken before is stored
		case first := <-b.queue:
			b.commit(b.collect(first))
		default:
			return
		}
	}
}

// collect takes what waits already; it waits for nobody.
func (b *batcher) collect(first waiting) []waiting {
	all, size := []waiting{first}, len(first.delivery.Body)
	for len(all) < batchCount && size < batchBytes {
		select {
		case next := <-b.queue:
			all, size = append(all, next), size+len(next.delivery.Body)
		default:
			return all
		}
	}
	return all
}

func (b *batcher) commit(all []waiting) {
	ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
	defer cancel()
	list := make([]store.Delivery, len(all))
	for i, w := range all {
		list[i] = w.delivery
	}
	outcomes, err := b.store.AddDeliveries(ctx, list)
	if err == nil && len(outcomes) != len(all) {
		err = fmt.Errorf("the store tells of %d deliveries, not of %d", len(outcomes), len(all))
	}
	for i, w := range all {
		if err != nil {
			w.answer <- answer{err: err}
			continue
		}
		w.answer <- answer{outcome: outcomes[i]}
	}
}
