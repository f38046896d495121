package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type zipEntry struct {
	name string
	mode fs.FileMode
	text string
}

func zipped(t testing.TB, entries ...zipEntry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode != 0 {
			h.SetMode(e.mode)
		}
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write([]byte(e.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unzip(t testing.TB, dir string, data []byte, o Options) error {
	t.Helper()
	return Unzip(t.Context(), dir, bytes.NewReader(data), int64(len(data)), o)
}

func TestUnzip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	data := zipped(t, zipEntry{"a.txt", 0, "a"}, zipEntry{"d/", fs.ModeDir | 0o755, ""}, zipEntry{"d/run", 0o4755, "b"}, zipEntry{"./x/y/z", 0o600, ""}, zipEntry{"a.txt", 0o644, "again"})
	if err := unzip(t, dir, data, Options{MaxBytes: 100}); err != nil {
		t.Fatal(err)
	}
	want := []string{"a.txt -rw-r--r--", "d drwxr-xr-x", "d/run -rwxr-xr-x", "x drwxr-xr-x", "x/y drwxr-xr-x", "x/y/z -rw-------"}
	if got := listing(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "a.txt")); string(text) != "again" {
		t.Errorf("a.txt holds %q", text)
	}
}

func TestUnzipRefuses(t *testing.T) {
	bomb := zipped(t, zipEntry{"a", 0o644, strings.Repeat("x", 1<<20)})
	// The same, but the directory claims 10 bytes.
	liar := bytes.Clone(bomb)
	at := bytes.Index(liar, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(liar[at+24:], 10)
	for _, c := range []struct {
		name string
		data []byte
		o    Options
		want error
	}{
		{"parent", zipped(t, zipEntry{"../a", 0, "x"}), Options{}, ErrUnsafe},
		{"inner parent", zipped(t, zipEntry{"a/../../b", 0, "x"}), Options{}, ErrUnsafe},
		{"absolute", zipped(t, zipEntry{"/tmp/a", 0, "x"}), Options{}, ErrUnsafe},
		{"backslash", zipped(t, zipEntry{`..\a`, 0, "x"}), Options{}, ErrUnsafe},
		{"zero byte", zipped(t, zipEntry{"a\x00b", 0, "x"}), Options{}, ErrUnsafe},
		{"itself", zipped(t, zipEntry{".", 0, "x"}), Options{}, ErrUnsafe},
		{"link", zipped(t, zipEntry{"l", fs.ModeSymlink | 0o777, "/etc/passwd"}), Options{}, ErrUnsafe},
		{"device", zipped(t, zipEntry{"d", fs.ModeDevice | 0o644, ""}), Options{}, ErrUnsafe},
		{"pipe", zipped(t, zipEntry{"d", fs.ModeNamedPipe | 0o644, ""}), Options{}, ErrUnsafe},
		{"too many bytes", bomb, Options{MaxBytes: 1 << 19}, ErrTooLarge},
		{"too many in sum", zipped(t, zipEntry{"a", 0, "123"}, zipEntry{"b", 0, "123"}), Options{MaxBytes: 5}, ErrTooLarge},
		{"too many entries", zipped(t, zipEntry{"a", 0, ""}, zipEntry{"b", 0, ""}), Options{MaxEntries: 1}, ErrTooLarge},
		{"more than it claims", liar, Options{MaxBytes: 100}, nil},
		{"no archive", []byte("PK"), Options{}, zip.ErrFormat},
	} {
		outer := t.TempDir()
		err := unzip(t, filepath.Join(outer, "in"), c.data, c.o)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if found := listing(t, outer); len(found) > 2 || len(found) == 2 && !strings.HasPrefix(found[1], "in/a ") {
			t.Errorf("%s: wrote %q", c.name, found)
		}
		if info, err := os.Stat(filepath.Join(outer, "in/a")); err == nil && info.Size() > 100 {
			t.Errorf("%s: wrote %d bytes", c.name, info.Size())
		}
	}
}

// TestUnzipThroughLink: a link that is there already is replaced or refused,
// never followed to outside.
func TestUnzipThroughLink(t *testing.T) {
	outer := t.TempDir()
	in := filepath.Join(outer, "in")
	for _, dir := range []string{in, filepath.Join(outer, "victim")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"d": "../victim", "f": "../victim/f"} {
		if err := os.Symlink(target, filepath.Join(in, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unzip(t, in, zipped(t, zipEntry{"f", 0, "x"}), Options{}); err != nil {
		t.Error(err)
	}
	if err := unzip(t, in, zipped(t, zipEntry{"d/f", 0, "x"}), Options{}); !errors.Is(err, ErrUnsafe) {
		t.Errorf("%v", err)
	}
	if entries, _ := os.ReadDir(filepath.Join(outer, "victim")); len(entries) > 0 {
		t.Errorf("wrote outside: %v", entries)
	}
}

func FuzzUnzip(f *testing.F) {
	f.Add(zipped(f, zipEntry{"a", 0, "x"}, zipEntry{"../b", 0, "y"}))
	f.Add(zipped(f, zipEntry{"l", fs.ModeSymlink | 0o777, ".."}, zipEntry{"l/b", 0o644, "y"}))
	f.Add(zipped(f, zipEntry{"d/", fs.ModeDir | 0o700, ""}, zipEntry{"d/e", 0o755, strings.Repeat("z", 5000)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		_ = unzip(t, filepath.Join(outer, "in"), data, Options{MaxBytes: 1 << 20, MaxEntries: 100})
		entries, err := os.ReadDir(outer)
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, e := range entries {
			if e.Name() != "in" {
				t.Errorf("wrote %q outside", e.Name())
			}
		}
		_ = filepath.WalkDir(filepath.Join(outer, "in"), func(p string, d fs.DirEntry, err error) error {
			if d == nil {
				return nil
			}
			if d.Type()&^fs.ModeDir != 0 {
				t.Errorf("%q is a %v", p, d.Type())
			}
			if info, err := d.Info(); err == nil && d.Type().IsRegular() {
				sum += info.Size()
			}
			return nil
		})
		if sum > 1<<20+1 {
			t.Errorf("wrote %d bytes", sum)
		}
	})
}
