package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/drydock-ci/drydock/executor"
)

// Cancel asks the process of a run to cancel it; force also stops what a
// cancelled run lets go on. It does not wait.
func (s *Store) Cancel(id executor.RunID, force bool) error {
	word := "cancel\n"
	if force {
		word = "force\n"
	}
	if err := writeFile(filepath.Join(s.Dir(id), cancelFile), []byte(word)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNoRun
		}
		return fmt.Errorf("cancel run %s: %w", id, err)
	}
	return nil
}

// CancelAsked tells whether somebody asked for it. It costs one look at the
// disk.
func (s *Store) CancelAsked(id executor.RunID) (asked, force bool) {
	data, err := os.ReadFile(filepath.Join(s.Dir(id), cancelFile))
	return err == nil, string(data) == "force\n"
}
