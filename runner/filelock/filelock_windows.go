package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Lock waits for the only lock.
func Lock(f *os.File) error {
	_, err := lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK)
	return err
}

// Try takes the only lock, or tells at once that somebody has one.
func Try(f *os.File) (bool, error) {
	return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
}

// TryShared takes a lock beside which others may share it, or tells at once that
// somebody has the only one.
func TryShared(f *os.File) (bool, error) { return lock(f, windows.LOCKFILE_FAIL_IMMEDIATELY) }

func lock(f *os.File, flags uint32) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
