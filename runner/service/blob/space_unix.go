//go:build unix

package blob

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// noSpace marks a full disk or quota, so that the client hears that it need not try again.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w: free some, or limit the cache's size", ErrNoSpace, err)
	}
	return err
}

// lock waits for the only lock on f; it goes with the process, however that ends.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }

// locks says that tryLock tells the living from the dead.
const locks = true

// tryLock is false when another process, or another opening of the file, has it.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
