package stored

import "sync"

// memory remembers values that can be worked out again. When it is full it
// forgets half of them, whichever they are.
type memory[K comparable, V any] struct {
	mu     *sync.Mutex
	most   int
	values map[K]V
}

func newMemory[K comparable, V any](most int) memory[K, V] {
	return memory[K, V]{&sync.Mutex{}, most, map[K]V{}}
}

func (m memory[K, V]) find(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return v, ok
}

func (m memory[K, V]) keep(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shrink()
	m.values[key] = v
}

// make gives the value, which is made if it is not there.
func (m memory[K, V]) make(key K, fresh func() V) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	if !ok {
		m.shrink()
		v = fresh()
		m.values[key] = v
	}
	return v
}

func (m memory[K, V]) shrink() {
	if len(m.values) < m.most {
		return
	}
	for key := range m.values {
		if len(m.values) <= m.most/2 {
			return
		}
		delete(m.values, key)
	}
}
