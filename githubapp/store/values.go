package store

import "context"

// Values are small things that must outlive the process, by name: ticks of
// schedules, cursors of the reconciler.
type Values interface {
	// Value is nil when there is none.
	Value(ctx context.Context, name string) ([]byte, error)
	// SwapValue sets a value if it is still old (nil: if there is none), else
	// ErrConflict: of several servers exactly one makes a step. A nil value
	// deletes.
	SwapValue(ctx context.Context, name string, old, value []byte) error
	// ListValues lists the values whose names begin with the prefix.
	ListValues(ctx context.Context, prefix string) (map[string][]byte, error)
}
