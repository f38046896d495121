//go:build linux

package serve

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/drydock-ci/drydock/executor/archive"
)

// installed is the program's name in the folder that install fills.
const installed = "drydock-helper"

// install copies the program into dir, for a place that shows dir to other
// containers, and the folder from, if named, into to.
func install(dir, from, to string) error {
	if err := copySelf(filepath.Join(dir, installed)); err != nil {
		return fmt.Errorf("install the helper in %q: %w", dir, err)
	}
	if from == "" {
		return nil
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(archive.Pack(context.Background(), w, from, archive.PackOptions{})) }()
	// The tree is the image's own, links that lead out of it too. The folder it
	// goes to may be another user's.
	inner := func(h *tar.Header) bool { return h.Name != "." }
	if err := archive.Unpack(context.Background(), to, r, archive.Options{Links: archive.KeepLinks, Filter: inner}); err != nil {
		r.CloseWithError(err)
		return fmt.Errorf("copy %q to %q: %w", from, to, err)
	}
	return nil
}

func copySelf(path string) error {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Chmod(0o755) // whatever the umask
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}
