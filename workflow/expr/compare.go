package expr

// Equal is the operator ==: values of different kinds are compared as numbers, strings without regard to case, and
// arrays and objects by identity. NaN equals nothing (actions/runner: EvaluationResult.cs, AbstractEqual).
func (v Value) Equal(w Value) bool {
	v, w = coerce(v, w)
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case KindNull:
		return true
	case KindBool, KindNumber:
		return v.num == w.num
	case KindString:
		return equalFold(v.str, w.str)
	default:
		return v.coll == w.coll
	}
}

// less is the operator <; null, arrays and objects are never less than another of their kind.
func (v Value) less(w Value) bool {
	v, w = coerce(v, w)
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case KindBool, KindNumber:
		return v.num < w.num
	case KindString:
		return compareFold(v.str, w.str) < 0
	default:
		return false
	}
}

// coerce makes numbers of two values of different kinds, except of arrays and objects.
func coerce(v, w Value) (Value, Value) {
	if v.kind == w.kind {
		return v, w
	}
	if v.kind == KindNull || v.kind == KindBool || (v.kind == KindString && w.kind < KindString) {
		v = Number(v.Num())
	}
	if w.kind == KindNull || w.kind == KindBool || (w.kind == KindString && v.kind == KindNumber) {
		w = Number(w.Num())
	}
	return v, w
}
