package expr

import (
	"slices"
	"sort"
)

// indexedFrom is the number of keys from which an object gets a hash index; below it a scan is faster.
const indexedFrom = 9

// ObjectBuilder collects the keys of an object. It is not safe for concurrent use.
type ObjectBuilder struct {
	c     *collection
	taken bool // Value was called: the next Set must not change what it returned
}

// NewObject begins an object. GitHub's contexts and JSON objects ignore the case of keys; `env` on Linux and macOS
// respects it.
func NewObject(caseSensitive bool) *ObjectBuilder {
	return &ObjectBuilder{c: &collection{caseSensitive: caseSensitive}}
}

// Set adds a key, or replaces its value: the key then keeps its place and its first spelling
// (actions/runner: DictionaryContextData.cs).
func (b *ObjectBuilder) Set(key string, v Value) *ObjectBuilder {
	if b.taken {
		b.c, b.taken = b.c.clone(), false
	}
	b.c.set(key, v)
	return b
}

// Value is the object built so far; the builder may be used further without changing it.
func (b *ObjectBuilder) Value() Value {
	b.taken = true
	return Value{kind: KindObject, coll: b.c}
}

// StringMap is an object of strings with sorted keys.
func StringMap(m map[string]string, caseSensitive bool) Value {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	b := NewObject(caseSensitive)
	for _, k := range keys {
		b.Set(k, String(m[k]))
	}
	return b.Value()
}

// With is a copy of the object in which the key has the value. Anything but an object counts as an empty
// object that ignores case.
func (v Value) With(key string, val Value) Value {
	c := &collection{}
	if v.kind == KindObject {
		c = v.coll.clone()
	}
	c.set(key, val)
	return Value{kind: KindObject, coll: c}
}

// Lookup finds the value of an object's key.
func (v Value) Lookup(key string) (Value, bool) {
	if v.kind != KindObject {
		return Value{}, false
	}
	i := v.coll.find(key)
	if i < 0 {
		return Value{}, false
	}
	return v.coll.items[i], true
}

func (c *collection) clone() *collection {
	d := &collection{
		items:         slices.Clone(c.items),
		keys:          slices.Clone(c.keys),
		caseSensitive: c.caseSensitive,
	}
	d.reindex()
	return d
}

func (c *collection) set(key string, v Value) {
	if i := c.find(key); i >= 0 {
		c.items[i] = v
		return
	}
	c.keys = append(c.keys, key)
	c.items = append(c.items, v)
	if c.index != nil {
		c.index[c.indexKey(key)] = len(c.keys) - 1
	} else {
		c.reindex()
	}
}

func (c *collection) reindex() {
	if len(c.keys) < indexedFrom {
		return
	}
	c.index = make(map[string]int, len(c.keys)+len(c.keys)/2)
	for i, k := range c.keys {
		c.index[c.indexKey(k)] = i
	}
}

func (c *collection) indexKey(key string) string {
	if c.caseSensitive {
		return key
	}
	return fold(key)
}

func (c *collection) find(key string) int {
	if c.index != nil {
		if i, ok := c.lookupIndex(key); ok {
			return i
		}
		return -1
	}
	for i, k := range c.keys {
		if k == key || (!c.caseSensitive && equalFold(k, key)) {
			return i
		}
	}
	return -1
}

// lookupIndex avoids an allocation for the usual short ASCII key.
func (c *collection) lookupIndex(key string) (int, bool) {
	if c.caseSensitive {
		i, ok := c.index[key]
		return i, ok
	}
	var buf [64]byte
	if len(key) <= len(buf) && isASCII(key) {
		b := buf[:len(key)]
		for i := range b {
			b[i] = upperASCII(key[i])
		}
		i, ok := c.index[string(b)]
		return i, ok
	}
	i, ok := c.index[fold(key)]
	return i, ok
}
