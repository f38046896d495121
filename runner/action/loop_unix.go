//go:build unix

package action

import (
	"errors"
	"syscall"
)

// isLoop tells a link that leads nowhere because it leads to itself.
func isLoop(err error) bool { return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) }
