package plan

import (
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// Limits of a matrix: legs of one job, and combinations before `exclude`,
// which are bounded so that a hostile file cannot keep the planner busy.
const (
	maxMatrixLegs    = 256
	maxMatrixProduct = 1 << 16
)

// combination is one leg of a matrix.
type combination struct {
	matrix expr.Value   // the matrix context; null when there is no matrix
	shown  []expr.Value // what the display name shows: values before extras of include
}

// combinations expands an evaluated matrix: the cross product, in which the
// first key varies slowest, less exclude, plus include (actions/runner:
// MatrixBuilder.cs).
func combinations(matrix expr.Value) ([]combination, error) {
	vectors, include, exclude, err := matrixParts(matrix)
	if err != nil {
		return nil, err
	}
	includes, err := includeEntries(include, vectors)
	if err != nil {
		return nil, err
	}
	if err := checkExcludes(exclude, vectors); err != nil {
		return nil, err
	}
	product, err := crossProduct(vectors)
	if err != nil {
		return nil, err
	}
	var legs []combination
	for _, values := range product {
		if anyMatches(exclude, values) {
			continue
		}
		merged := values
		for i := range includes {
			if !matches(includes[i].filter, values) {
				continue
			}
			includes[i].used = true
			for k, key := range includes[i].extra.Keys() {
				merged = merged.With(key, includes[i].extra.Items()[k])
			}
		}
		legs = append(legs, combination{matrix: merged, shown: values.Items()})
	}
	for _, entry := range includes {
		if entry.used {
			continue
		}
		own := entry.filter
		for k, key := range entry.extra.Keys() {
			own = own.With(key, entry.extra.Items()[k])
		}
		legs = append(legs, combination{matrix: own, shown: own.Items()})
	}
	if len(legs) > maxMatrixLegs {
		return nil, fmt.Errorf("the matrix has %d combinations, more than the %d that are allowed", len(legs), maxMatrixLegs)
	}
	return legs, nil
}

// matrixParts checks the shape of a matrix and takes it apart.
func matrixParts(matrix expr.Value) (vectors expr.Value, include, exclude []expr.Value, err error) {
	if matrix.Kind() != expr.KindObject {
		return vectors, nil, nil, fmt.Errorf("a matrix must be a mapping, not %s", kindName(matrix))
	}
	b := expr.NewObject(false)
	count := 0
	for i, key := range matrix.Keys() {
		value := matrix.Items()[i]
		if value.Kind() != expr.KindArray {
			return vectors, nil, nil, fmt.Errorf("matrix key '%s' must be a sequence, not %s", key, kindName(value))
		}
		switch key {
		case "include":
			include = value.Items()
		case "exclude":
			exclude = value.Items()
		default:
			if value.Len() == 0 {
				return vectors, nil, nil, fmt.Errorf("matrix vector '%s' does not contain any values", key)
			}
			b.Set(key, value)
			count++
		}
	}
	if count == 0 && len(include) == 0 {
		return vectors, nil, nil, errors.New("a matrix must have at least one vector, or include")
	}
	return b.Value(), include, exclude, nil
}

func crossProduct(vectors expr.Value) ([]expr.Value, error) {
	if vectors.Len() == 0 {
		return nil, nil
	}
	size := 1
	for _, vector := range vectors.Items() {
		if size *= vector.Len(); size > maxMatrixProduct {
			return nil, fmt.Errorf("the matrix has more than %d combinations before exclude", maxMatrixProduct)
		}
	}
	product := make([]expr.Value, 0, size)
	for n := range size {
		b := expr.NewObject(false)
		block := size
		for i, key := range vectors.Keys() {
			vector := vectors.Items()[i]
			block /= vector.Len()
			b.Set(key, vector.Items()[n/block%vector.Len()])
		}
		product = append(product, b.Value())
	}
	return product, nil
}

// includeEntry is an entry of include, split into what must match and what it adds.
type includeEntry struct {
	filter, extra expr.Value
	used          bool
}

func includeEntries(include []expr.Value, vectors expr.Value) ([]includeEntry, error) {
	var entries []includeEntry
	for i, entry := range include {
		if entry.Kind() != expr.KindObject || entry.Len() == 0 {
			return nil, fmt.Errorf("matrix include entry %d must be a mapping with values, not %s", i+1, kindName(entry))
		}
		filter, extra := expr.NewObject(false), expr.NewObject(false)
		for k, key := range entry.Keys() {
			if _, ok := vectors.Lookup(key); ok {
				filter.Set(key, entry.Items()[k])
			} else {
				extra.Set(key, entry.Items()[k])
			}
		}
		entries = append(entries, includeEntry{filter: filter.Value(), extra: extra.Value()})
	}
	return entries, nil
}

func checkExcludes(exclude []expr.Value, vectors expr.Value) error {
	for i, entry := range exclude {
		if entry.Kind() != expr.KindObject || entry.Len() == 0 {
			return fmt.Errorf("matrix exclude entry %d must be a mapping with values, not %s", i+1, kindName(entry))
		}
		for _, key := range entry.Keys() {
			if _, ok := vectors.Lookup(key); !ok {
				return fmt.Errorf("matrix exclude key '%s' is no key of the matrix", key)
			}
		}
	}
	return nil
}

func anyMatches(filters []expr.Value, values expr.Value) bool {
	for _, filter := range filters {
		if matches(filter, values) {
			return true
		}
	}
	return false
}

// matches tells whether every leaf of the filter == the same leaf of v; what v
// lacks counts as null.
func matches(filter, v expr.Value) bool {
	switch filter.Kind() {
	case expr.KindObject:
		for i, key := range filter.Keys() {
			part, _ := v.Lookup(key)
			if !matches(filter.Items()[i], part) {
				return false
			}
		}
		return true
	case expr.KindArray:
		for i, item := range filter.Items() {
			var part expr.Value
			if v.Kind() == expr.KindArray && i < v.Len() {
				part = v.Items()[i]
			}
			if !matches(item, part) {
				return false
			}
		}
		return true
	default:
		return v.Equal(filter)
	}
}

// kindName is the kind of a value in the words of YAML.
func kindName(v expr.Value) string {
	switch v.Kind() {
	case expr.KindNull:
		return "nothing"
	case expr.KindArray:
		if v.Len() == 0 {
			return "an empty sequence"
		}
		return "a sequence"
	case expr.KindObject:
		if v.Len() == 0 {
			return "an empty mapping"
		}
		return "a mapping"
	default:
		return "'" + v.Text() + "'"
	}
}
