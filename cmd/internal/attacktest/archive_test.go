package attacktest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/archive"
)

// walled is a folder to unpack into, with something beside it that no archive
// may touch. It holds a link to the outside, as an earlier archive or the
// user may have left.
func walled(t *testing.T) (dir string, check func()) {
	t.Helper()
	base := t.TempDir()
	dir = filepath.Join(base, "a", "b", "into")
	outside := filepath.Join(base, "outside")
	for _, d := range []string{dir, outside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "file"), []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "way-out")); err != nil {
		t.Fatal(err)
	}
	return dir, func() {
		t.Helper()
		if data, err := os.ReadFile(filepath.Join(outside, "file")); err != nil || string(data) != "untouched" {
			t.Errorf("the file outside is %q, %v", data, err)
		}
		err := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(base, name)
			if err == nil && !d.IsDir() && rel != filepath.Join("outside", "file") && !strings.HasPrefix(rel, filepath.Join("a", "b", "into")+"/") {
				t.Errorf("written outside: %q", rel)
			}
			if info, ierr := d.Info(); ierr == nil && info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSetuid) != 0 {
				t.Errorf("%q has the mode %s", rel, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestArtifactDownloadCannotEscape_CVE_2024_42471: whatever a job uploads as a
// zip, `drydock artifacts` writes below one folder, and so much at most.
func TestArtifactDownloadCannotEscape_CVE_2024_42471(t *testing.T) {
	type entry struct {
		name  string
		mode  fs.FileMode
		data  string
		claim uint64 // uncompressed size to claim instead
	}
	for what, c := range map[string]struct {
		entry entry
		most  int64
	}{
		"parent":         {entry{name: "../escaped", data: "x"}, 0},
		"deep parent":    {entry{name: "d/../../escaped", data: "x"}, 0},
		"absolute":       {entry{name: "/tmp/drydock-attacktest-escaped", data: "x"}, 0},
		"backslash":      {entry{name: `..\escaped`, data: "x"}, 0},
		"drive":          {entry{name: `d\..\..\escaped`, data: "x"}, 0},
		"NUL":            {entry{name: "a\x00/../../escaped", data: "x"}, 0},
		"symbolic link":  {entry{name: "l", mode: fs.ModeSymlink | 0o777, data: "../outside/file"}, 0},
		"device":         {entry{name: "dev", mode: fs.ModeDevice | 0o666, data: ""}, 0},
		"pipe":           {entry{name: "pipe", mode: fs.ModeNamedPipe | 0o666, data: ""}, 0},
		"through a link": {entry{name: "way-out/file", data: "x"}, 0},
		"new by a link":  {entry{name: "way-out/new", data: "x"}, 0},
		"bomb":           {entry{name: "bomb", data: strings.Repeat("\x00", 1<<20)}, 1000},
		"lying bomb":     {entry{name: "bomb", data: strings.Repeat("\x00", 1<<20), claim: 10}, 1000},
		"huge claim":     {entry{name: "bomb", data: "x", claim: 1 << 63}, 1000},
	} {
		t.Run(what, func(t *testing.T) {
			dir, check := walled(t)
			var buf bytes.Buffer
			w := zip.NewWriter(&buf)
			h := &zip.FileHeader{Name: c.entry.name, Method: zip.Deflate}
			h.SetMode(c.entry.mode | 0o644)
			f, err := w.CreateHeader(h)
			if err == nil {
				_, err = f.Write([]byte(c.entry.data))
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			data := buf.Bytes()
			if c.entry.claim != 0 {
				data = claim(data, c.entry.claim)
			}
			err = archive.Unzip(t.Context(), dir, bytes.NewReader(data), int64(len(data)), archive.Options{MaxBytes: c.most})
			if err == nil {
				t.Error("it was unpacked")
			}
			check()
			if info, err := os.Stat(filepath.Join(dir, "bomb")); err == nil && info.Size() > 4096 {
				t.Errorf("%d bytes of the bomb were written", info.Size())
			}
		})
	}
	// Many small ones are a bomb, too: by number and by their sum.
	dir, _ := walled(t)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := range 50 {
		f, err := w.Create(strings.Repeat("d/", i+1) + "f")
		if err == nil {
			_, err = f.Write(make([]byte, 100))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Unzip(t.Context(), dir, bytes.NewReader(buf.Bytes()), int64(buf.Len()), archive.Options{MaxEntries: 49}); err == nil {
		t.Error("more entries than allowed were unpacked")
	}
	if err := archive.Unzip(t.Context(), dir, bytes.NewReader(buf.Bytes()), int64(buf.Len()), archive.Options{MaxBytes: 4999}); err == nil {
		t.Error("more bytes than allowed were unpacked")
	}
}

// claim changes the uncompressed size that the central directory tells.
func claim(data []byte, size uint64) []byte {
	data = bytes.Clone(data)
	at := bytes.LastIndex(data, []byte("PK\x01\x02"))
	small := uint32(size)
	if size >= 1<<32 {
		small = 0xfffffffe
	}
	binary.LittleEndian.PutUint32(data[at+24:], small)
	return data
}

// TestTarCannotEscape: the same for tar streams, which move files between this
// machine and places.
func TestTarCannotEscape(t *testing.T) {
	big := strings.Repeat("\x00", 1<<20)
	for what, list := range map[string][]tar.Header{
		"way round":             {{Name: "d/../file", Typeflag: tar.TypeReg, Size: 1}},
		"parent":                {{Name: "../escaped", Typeflag: tar.TypeReg, Size: 1}},
		"absolute":              {{Name: "/tmp/drydock-attacktest-escaped", Typeflag: tar.TypeReg, Size: 1}},
		"link out":              {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../../../outside/file"}},
		"absolute link":         {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}},
		"write through a link":  {{Name: "way-out/file", Typeflag: tar.TypeReg, Size: 1}},
		"folder through a link": {{Name: "way-out/d/", Typeflag: tar.TypeDir}},
		"link by link":          {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "."}, {Name: "a/way-out/new", Typeflag: tar.TypeReg, Size: 1}},
		"hard link out":         {{Name: "h", Typeflag: tar.TypeLink, Linkname: "../../../outside/file"}, {Name: "h", Typeflag: tar.TypeReg, Size: 1}},
		"hard link by a link":   {{Name: "h", Typeflag: tar.TypeLink, Linkname: "way-out/file"}},
		"hard link to a link":   {{Name: "h", Typeflag: tar.TypeLink, Linkname: "way-out"}},
		"device":                {{Name: "dev", Typeflag: tar.TypeBlock, Devmajor: 8}},
		"character device":      {{Name: "dev", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"pipe":                  {{Name: "pipe", Typeflag: tar.TypeFifo}},
		"bomb":                  {{Name: "bomb", Typeflag: tar.TypeReg, Size: 1 << 20}},
		"the folder itself":     {{Name: ".", Typeflag: tar.TypeSymlink, Linkname: "/etc"}},
	} {
		t.Run(what, func(t *testing.T) {
			dir, check := walled(t)
			stream := tarOf(t, big, list...)
			if err := archive.Unpack(t.Context(), dir, bytes.NewReader(stream), archive.Options{MaxBytes: 1000, MaxEntries: 10}); err == nil {
				t.Error("it was unpacked")
			}
			check()
		})
	}
	dir, check := walled(t)
	stream := tarOf(t, big, tar.Header{Name: "tool", Typeflag: tar.TypeReg, Size: 1, Mode: 0o6755})
	if err := archive.Unpack(t.Context(), dir, bytes.NewReader(stream), archive.Options{}); err != nil {
		t.Error(err)
	}
	check() // no set-user-id bit

	// The same with the links that are kept inside a place: none is followed.
	x := onHost(t)
	place, err := x.Create(t.Context(), executor.Spec{Name: "attack", Labels: executor.Labels{Owner: "attacktest", Run: "1", Job: "j"}})
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close(t.Context())
	dir, check = walled(t)
	for _, list := range [][]tar.Header{
		{{Name: "way-out/new", Typeflag: tar.TypeReg, Size: 1}},
		{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: filepath.Join(dir, "../../../outside")}, {Name: "l/new", Typeflag: tar.TypeReg, Size: 1}},
		{{Name: "h", Typeflag: tar.TypeLink, Linkname: "way-out/file"}, {Name: "h", Typeflag: tar.TypeReg, Size: 1}},
	} {
		if err := place.CopyIn(t.Context(), dir, bytes.NewReader(tarOf(t, big, list...))); !executor.IsKind(err, executor.Refused) {
			t.Errorf("copy %s into a place: %v", list[len(list)-1].Name, err)
		}
		check()
	}
}

func tarOf(t *testing.T, content string, list ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range list {
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		err := w.WriteHeader(&h)
		if err == nil && h.Size > 0 {
			_, err = w.Write([]byte(content[:h.Size]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
