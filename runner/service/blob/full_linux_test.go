package blob

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk of 4 MiB that fills: the answer says so, nothing half is visible, and
// the room comes back.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("drydock-test", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("mounting a small disk takes root: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	folder, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, folder, 0)
	t.Cleanup(func() { // in front of the unmounting
		s.server.Close()
		s.uploads.Close()
		folder.Close()
	})
	big := make([]byte, 6<<20)
	id, link := s.begin()
	whole := do(t, http.MethodPut, link, bytes.NewReader(big))
	block := do(t, http.MethodPut, link+"&comp=block&blockid="+url.QueryEscape(blockID(0)), bytes.NewReader(big))
	for name, a := range map[string]reply{"whole": whole, "block": block} {
		if a.status != http.StatusInsufficientStorage || a.header.Get("X-Ms-Error-Code") != "InsufficientStorage" || !strings.Contains(a.body, "no space left") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if err := s.uploads.PutRange(t.Context(), id, 0, bytes.NewReader(big), int64(len(big))); !errors.Is(err, ErrNoSpace) && !errors.Is(err, ErrBlock) {
		t.Errorf("range: %v", err)
	}
	s.uploads.Abort(id)
	if _, err := folder.Put(t.Context(), "done/x", bytes.NewReader(big), -1); !errors.Is(err, ErrNoSpace) {
		t.Errorf("Put: %v", err)
	}
	if _, err := folder.Stat(t.Context(), "done/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half of it is visible: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, stagingFolder, folder.staging.name))
	if err != nil || len(entries) != 1 { // the lock
		t.Errorf("left: %v, %v", entries, err)
	}
	// Blocks that fit, but not twice, and the list wants them in another order.
	id, link = s.begin()
	for i := range 3 {
		s.putBlock(link, i, strings.Repeat("x", 1<<20))
	}
	list := func(n ...int) reply {
		return do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(listOf(n...)))
	}
	if a := list(2, 1, 0); a.status != http.StatusInsufficientStorage {
		t.Errorf("list that takes a copy: %+v", a)
	}
	if a := list(0, 1, 2); a.status != http.StatusCreated {
		t.Errorf("list that takes none: %+v", a)
	}
	if got := s.finish(id, "fits"); len(got) != 3<<20 {
		t.Errorf("got %d bytes", len(got))
	}
}
