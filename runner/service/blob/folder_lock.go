package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/drydock-ci/drydock/runner/filelock"
)

const lockFolder = ".locks"

// TryLock takes the only lock of that name in the folder, among all processes
// that use it. It ends with release or with the process; ok is false when
// somebody else has it. Any text is a name.
func (f *Folder) TryLock(name string) (release func(), ok bool, err error) {
	if err := f.root.MkdirAll(lockFolder, 0o700); err != nil {
		return nil, false, fmt.Errorf("lock %q: %w", name, noSpace(err))
	}
	sum := sha256.Sum256([]byte(name))
	at := lockFolder + "/" + hex.EncodeToString(sum[:16])
	file, err := f.root.OpenFile(at, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock %q: %w", name, noSpace(err))
	}
	if ok, err := filelock.Try(file); err != nil || !ok || !f.isStill(at, file) {
		file.Close()
		return nil, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locks[file] = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.locks[file] {
			return
		}
		delete(f.locks, file)
		_ = f.root.Remove(at) // under the lock; who has the file open already finds that it is another
		file.Close()
	}, true, nil
}

func (f *Folder) isStill(at string, file *os.File) bool {
	now, err := f.root.Lstat(at)
	if err != nil {
		return false
	}
	ours, err := file.Stat()
	return err == nil && os.SameFile(now, ours)
}
