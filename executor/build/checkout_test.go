package build

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCheckout: what git keeps no record of does not reach the builder.
func TestCheckout(t *testing.T) {
	dir := folder(t, "private", "x", "tool", "x", "wide", "x", "sub/f", "x")
	for name, mode := range map[string]fs.FileMode{"private": 0o600, "tool": 0o700, "wide": 0o666 | fs.ModeSetuid, "sub": 0o777 | fs.ModeSticky, "sub/f": 0o640} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("tool", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	f, err := checkout(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err = f.Walk(context.Background(), "", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			got[path] = info.Mode().String()
		}
		return err
	})
	want := map[string]string{"link": "Lrwxrwxrwx", "private": "-rw-r--r--", "sub": "drwxr-xr-x", "sub/f": "-rw-r--r--", "tool": "-rwxr-xr-x", "wide": "-rw-r--r--"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
}

func TestEpoch(t *testing.T) {
	then := time.Unix(1700000000, 0).UTC()
	for name, tt := range map[string]struct {
		r    Request
		want time.Time
	}{
		"nothing":  {Request{}, DefaultEpoch},
		"asked":    {Request{Epoch: then}, then},
		"argument": {Request{Epoch: DefaultEpoch, Args: map[string]string{epochArg: "1700000000"}}, then},
	} {
		if err := tt.r.checkEpoch(); err != nil || !tt.r.Epoch.Equal(tt.want) {
			t.Errorf("%s: %v, %v", name, tt.r.Epoch, err)
		}
	}
	for _, bad := range []string{"", "yesterday", "-1", "1.5"} {
		if err := (&Request{Name: "agenda", Args: map[string]string{epochArg: bad}}).checkEpoch(); err == nil {
			t.Errorf("%q is a time", bad)
		}
	}
}
