package blob

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/drydock-ci/drydock/runner/filelock"
)

// stagingFolder holds one folder for each process that writes; the dot keeps it
// out of the keys.
const stagingFolder = ".staging"

// staging is this process's place for files that are not whole yet. The lock in
// it tells the living from the dead: what a crash left is swept by the next one
// to start.
type staging struct {
	root *os.Root // the process's own folder
	all  *os.Root // .staging
	name string
	held *os.File
	next atomic.Int64
}

func openStaging(root *os.Root, log *slog.Logger) (*staging, error) {
	if err := root.MkdirAll(stagingFolder, 0o700); err != nil {
		return nil, noSpace(err)
	}
	all, err := root.OpenRoot(stagingFolder)
	if err != nil {
		return nil, err
	}
	s := &staging{all: all, name: rand.Text()}
	if err := s.claim(log); err != nil {
		all.Close()
		return nil, noSpace(err)
	}
	return s, nil
}

// claim makes the folder and sweeps the dead ones, both under the one lock of
// all, so that nobody sees a folder that is not locked yet.
func (s *staging) claim(log *slog.Logger) error {
	gate, err := s.all.OpenFile("lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer gate.Close()
	if err := filelock.Lock(gate); err != nil {
		return fmt.Errorf("lock %s: %w", stagingFolder, err)
	}
	s.sweep(log)
	if err := s.all.Mkdir(s.name, 0o700); err != nil {
		return err
	}
	s.held, err = s.all.OpenFile(s.name+"/lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := filelock.Lock(s.held); err != nil {
		return err
	}
	s.root, err = s.all.OpenRoot(s.name)
	return err
}

func (s *staging) sweep(log *slog.Logger) {
	entries, err := fs.ReadDir(s.all.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		f, err := s.all.OpenFile(e.Name()+"/lock", os.O_RDWR, 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			if dead, _ := filelock.Try(f); !dead {
				f.Close()
				continue
			}
		}
		if err := s.all.RemoveAll(e.Name()); err != nil {
			log.Warn("sweep an upload that was left", "folder", e.Name(), "error", err)
		}
		if f != nil {
			f.Close()
		}
	}
}

// create makes a new file; its name is relative to s.root.
func (s *staging) create() (*os.File, string, error) {
	name := strconv.FormatInt(s.next.Add(1), 10)
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	return f, name, noSpace(err)
}

// remove is for files that are not wanted; what stays is swept with the folder.
func (s *staging) remove(name string) { _ = s.root.Remove(name) }

func (s *staging) close() error {
	defer s.all.Close()
	s.root.Close()
	err := s.all.RemoveAll(s.name)
	return errors.Join(err, s.held.Close())
}
