package executor

import "context"

// Orphans is an optional power of an Environment: to end, before the place
// goes, what ended processes left running, and to tell what that was.
type Orphans interface {
	EndOrphans(ctx context.Context) ([]Orphan, error)
}

// Orphan is a process that outlived the one that started it.
type Orphan struct {
	PID  int    `json:"pid"` // in the place
	Name string `json:"name"`
}
