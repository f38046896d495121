package repository

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps what was used last, within a bound of bytes.
type cache struct {
	mu    sync.Mutex
	max   int
	size  int
	order *list.List // of *kept, the last used first
	byKey map[string]*list.Element
	now   func() time.Time
}

type kept struct {
	key   string
	value any
	cost  int
	until time.Time // zero: for ever, since it is named by a hash
}

func newCache(limit int, now func() time.Time) *cache {
	return &cache{max: limit, order: list.New(), byKey: map[string]*list.Element{}, now: now}
}

func (c *cache) value(key string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return nil, false
	}
	k := e.Value.(*kept)
	if !k.until.IsZero() && !c.now().Before(k.until) {
		c.drop(e)
		return nil, false
	}
	c.order.MoveToFront(e)
	return k.value, true
}

// keep remembers a value; what is larger than a quarter of the cache is not worth it.
func (c *cache) keep(key string, value any, cost int, life time.Duration) {
	cost += len(key) + 128 // what the entry itself takes, about
	if cost > c.max/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.drop(e)
	}
	k := &kept{key: key, value: value, cost: cost}
	if life > 0 {
		k.until = c.now().Add(life)
	}
	c.byKey[key] = c.order.PushFront(k)
	c.size += cost
	for c.size > c.max {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	k := c.order.Remove(e).(*kept)
	delete(c.byKey, k.key)
	c.size -= k.cost
}
