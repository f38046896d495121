package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// folder writes the files of a record. It is used by one goroutine at a time.
type folder struct {
	dir  string
	open map[string]*os.File
}

// write carries out a chunk.
func (f *folder) write(c chunk) error {
	name := filepath.Join(f.dir, filepath.FromSlash(c.name))
	if c.last {
		file := f.open[c.name]
		delete(f.open, c.name)
		if file == nil {
			return nil
		}
		return said(c.name, file.Close())
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return said(c.name, err)
	}
	if c.whole {
		return said(c.name, writeFile(name, c.data))
	}
	file := f.open[c.name]
	if file == nil {
		var err error
		if file, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
			return said(c.name, err)
		}
		if f.open == nil {
			f.open = map[string]*os.File{}
		}
		f.open[c.name] = file
	}
	_, err := file.Write(c.data)
	return said(c.name, err)
}

func (f *folder) close() error {
	var errs []error
	for name, file := range f.open {
		errs = append(errs, said(name, file.Close()))
	}
	f.open = nil
	return errors.Join(errs...)
}

// said adds what was being done to an error.
func said(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write %s: %w", name, err)
}

// encode is JSON for people and programs. Our own types always have some.
func encode(v any) []byte {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		data = []byte("null")
	}
	return append(data, '\n')
}
