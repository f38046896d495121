package action

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Pack writes the folder of an action as a tar stream, without ".git",
// sockets, pipes and devices. Files belong to root, modes are 0755 or 0644. A
// link that leaves the folder is an error; no link is followed.
func Pack(dir string, w io.Writer) error {
	if err := pack(dir, w); err != nil {
		return fmt.Errorf("pack the action folder %q: %w", dir, err)
	}
	return nil
}

func pack(dir string, w io.Writer) error {
	dir, err := filepath.EvalSymlinks(dir) // a walk does not follow its start
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	out := tar.NewWriter(w)
	err = walk(dir, func(rel string, info fs.FileInfo) error {
		header := &tar.Header{Name: rel, Mode: 0o644, ModTime: info.ModTime().Truncate(time.Second), Format: tar.FormatPAX}
		switch {
		case info.IsDir():
			header.Typeflag, header.Name, header.Mode = tar.TypeDir, rel+"/", 0o755
			return out.WriteHeader(header)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := root.Readlink(rel)
			if err != nil {
				return err
			}
			if !insideRoot(rel, filepath.ToSlash(target)) {
				return leaves(rel, target)
			}
			header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, filepath.ToSlash(target), 0o777
			return out.WriteHeader(header)
		}
		in, err := root.Open(rel)
		if err != nil {
			return err
		}
		defer in.Close()
		header.Typeflag, header.Size = tar.TypeReg, info.Size()
		if info.Mode()&0o111 != 0 {
			header.Mode = 0o755
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.CopyN(out, in, info.Size()); err != nil {
			return fmt.Errorf("%q became shorter: %w", rel, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// walkAction visits the files and links of an action's folder in order.
func walkAction(dir string, visit func(rel string, info fs.FileInfo) error) error {
	return walk(dir, func(rel string, info fs.FileInfo) error {
		if info.IsDir() {
			return nil
		}
		return visit(rel, info)
	})
}

// walk visits folders, files and links below dir; ".git" is left out at every
// depth, for it may be a folder with a repository or a file that names one.
func walk(dir string, visit func(rel string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || rel == "." {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.IsDir() && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
			return nil
		}
		return visit(filepath.ToSlash(rel), info)
	})
}
