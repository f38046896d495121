package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/drydock-ci/drydock/executor"
)

// Store are the runs below a state folder. Any number of processes may use
// one at the same time.
type Store struct {
	state string
}

// Open gives the runs of a state folder, which need not exist.
func Open(state string) *Store { return &Store{state} }

// Dir is the folder of a run.
func (s *Store) Dir(id executor.RunID) string { return filepath.Join(s.runs(), string(id)) }

// Artifacts is the folder that holds the artifacts of a run, of all attempts.
func (s *Store) Artifacts(id executor.RunID) string { return filepath.Join(s.Dir(id), "artifacts") }

func (s *Store) runs() string { return filepath.Join(s.state, "runs") }

// ids are those of all folders, the newest first.
func (s *Store) ids() []executor.RunID {
	entries, err := os.ReadDir(s.runs())
	if err != nil {
		return nil
	}
	var ids []executor.RunID
	for _, e := range entries {
		if id, err := ParseID(e.Name()); err == nil && e.IsDir() {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, newer)
	return ids
}

// Runs are the latest attempts of the runs that keep accepts, at most limit of
// them (0: all), the newest first. What cannot be read is left out.
func (s *Store) Runs(limit int, keep func(*Run) bool) []*Run {
	var out []*Run
	for _, id := range s.ids() {
		if limit > 0 && len(out) == limit {
			break
		}
		if r, err := s.Run(id, 0); err == nil && (keep == nil || keep(r)) {
			out = append(out, r)
		}
	}
	return out
}

// ErrNoRun says that there is no such run, or no such attempt of it.
var ErrNoRun = errors.New("there is no such run")

// Run reads one attempt of a run; 0 is the latest.
func (s *Store) Run(id executor.RunID, attempt int) (*Run, error) {
	r, err := readRun(s.Dir(id))
	if err == nil && attempt > 0 && attempt != r.Attempt {
		r, err = readRun(s.attempt(id, attempt))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read run %s: %w", id, ErrNoRun)
	}
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	r.ID = id // whatever the file says, it names the folder
	return r, nil
}

// attempt is the folder of an attempt that is not the latest.
func (s *Store) attempt(id executor.RunID, n int) string {
	return filepath.Join(s.Dir(id), attempts, strconv.Itoa(n))
}

// folder holds the files of a run.
func (s *Store) folder(r *Run) string {
	if latest, err := readRun(s.Dir(r.ID)); err == nil && latest.Attempt == r.Attempt {
		return s.Dir(r.ID)
	}
	return s.attempt(r.ID, r.Attempt)
}

// file is run.json: a Run and the mark.
type file struct {
	Run
	Mark string `json:"mark"`
}

func readRun(dir string) (*Run, error) {
	data, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", runFile, err)
	}
	f.Run.mark = f.Mark
	return &f.Run, nil
}

func writeRun(dir string, r *Run) error {
	data, err := json.MarshalIndent(file{*r, r.mark}, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, runFile), append(data, '\n'))
}

// Names in the folder of a run.
const (
	runFile    = "run.json"
	planFile   = "plan.json"
	eventFile  = "event.json"
	givenFile  = "given.json"
	eventsFile = "events.jsonl"
	jobsFolder = "jobs"
	attempts   = "attempts"
	cancelFile = "cancel"
)
