package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

func TestOwnerStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	ids := make([]executor.OwnerID, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { ids[i], _ = owner(dir) })
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("two first starts disagree: %q", ids)
		}
	}
}

func TestRunLock(t *testing.T) {
	dir := t.TempDir()
	l, err := lockRun(dir, "17")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockRun(dir, "17"); !errors.Is(err, errRuns) {
		t.Errorf("two have one run: %v", err)
	}
	if p, err := holder(dir, "17"); err != nil || p.Pid != os.Getpid() {
		t.Errorf("holder %v, %v", p, err)
	}
	isAlive := alive(dir)
	dropStaleLocks(dir)
	if !isAlive(l.id) || isAlive("other") || isAlive("../owner") {
		t.Error("the wrong run is alive")
	}
	// As a killed process leaves it.
	stale := filepath.Join(lockFolder(dir), "stale")
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := holder(dir, "stale"); err == nil {
		t.Errorf("a dead run is of process %d", p.Pid)
	}
	if again, err := lockRun(dir, "stale"); err != nil {
		t.Errorf("a new attempt of a killed run: %v", err)
	} else {
		_ = again.file.Close() // killed too
	}
	dropStaleLocks(dir)
	if _, err := os.Stat(stale); err == nil {
		t.Error("a stale lock stays")
	}
	l.release()
	if left, _ := os.ReadDir(lockFolder(dir)); len(left) > 0 || isAlive(l.id) {
		t.Errorf("left: %v", left)
	}
}

// TestRunLocksAtOnce: runs that start while others clean up keep their locks.
func TestRunLocksAtOnce(t *testing.T) {
	dir := t.TempDir()
	stop := make(chan struct{})
	var cleaners, runs sync.WaitGroup
	for range 4 {
		cleaners.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					dropStaleLocks(dir)
				}
			}
		})
	}
	for i := range 8 {
		runs.Go(func() {
			for k := range 100 {
				l, err := lockRun(dir, executor.RunID(strconv.Itoa(100*i+k/2))) // each twice
				if err != nil {
					t.Error(err)
					return
				}
				if !alive(dir)(l.id) {
					t.Error("a run that has just begun looks dead")
				}
				l.release()
			}
		})
	}
	runs.Wait()
	close(stop)
	cleaners.Wait()
}
