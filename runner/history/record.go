package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Recording is what is known of a run, or an attempt of one, when it begins.
type Recording struct {
	Run     Run // all but Started, Finished, Conclusion, PID, Secrets
	Plan    *plan.Plan
	Payload []byte // the event's, JSON
	Given   Given
	// Secrets are the values that must not be written anywhere.
	Secrets map[string]string
	// Notice is told, once at most, that the record ends early. It is called
	// from another goroutine.
	Notice func(text string)
}

// Given are the values that were handed to the run beside its event.
type Given struct {
	Inputs map[string]string `json:"inputs,omitempty"`
	Vars   map[string]string `json:"vars,omitempty"`
	Env    map[string]string `json:"env,omitempty"`
}

// Record begins the record of an attempt. An earlier attempt in the run's
// folder moves below attempts/. The caller holds the run's lock, and Closes
// the Recorder.
func (s *Store) Record(o Recording) (*Recorder, error) {
	run := o.Run
	dir := s.Dir(run.ID)
	run.Started, run.PID, run.mark = time.Now(), os.Getpid(), newMark()
	run.Secrets = append([]string{}, slices.Sorted(maps.Keys(o.Secrets))...)
	hidden := hider(o.Secrets, run.mark)
	arguments := []string{}
	for _, a := range run.Arguments {
		arguments = append(arguments, hidden.Replace(a))
	}
	run.Arguments = arguments
	fail := func(err error) (*Recorder, error) {
		return nil, fmt.Errorf("record run %s: %w", run.ID, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(err)
	}
	if err := s.retire(run.ID, run.Attempt); err != nil {
		return fail(err)
	}
	if err := s.vault(run.ID).empty(); err != nil { // of an attempt that died
		return fail(err)
	}
	for name, v := range map[string]any{planFile: o.Plan, givenFile: o.Given, eventFile: json.RawMessage(orNull(o.Payload))} {
		data, err := json.Marshal(v)
		if err == nil {
			err = writeFile(filepath.Join(dir, name), append(hide(data, o.Secrets, run.mark), '\n'))
		}
		if err != nil {
			return fail(fmt.Errorf("write %s: %w", name, err))
		}
	}
	if err := writeRun(dir, &run); err != nil {
		return fail(err)
	}
	return newRecorder(dir, &run, s.vault(run.ID), o.Notice, nil), nil
}

func orNull(data []byte) []byte {
	if len(data) == 0 {
		return []byte("null")
	}
	return data
}

// Plan is the plan of an attempt. The secrets fill in what was left out of the
// record because it repeated one.
func (s *Store) Plan(r *Run, secrets map[string]string) (*plan.Plan, error) {
	p := new(plan.Plan)
	if err := s.read(r, planFile, secrets, p); err != nil {
		return nil, err
	}
	if p.Graph == nil {
		return nil, fmt.Errorf("read %s of run %s: it holds no plan", planFile, r.ID)
	}
	return p, nil
}

// Given are the values that an attempt was given.
func (s *Store) Given(r *Run, secrets map[string]string) (Given, error) {
	var g Given
	err := s.read(r, givenFile, secrets, &g)
	return g, err
}

// Payload is the event's payload, JSON.
func (s *Store) Payload(r *Run, secrets map[string]string) ([]byte, error) {
	var raw json.RawMessage
	err := s.read(r, eventFile, secrets, &raw)
	return raw, err
}

// CompleteArguments are those of `run`, with what was left out filled in.
func (r *Run) CompleteArguments(secrets map[string]string) ([]string, error) {
	data, err := json.Marshal(r.Arguments)
	if err == nil {
		data, err = restore(data, secrets, r.mark)
	}
	if err != nil {
		return nil, fmt.Errorf("read the arguments of run %s: %w", r.ID, err)
	}
	var out []string
	err = json.Unmarshal(data, &out)
	return out, err
}

func (s *Store) read(r *Run, name string, secrets map[string]string, v any) error {
	data, err := os.ReadFile(filepath.Join(s.folder(r), name))
	if err == nil {
		data, err = restore(data, secrets, r.mark)
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("read %s of run %s: %w", name, r.ID, err)
	}
	return nil
}

// Jobs are those of an attempt, in the order of their first event.
func (s *Store) Jobs(r *Run) ([]*Job, error) {
	var all jobs
	for e, err := range s.Events(r) {
		if err != nil {
			return nil, err
		}
		all.apply(e)
	}
	return all.list, nil
}

// Attempts are the numbers of all attempts of a run that are kept, in order.
func (s *Store) Attempts(r *Run) []int {
	latest, err := readRun(s.Dir(r.ID))
	if err != nil {
		return nil
	}
	var out []int
	for n := 1; n < latest.Attempt; n++ {
		if _, err := os.Stat(filepath.Join(s.attempt(r.ID, n), runFile)); err == nil {
			out = append(out, n)
		}
	}
	return append(out, latest.Attempt)
}

// perAttempt are the files of one attempt; run.json comes last, since it says
// whose the others are.
var perAttempt = []string{jobsFolder, eventsFile, planFile, eventFile, givenFile, cancelFile, runFile}

// retire moves the files of an earlier attempt out of the way.
func (s *Store) retire(id executor.RunID, attempt int) error {
	old, err := readRun(s.Dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if old.Attempt >= attempt {
		return fmt.Errorf("attempt %d has begun before", attempt)
	}
	to := s.attempt(id, old.Attempt)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range perAttempt {
		err := os.Rename(filepath.Join(s.Dir(id), name), filepath.Join(to, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
