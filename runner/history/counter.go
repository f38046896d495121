package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/filelock"
)

// Identity are the id and number of a run that has not begun. A run that never
// begins gives them back.
type Identity struct {
	ID     executor.RunID
	Number int
	file   string
}

// Take gives a new run its id, which grows with every run of this machine's
// user, and its number among the runs of a workflow file in a repository.
func (s *Store) Take(repository, file string) (Identity, error) {
	i := Identity{file: numberFile(repository, file)}
	unlock, err := s.lockCounters()
	if err != nil {
		return i, err
	}
	defer unlock()
	last, err := s.lastID()
	if err != nil {
		return i, err
	}
	number, err := s.counter(i.file)
	if err != nil {
		return i, err
	}
	if err := errors.Join(s.setCounter(idFile, last+1), s.setCounter(i.file, number+1)); err != nil {
		return i, err
	}
	i.ID, i.Number = executor.RunID(strconv.Itoa(last+1)), number+1
	return i, nil
}

// Peek is what Take would give now.
func (s *Store) Peek(repository, file string) Identity {
	last, _ := s.lastID()
	number, _ := s.counter(numberFile(repository, file))
	return Identity{ID: executor.RunID(strconv.Itoa(last + 1)), Number: number + 1}
}

// GiveBack makes the next run have this id and number, if no other run took
// one in the meantime, and tells whether it was so. The run must not have
// begun.
func (s *Store) GiveBack(i Identity) bool {
	unlock, err := s.lockCounters()
	if err != nil {
		return false
	}
	defer unlock()
	last, err := s.counter(idFile)
	if err != nil || strconv.Itoa(last) != string(i.ID) {
		return false
	}
	if number, err := s.counter(i.file); err == nil && number == i.Number {
		_ = s.setCounter(i.file, number-1)
	}
	return s.setCounter(idFile, last-1) == nil
}

const idFile = "run"

// aTime and what is larger is no count: who cannot count takes the time, in
// microseconds, for an id.
const aTime = 1 << 48

// numberFile is the name of a workflow's counter: a hash, since paths and
// names of repositories are no file names.
func numberFile(repository, file string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(repository) + "\x00" + file))
	return "number-" + hex.EncodeToString(sum[:12])
}

// lastID is the highest id so far; folders count too, so that a lost counter
// does no harm.
func (s *Store) lastID() (int, error) {
	last, err := s.counter(idFile)
	if err != nil {
		return 0, err
	}
	for _, id := range s.ids() {
		if n, err := strconv.Atoi(string(id)); err == nil && n < aTime {
			return max(last, n), nil
		}
	}
	return last, nil
}

func (s *Store) counters() string { return filepath.Join(s.state, "counters") }

func (s *Store) counter(name string) (int, error) {
	data, err := os.ReadFile(filepath.Join(s.counters(), name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count runs: %w", err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(data))) // else it starts again
	return max(n, 0), nil
}

func (s *Store) setCounter(name string, n int) error {
	if err := writeFile(filepath.Join(s.counters(), name), []byte(strconv.Itoa(n)+"\n")); err != nil {
		return fmt.Errorf("count runs: %w", err)
	}
	return nil
}

// lockCounters keeps other processes from counting.
func (s *Store) lockCounters() (unlock func(), err error) {
	if err := os.MkdirAll(s.counters(), 0o700); err != nil {
		return nil, fmt.Errorf("count runs: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.counters(), "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("count runs: %w", err)
	}
	if err := filelock.Lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("count runs: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

// writeFile replaces a file at once: who reads it sees the old or the new.
func writeFile(name string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tmp-") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
