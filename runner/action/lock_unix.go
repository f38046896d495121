//go:build unix

package action

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock of an open file, which the system frees with the
// process. Two opens of one file exclude each other within a process too.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
