package worker

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/drydock-ci/drydock/runner/filelock"
)

// ownFolder makes a folder in top for this process, which holds the lock of it for as
// long as it lives, and removes those of processes that do not live any more: several
// servers may share a state folder.
func ownFolder(top string) (own string, lock *os.File, err error) {
	if err := os.MkdirAll(top, 0o700); err != nil {
		return "", nil, fmt.Errorf("make the folder for services: %w", err)
	}
	guard, err := os.OpenFile(filepath.Join(top, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("lock the folder for services: %w", err)
	}
	defer guard.Close()
	if err := filelock.Lock(guard); err != nil { // nobody's folder is without its lock meanwhile
		return "", nil, fmt.Errorf("lock the folder for services: %w", err)
	}
	entries, err := os.ReadDir(top)
	if err != nil {
		return "", nil, fmt.Errorf("read the folder for services: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && !inUse(filepath.Join(top, e.Name())) {
			if err := removeAll(filepath.Join(top, e.Name())); err != nil {
				return "", nil, fmt.Errorf("remove what an earlier process left: %w", err)
			}
		}
	}
	own, err = os.MkdirTemp(top, "process-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for services: %w", err)
	}
	if lock, err = os.Open(own); err == nil {
		err = filelock.Lock(lock)
	}
	if err != nil {
		return "", nil, fmt.Errorf("lock the folder %q: %w", own, err)
	}
	return own, lock, nil
}

// inUse tells whether a process holds the lock of a folder.
func inUse(folder string) bool {
	f, err := os.Open(folder)
	if err != nil {
		return false
	}
	defer f.Close()
	free, _ := filelock.Try(f)
	return !free
}
