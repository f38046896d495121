package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// Keep says how much of the past stays. Zero of a field is no limit.
type Keep struct {
	Runs  int
	Age   time.Duration // since a run began
	Bytes int64         // of all folders together, artifacts too
}

// doomed is the prefix of folders that are being removed.
const doomed = ".removed-"

// Prune removes the oldest runs beyond what is to be kept, whole folders. Claim
// takes the lock of a run, so that nobody begins an attempt of it meanwhile,
// or fails for one that is alive: those stay, whatever they count.
func (s *Store) Prune(ctx context.Context, k Keep, claim func(executor.RunID) (release func(), ok bool)) ([]executor.RunID, error) {
	s.removeDoomed()
	var removed []executor.RunID
	var errs []error
	var bytes int64
	kept := 0
	for _, id := range s.ids() {
		if ctx.Err() != nil {
			break
		}
		dir := s.Dir(id)
		size := folderSize(dir)
		tooMany := k.Runs > 0 && kept >= k.Runs
		tooOld := k.Age > 0 && time.Since(began(dir)) > k.Age
		tooLarge := k.Bytes > 0 && kept > 0 && bytes+size > k.Bytes // the newest stays in any case
		if !tooMany && !tooOld && !tooLarge {
			kept++
			bytes += size
			continue
		}
		release, ok := claim(id)
		if !ok {
			kept++
			bytes += size
			continue
		}
		err := s.Remove(id)
		release()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, id)
	}
	return removed, errors.Join(errs...)
}

// Remove removes the folder of a run. It takes its name away first, so that
// nobody meets half a run.
func (s *Store) Remove(id executor.RunID) error {
	if err := s.vault(id).empty(); err != nil {
		return fmt.Errorf("remove run %s: %w", id, err)
	}
	away := filepath.Join(s.runs(), doomed+string(id)+"-"+newMark())
	if err := os.Rename(s.Dir(id), away); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove run %s: %w", id, err)
	}
	if err := os.RemoveAll(away); err != nil {
		return fmt.Errorf("remove run %s: %w", id, err)
	}
	return nil
}

// removeDoomed ends what a killed process began.
func (s *Store) removeDoomed() {
	entries, _ := os.ReadDir(s.runs())
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), doomed) {
			_ = os.RemoveAll(filepath.Join(s.runs(), e.Name()))
		}
	}
}

// began is when the latest attempt in a folder did.
func began(dir string) time.Time {
	if r, err := readRun(dir); err == nil {
		return r.Started
	}
	if info, err := os.Stat(dir); err == nil {
		return info.ModTime()
	}
	return time.Now()
}

func folderSize(dir string) int64 {
	var size int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what vanishes meanwhile has no size
		}
		if info, err := d.Info(); err == nil && d.Type().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
