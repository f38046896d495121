package expr

// Kind is the type of a Value as the expression language sees it.
type Kind uint8

// The kinds, in the order of GitHub's ValueKind names.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

// String is GitHub's name of the kind ("Boolean", "Array", ...); it is also the text of an array or object.
func (k Kind) String() string {
	switch k {
	case KindBool:
		return "Boolean"
	case KindNumber:
		return "Number"
	case KindString:
		return "String"
	case KindArray:
		return "Array"
	case KindObject:
		return "Object"
	default:
		return "Null"
	}
}

// Value is a value of the expression language. The zero Value is null. Values are immutable: arrays and objects share
// their contents when copied, and two of them are equal only if they are the same array or object.
type Value struct {
	kind Kind
	num  float64 // number; 1 or 0 for a boolean
	str  string
	coll *collection
}

// collection holds the contents of an array (no keys) or object (as many keys as items).
type collection struct {
	items         []Value
	keys          []string
	index         map[string]int // folded key -> position; only for objects with many keys
	caseSensitive bool
	filtered      bool // the result of `*`: a further index applies to each item (Index.cs: FilteredArray)
}

// Bool is a boolean value.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Number is a number value; all numbers are doubles.
func Number(f float64) Value { return Value{kind: KindNumber, num: f} }

// String is a string value.
func String(s string) Value { return Value{kind: KindString, str: s} }

// Array is a new array of the items. The caller gives the slice away.
func Array(items ...Value) Value {
	return Value{kind: KindArray, coll: &collection{items: items}}
}

func filteredArray(items []Value) Value {
	return Value{kind: KindArray, coll: &collection{items: items, filtered: true}}
}

// settled removes the mark of a filtered array, which has a meaning only inside the expression that made it.
func (v Value) settled() Value {
	if v.coll == nil || !v.coll.filtered {
		return v
	}
	return Array(v.coll.items...)
}

// Kind is the type of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull says whether the value is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// isPrimitive says whether the value is no array and no object.
func (v Value) isPrimitive() bool { return v.kind < KindArray }

// Len is the number of items of an array or object, and 0 for everything else.
func (v Value) Len() int {
	if v.coll == nil {
		return 0
	}
	return len(v.coll.items)
}

// Items are the items of an array, or the values of an object in the order of its keys. Do not change the slice.
func (v Value) Items() []Value {
	if v.coll == nil {
		return nil
	}
	return v.coll.items[:len(v.coll.items):len(v.coll.items)]
}

// Keys are the keys of an object in order. Do not change the slice.
func (v Value) Keys() []string {
	if v.coll == nil {
		return nil
	}
	return v.coll.keys[:len(v.coll.keys):len(v.coll.keys)]
}

// Same says whether two values are alike in kind, text, number, keys with their order, and items, at any depth.
// Unlike Equal it respects case and compares contents, so it is what tests want. NaN is the same as NaN.
func (v Value) Same(w Value) bool {
	if v.kind != w.kind || v.str != w.str || v.Len() != w.Len() {
		return false
	}
	if v.num != w.num && (v.num == v.num || w.num == w.num) {
		return false
	}
	if v.coll == nil || v.coll == w.coll {
		return true
	}
	for i, item := range v.coll.items {
		if v.kind == KindObject && v.coll.keys[i] != w.coll.keys[i] {
			return false
		}
		if !item.Same(w.coll.items[i]) {
			return false
		}
	}
	return true
}
