//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Lock waits for the only lock.
func Lock(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// Try takes the only lock, or tells at once that somebody has one.
func Try(f *os.File) (bool, error) { return try(f, syscall.LOCK_EX) }

// TryShared takes a lock beside which others may share it, or tells at once that
// somebody has the only one.
func TryShared(f *os.File) (bool, error) { return try(f, syscall.LOCK_SH) }

func try(f *os.File, how int) (bool, error) {
	err := flock(f, how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
