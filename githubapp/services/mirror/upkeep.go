package mirror

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner/filelock"
)

const (
	maxPacks   = 40 // of a mirror, before they are put together
	sweepEvery = 6 * time.Hour
	lockPoll   = 50 * time.Millisecond
)

// lockFile lies beside the mirror, so that it outlives it. Its time is when the
// mirror was last used.
func (m *Mirror) lockFile(id store.RepositoryID) string {
	return filepath.Join(m.o.Folder, strconv.FormatInt(int64(id), 10)+".lock")
}

// used notes that somebody needs the mirror.
func (m *Mirror) used(id store.RepositoryID) {
	now := m.o.Now()
	_ = os.Chtimes(m.lockFile(id), now, now) // there may be none yet
}

// lock takes the right to change a mirror. A process that was killed may have left a
// git that still works on it: that one is waited for.
func (m *Mirror) lock(ctx context.Context, id store.RepositoryID) (*os.File, error) {
	if err := os.MkdirAll(m.o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of mirrors: %w", err)
	}
	f, err := os.OpenFile(m.lockFile(id), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the mirror: %w", err)
	}
	for {
		ok, err := filelock.Try(f)
		if ok {
			m.used(id)
			return f, nil
		}
		if err == nil {
			select {
			case <-ctx.Done():
				err = fmt.Errorf("another process has it: %w", context.Cause(ctx))
			case <-time.After(lockPoll):
				continue
			}
		}
		_ = f.Close()
		return nil, fmt.Errorf("lock the mirror: %w", err)
	}
}

// tidy puts the packs of many fetches together: each one costs time when something
// is looked for. Nothing is dropped: somebody may be reading it.
func (m *Mirror) tidy(ctx context.Context, dir string, lock *os.File) {
	packs, _ := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if len(packs) <= maxPacks {
		return
	}
	for _, args := range [][]string{{"repack", "-d", "-q", "--geometric=2"}, {"pack-refs", "--all"}} {
		if _, err := run(ctx, command(ctx, dir, lock, environment(), args...), args[0]); err != nil {
			m.o.Log.Warn("tidy a mirror", "folder", dir, "err", err)
			return
		}
	}
}

// sweep removes mirrors that nobody has used for long.
func (m *Mirror) sweep() {
	now := m.o.Now()
	m.mu.Lock()
	due := now.Sub(m.swept) >= sweepEvery
	if due {
		m.swept = now
	}
	m.mu.Unlock()
	if !due {
		return
	}
	entries, err := os.ReadDir(m.o.Folder)
	if err != nil {
		m.o.Log.Warn("look for old mirrors", "err", err)
	}
	for _, e := range entries {
		number, ok := strings.CutSuffix(e.Name(), ".lock")
		id, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil {
			continue
		}
		if err := m.removeOld(store.RepositoryID(id), now); err != nil {
			m.o.Log.Warn("remove an old mirror", "mirror", id, "err", err)
		}
	}
}

func (m *Mirror) removeOld(id store.RepositoryID, now time.Time) error {
	info, err := os.Stat(m.lockFile(id))
	if err != nil || now.Sub(info.ModTime()) < m.o.Limits.Unused {
		return err
	}
	f, err := os.OpenFile(m.lockFile(id), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if ok, err := filelock.Try(f); !ok {
		return err
	}
	// Somebody may have come meanwhile: they have noted it before they looked.
	if info, err = os.Stat(m.lockFile(id)); err != nil || now.Sub(info.ModTime()) < m.o.Limits.Unused {
		return err
	}
	return os.RemoveAll(m.dir(id))
}
