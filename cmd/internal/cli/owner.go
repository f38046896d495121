package cli

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/filelock"
)

// owner is the id of this installation: everything it creates carries it. It
// is made once and kept in the state folder.
func owner(stateDir string) (executor.OwnerID, error) {
	name := filepath.Join(stateDir, "owner")
	data, err := os.ReadFile(name)
	if err == nil && len(data) > 0 {
		return executor.OwnerID(strings.TrimSpace(string(data))), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the owner id: %w", err)
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return "", fmt.Errorf("make the state folder: %w", err)
	}
	id := randomID()
	// Two first starts at once must agree: the link fails for the second.
	tmp := name + "." + id
	if err := os.WriteFile(tmp, []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the owner id: %w", err)
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, name); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("write the owner id: %w", err)
	}
	data, err = os.ReadFile(name)
	return executor.OwnerID(strings.TrimSpace(string(data))), err
}

func randomID() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// runLock tells other processes that a run is alive. The kernel lets go of it
// when the process ends, however it ends.
type runLock struct {
	id   executor.RunID
	file *os.File
	path string
}

func lockFolder(stateDir string) string { return filepath.Join(stateDir, "locks") }

// errRuns says that another process has the run.
var errRuns = errors.New("it is running")

// lockRun takes the lock of a run, and writes into it whose it is.
func lockRun(stateDir string, id executor.RunID) (*runLock, error) {
	dir := lockFolder(stateDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of run locks: %w", err)
	}
	unlock, err := lockLocks(stateDir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	name := filepath.Join(dir, string(id))
	tries := 0
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) // a killed run leaves one
		if err != nil {
			return nil, fmt.Errorf("lock run %s: %w", id, err)
		}
		if ok, err := filelock.Try(f); !ok {
			f.Close()
			// Who asks whether the run is alive has its lock for a moment, too.
			if tries++; err == nil && tries < 10 {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			if err == nil {
				err = errRuns
			}
			return nil, fmt.Errorf("lock run %s: %w", id, err)
		}
		// Its holder may have removed the file just now: then the lock is of a
		// file that nobody sees.
		ours, err1 := f.Stat()
		there, err2 := os.Stat(name)
		if err1 != nil || err2 != nil || !os.SameFile(ours, there) {
			f.Close()
			continue
		}
		if err := errors.Join(f.Truncate(0), writeHolder(f)); err != nil {
			f.Close()
			_ = os.Remove(name)
			return nil, fmt.Errorf("lock run %s: %w", id, err)
		}
		return &runLock{id, f, name}, nil
	}
}

// lockLocks keeps others from taking a lock that is just being made for one
// whose holder died.
func lockLocks(stateDir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(stateDir, "locks.mutex"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the run locks: %w", err)
	}
	if err := filelock.Lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the run locks: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

func (l *runLock) release() {
	_ = os.Remove(l.path)
	_ = l.file.Close()
}

// alive tells whether some process still holds the lock of a run.
func alive(stateDir string) func(executor.RunID) bool {
	return func(id executor.RunID) bool {
		if strings.ContainsAny(string(id), `/\`) {
			return false
		}
		f, err := os.Open(filepath.Join(lockFolder(stateDir), string(id)))
		if err != nil {
			return false
		}
		defer f.Close()
		// Shared, so that two who ask do not take each other for the run.
		ok, _ := filelock.TryShared(f)
		return !ok
	}
}

// dropStaleLocks removes the lock files that no process holds.
func dropStaleLocks(stateDir string) {
	unlock, err := lockLocks(stateDir)
	if err != nil {
		return
	}
	defer unlock()
	entries, err := os.ReadDir(lockFolder(stateDir))
	if err != nil {
		return
	}
	isAlive := alive(stateDir)
	for _, e := range entries {
		if !isAlive(executor.RunID(e.Name())) {
			_ = os.Remove(filepath.Join(lockFolder(stateDir), e.Name()))
		}
	}
}
