package runner

import (
	"fmt"
	"runtime/debug"
)

// internalError is a panic that was caught: a fault of this program or of one
// of its dependencies, never of the workflow.
type internalError struct {
	value any
	stack []byte
}

// Error leaves the stack to the log: people cannot use it.
func (e *internalError) Error() string { return fmt.Sprintf("internal error: %v", e.value) }

// panicked makes an error of what recover gave.
func panicked(value any) error { return &internalError{value, debug.Stack()} }

// guarded calls f and returns its panic as an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(r)
		}
	}()
	return f()
}
