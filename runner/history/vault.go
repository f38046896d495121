package history

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// A checkpoint holds what the record never does: values of secrets, and what
// claims a place. It is sealed, and its key lies apart from the runs and goes
// with the run's end, so that what is copied or kept of a run can never be
// read. See docs/adr/0008.

const (
	checkpointsFolder = "checkpoints"
	sealedSuffix      = ".sealed"
)

// vault seals the checkpoints of one run. It is used by one goroutine.
type vault struct {
	dir  string // in the run's folder
	key  string // file
	seal cipher.AEAD
}

// head is the first line of a sealed file, in plain.
type head struct {
	Job    plan.LegID `json:"job"`
	Events int        `json:"events"` // of the job, that the record has from before
}

func (s *Store) vault(id executor.RunID) *vault {
	return &vault{dir: filepath.Join(s.Dir(id), checkpointsFolder), key: filepath.Join(s.state, "keys", string(id))}
}

func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// open makes the key with the first checkpoint, or takes the one that is there.
func (v *vault) open() error {
	if v.seal != nil {
		return nil
	}
	for _, dir := range []string{v.dir, filepath.Dir(v.key)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	key, err := os.ReadFile(v.key)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand)
		err = writeFile(v.key, key)
	}
	if err == nil {
		v.seal, err = sealer(key)
	}
	return err
}

// write replaces the checkpoint of a job.
func (v *vault) write(name string, h head, c *runner.Checkpoint) error {
	if err := v.open(); err != nil {
		return said(checkpointsFolder, err)
	}
	first, err := json.Marshal(h)
	if err != nil {
		return said(checkpointsFolder, err)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return said(checkpointsFolder, err)
	}
	out := v.seal.Seal(append(first, '\n'), nil, data, first)
	return said(checkpointsFolder, writeFile(filepath.Join(v.dir, name+sealedSuffix), out))
}

// drop removes the checkpoint of a job.
func (v *vault) drop(name string) { _ = os.Remove(filepath.Join(v.dir, name+sealedSuffix)) }

// empty makes it impossible to go on with the run.
func (v *vault) empty() error {
	v.seal = nil
	err := os.Remove(v.key)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(v.dir))
}

// Saved is the checkpoint of a job.
type Saved struct {
	Job        plan.LegID
	Checkpoint *runner.Checkpoint
	events     int
}

// Checkpoints are those of the jobs that had not ended when the run died.
func (s *Store) Checkpoints(r *Run) ([]Saved, error) {
	v := s.vault(r.ID)
	files, _ := filepath.Glob(filepath.Join(v.dir, "*"+sealedSuffix))
	if len(files) == 0 {
		return nil, nil
	}
	fail := func(err error) ([]Saved, error) {
		return nil, fmt.Errorf("read the checkpoints of run %s: %w", r.ID, err)
	}
	key, err := os.ReadFile(v.key)
	if err != nil {
		return fail(err)
	}
	seal, err := sealer(key)
	if err != nil {
		return fail(err)
	}
	var all []Saved
	slices.Sort(files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fail(err)
		}
		first, rest, _ := bytes.Cut(data, []byte{'\n'})
		var h head
		if err := json.Unmarshal(first, &h); err != nil {
			return fail(fmt.Errorf("%s: %w", path.Base(file), err))
		}
		plain, err := seal.Open(nil, nil, rest, first)
		if err != nil {
			return fail(fmt.Errorf("%s: it was not sealed by this installation, or was changed: %w", path.Base(file), err))
		}
		c := new(runner.Checkpoint)
		if err := json.Unmarshal(plain, c); err != nil {
			return fail(fmt.Errorf("%s: %w", path.Base(file), err))
		}
		all = append(all, Saved{h.Job, c, h.Events})
	}
	return all, nil
}

// beat is how often a run says that it lives.
const beat = 10 * time.Second

// Resumable tells until when a run whose process is gone can be gone on with,
// when its places live on for so long. Zero: it cannot.
func (s *Store) Resumable(id executor.RunID, lives time.Duration) time.Time {
	v := s.vault(id)
	info, err := os.Stat(v.dir)
	if err != nil {
		return time.Time{}
	}
	if files, _ := filepath.Glob(filepath.Join(v.dir, "*"+sealedSuffix)); len(files) == 0 {
		return time.Time{}
	}
	if until := info.ModTime().Add(lives); time.Now().Before(until.Add(beat)) {
		return until
	}
	return time.Time{}
}

// GiveUp makes it impossible to go on with a run. Its record stays.
func (s *Store) GiveUp(id executor.RunID) error {
	if err := s.vault(id).empty(); err != nil {
		return fmt.Errorf("give up run %s: %w", id, err)
	}
	return nil
}
