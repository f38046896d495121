package action

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// fileEntry is one file, link or submodule of a snapshot.
type fileEntry struct {
	Path  string `json:"path"`
	Mode  string `json:"mode"`
	ID    string `json:"id"`
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime,omitempty"` // nanoseconds, as written
}

// record is kept beside a snapshot; it says what must be there.
type record struct {
	SHA string `json:"sha"`
	// Commit is the commit object. Its hash is SHA and it names the tree, so
	// that with it the ids of the files are bound to SHA.
	Commit string      `json:"commit,omitempty"`
	Files  []fileEntry `json:"files"`
}

func readRecord(name string) (*record, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	rec := &record{}
	if err := json.Unmarshal(src, rec); err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	return rec, nil
}

// stat notes size and time of every file.
func (rec *record) stat(root *os.Root) error {
	for i := range rec.Files {
		f := &rec.Files[i]
		if f.Mode == modeSubmodule {
			continue
		}
		info, err := root.Lstat(f.Path)
		if err != nil {
			return err
		}
		f.MTime = info.ModTime().UnixNano()
	}
	return nil
}

// check compares the folder with the record by names, kinds, sizes and times:
// it reads no file.
func (rec *record) check(dir string) error {
	want := make(map[string]*fileEntry, len(rec.Files))
	for i := range rec.Files {
		want[rec.Files[i].Path] = &rec.Files[i]
	}
	seen := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		f := want[filepath.ToSlash(rel)]
		if f == nil || f.Mode == modeSubmodule {
			return fmt.Errorf("%q was added", rel)
		}
		seen++
		info, err := d.Info()
		if err != nil {
			return err
		}
		return f.same(info)
	})
	if err != nil {
		return err
	}
	for _, f := range rec.Files {
		if f.Mode != modeSubmodule {
			seen--
		}
	}
	if seen != 0 {
		return fmt.Errorf("%d files are missing", -seen)
	}
	return nil
}

func (f *fileEntry) same(info fs.FileInfo) error {
	if runtime.GOOS != "windows" {
		kind := modeFile
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			kind = modeLink
		case !info.Mode().IsRegular():
			return fmt.Errorf("%q is no file", f.Path)
		case info.Mode()&0o100 != 0:
			kind = modeExecutable
		}
		if kind != f.Mode {
			return fmt.Errorf("%q has another mode", f.Path)
		}
	}
	if info.Size() != f.Size && f.Mode != modeLink || info.ModTime().UnixNano() != f.MTime {
		return fmt.Errorf("%q was changed", f.Path)
	}
	return nil
}

// anchored tells whether the ids of the files lead to the commit's id.
func (rec *record) anchored() error {
	if rec.Commit == "" {
		return nil
	}
	id, err := objectID(rec.SHA, "commit", int64(len(rec.Commit)), strings.NewReader(rec.Commit))
	if err != nil || id != rec.SHA {
		return fmt.Errorf("the record's commit is not %s", rec.SHA)
	}
	tree, err := treeID(rec.SHA, rec.Files)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(rec.Commit, "tree "+tree+"\n") {
		return fmt.Errorf("the record's files are not those of %s", rec.SHA)
	}
	return nil
}

// verify reads every file and compares its object id.
func (rec *record) verify(ctx context.Context, dir string) error {
	if err := rec.anchored(); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for i := range rec.Files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := rec.Files[i].verify(root); err != nil {
			return err
		}
	}
	return nil
}

func (f *fileEntry) verify(root *os.Root) error {
	var id string
	switch f.Mode {
	case modeSubmodule:
		return nil
	case modeLink:
		target, err := root.Readlink(f.Path)
		if err != nil {
			return err
		}
		id, err = objectID(f.ID, "blob", int64(len(target)), strings.NewReader(target))
		if err != nil {
			return err
		}
	default:
		info, err := root.Lstat(f.Path)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Size() != f.Size {
			return fmt.Errorf("%q was changed", f.Path)
		}
		in, err := root.Open(f.Path)
		if err != nil {
			return err
		}
		defer in.Close()
		if id, err = objectID(f.ID, "blob", f.Size, in); err != nil {
			return fmt.Errorf("read %q: %w", f.Path, err)
		}
	}
	if id != f.ID {
		return fmt.Errorf("%q was changed", f.Path)
	}
	return nil
}

// folderRecord describes a folder that no store made, without a commit.
func folderRecord(ctx context.Context, dir string) (*record, error) {
	dir, err := filepath.EvalSymlinks(dir) // a walk does not follow its start
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	rec := &record{}
	err = walkAction(dir, func(rel string, info fs.FileInfo) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f := fileEntry{Path: rel, Mode: modeFile, Size: info.Size()}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := root.Readlink(rel)
			if err != nil {
				return err
			}
			f.Mode = modeLink
			f.ID, err = objectID("", "blob", int64(len(target)), strings.NewReader(target))
			if err != nil {
				return err
			}
		default:
			if info.Mode()&0o100 != 0 {
				f.Mode = modeExecutable
			}
			in, err := root.Open(rel)
			if err != nil {
				return err
			}
			defer in.Close()
			if f.ID, err = objectID("", "blob", f.Size, in); err != nil {
				return fmt.Errorf("read %q: %w", rel, err)
			}
		}
		rec.Files = append(rec.Files, f)
		return nil
	})
	return rec, err
}

// ContentHash is the id that git would give to the files of a folder as a
// tree, ".git" left out: equal content has equal ids.
func ContentHash(ctx context.Context, dir string) (string, error) {
	rec, err := folderRecord(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("hash %q: %w", dir, err)
	}
	return treeID("", rec.Files)
}
