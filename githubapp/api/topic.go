package api

import (
	"context"
	"sync"
	"time"
)

// topics are things that are looked at again and again while somebody watches:
// once for all who do. A watcher that is slow misses versions, never the last.
type topics struct {
	mu   sync.Mutex
	open map[string]*topic
}

func newTopics() *topics { return &topics{open: map[string]*topic{}} }

type topic struct {
	watchers int // guarded by topics.mu
	stop     context.CancelFunc

	mu      sync.Mutex
	value   any
	changed chan struct{}
}

// join makes a watcher; look gives the value, and false when it is as before.
func (ts *topics) join(name string, every time.Duration, look func(context.Context) (any, bool)) (t *topic, leave func()) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t = ts.open[name]
	if t == nil {
		ctx, stop := context.WithCancel(context.Background())
		t = &topic{changed: make(chan struct{}), stop: stop}
		ts.open[name] = t
		go t.run(ctx, every, look)
	}
	t.watchers++
	return t, func() {
		ts.mu.Lock()
		defer ts.mu.Unlock()
		if t.watchers--; t.watchers == 0 {
			t.stop()
			delete(ts.open, name)
		}
	}
}

func (t *topic) run(ctx context.Context, every time.Duration, look func(context.Context) (any, bool)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if value, is := look(ctx); is {
			t.mu.Lock()
			t.value = value
			close(t.changed)
			t.changed = make(chan struct{})
			t.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// now is the value, nil before the first look, and what tells of the next one.
func (t *topic) now() (value any, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value, t.changed
}
