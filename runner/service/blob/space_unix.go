//go:build unix

package blob

import (
	"errors"
	"fmt"
	"syscall"
)

// noSpace marks a full disk or quota, so that the client hears that it need not try again.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w: free some, or limit the cache's size", ErrNoSpace, err)
	}
	return err
}
