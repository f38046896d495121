package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/drydock-ci/drydock/executor"
)

// own is the folder inside a job's folder that is not the job's.
const own = ".drydock"

// state is what has to be known of a job by a program that did not start it.
// The token is in it: whoever reads the file is the user that the job runs as
// anyway.
type state struct {
	Labels executor.Labels `json:"labels"`
	Token  string          `json:"token"`
	Socket string          `json:"socket"`
	Pid    int             `json:"pid,omitempty"`
	Start  string          `json:"start,omitempty"` // kernel's start time of Pid, so that a later process is not taken for it
}

func readState(dir string) (state, error) {
	var s state
	data, err := os.ReadFile(filepath.Join(dir, own, "state.json"))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

func (s state) write(dir string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, own, "state.json")
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// alive tells whether the helper runs.
func (s state) alive() bool {
	return s.Pid > 0 && s.Start != "" && startTime(s.Pid) == s.Start
}

// removeAll is os.RemoveAll that also gets past folders without write
// permission, such as Go's module cache.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && errors.Is(err, fs.ErrPermission) || err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
