package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Lines are whole lines of an attempt's events as they are written, about limit
// bytes of them, from a place in the record on: 0, or next of an earlier call. A
// line that is longer than the limit comes alone.
func (s *Store) Lines(r *Run, from int64, limit int) (lines []byte, next int64, err error) {
	f, err := os.Open(filepath.Join(s.folder(r), eventsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, from, nil // it has only just begun
	}
	if err != nil {
		return nil, from, fmt.Errorf("read the events of run %s: %w", r.ID, err)
	}
	defer f.Close()
	for limit <= maxEvent {
		buf := make([]byte, limit)
		n, err := f.ReadAt(buf, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, from, fmt.Errorf("read the events of run %s: %w", r.ID, err)
		}
		if end := bytes.LastIndexByte(buf[:n], '\n'); end >= 0 {
			return buf[:end+1], from + int64(end) + 1, nil
		}
		if n < limit {
			return nil, from, nil // the rest is being written
		}
		limit *= 4
	}
	return nil, from, fmt.Errorf("read the events of run %s: a line has more than %d bytes", r.ID, maxEvent)
}

// Summary is what the steps of a job wrote to GITHUB_STEP_SUMMARY.
func (s *Store) Summary(r *Run, j *Job) (string, error) {
	data, err := os.ReadFile(filepath.Join(s.folder(r), filepath.FromSlash(j.Folder), "summary.md"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the summary of job %q of run %s: %w", j.ID, r.ID, err)
	}
	return string(data), nil
}
