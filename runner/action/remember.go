package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// fresh is how long a remembered ref is used without asking again.
const fresh = time.Hour

// remembered is what a ref named when it was last asked for.
type remembered struct {
	SHA     string    `json:"sha"`
	Name    string    `json:"name"` // full name of the ref
	Checked time.Time `json:"checked"`
}

// memory is the remembered refs of one repository.
type memory map[string]remembered

func readMemory(name string) (memory, error) {
	src, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return memory{}, nil
	}
	if err != nil {
		return nil, err
	}
	m := memory{}
	if err := json.Unmarshal(src, &m); err != nil {
		return nil, fmt.Errorf("read %q: %w: remove the file", name, err)
	}
	for ref, r := range m {
		if !IsCommitID(r.SHA) {
			delete(m, ref)
		}
	}
	return m, nil
}

// writeJSON replaces a file as a whole.
func writeJSON(name string, value any) error {
	src, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(src)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
