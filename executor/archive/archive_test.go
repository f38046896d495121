package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// stream makes a tar stream; a file holds its own name.
func stream(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg && h.Size == 0 {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, (h.Name + strings.Repeat("x", int(h.Size)))[:h.Size])
		}
	}
	w.Close()
	return buf.Bytes()
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode}
}

func link(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
}

// listing is "name mode" of all below dir, links with their target.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		fi, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %v", rel, fi.Mode())
		if fi.Mode()&fs.ModeSymlink != 0 {
			target, _ := os.Readlink(p)
			line = rel + " -> " + target
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUnpack(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []tar.Header
		o    Options
		want []string
	}{
		{"modes", []tar.Header{file("a", 0o600), file("b", 0o755), {Name: "d/", Typeflag: tar.TypeDir, Mode: 0o500}, file("d/c", 0o444)},
			Options{}, []string{"a -rw-------", "b -rwxr-xr-x", "d dr-x------", "d/c -r--r--r--"}},
		{"set-user-id is dropped", []tar.Header{file("a", 0o4755)}, Options{}, []string{"a -rwxr-xr-x"}},
		{"folders are made", []tar.Header{file("./x/y/z", 0o644)}, Options{}, []string{"x drwxr-xr-x", "x/y drwxr-xr-x", "x/y/z -rw-r--r--"}},
		{"links inside", []tar.Header{file("d/a", 0o644), link("d/l", "../d/a"), link("m", "d")}, Options{},
			[]string{"d drwxr-xr-x", "d/a -rw-r--r--", "d/l -> ../d/a", "m -> d"}},
		{"through a link inside", []tar.Header{file("d/a", 0o644), link("m", "d"), file("m/b", 0o644)}, Options{},
			[]string{"d drwxr-xr-x", "d/a -rw-r--r--", "d/b -rw-r--r--", "m -> d"}},
		{"links to outside kept", []tar.Header{link("l", "/etc"), link("m", "../..")}, Options{Links: KeepLinks}, []string{"l -> /etc", "m -> ../.."}},
		{"links to outside skipped", []tar.Header{link("l", "/etc"), file("a", 0o644)}, Options{Links: SkipLinks}, []string{"a -rw-r--r--"}},
		{"replaced", []tar.Header{file("a", 0o644), link("a", "b"), file("a", 0o600)}, Options{}, []string{"a -rw-------"}},
		{"filter", []tar.Header{file("x/a", 0o644), file("x/b", 0o644)}, Options{Filter: func(h *tar.Header) bool {
			h.Name = strings.TrimPrefix(h.Name, "x/")
			return h.Name == "a"
		}}, []string{"a -rw-r--r--"}},
		{"hard link", []tar.Header{file("a", 0o644), {Name: "h", Typeflag: tar.TypeLink, Linkname: "a"}}, Options{},
			[]string{"a -rw-r--r--", "h -rw-r--r--"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			if err := Unpack(t.Context(), dir, bytes.NewReader(stream(t, c.in...)), c.o); err != nil {
				t.Fatal(err)
			}
			if got := listing(t, dir); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []tar.Header
		o    Options
		want error
	}{
		{"parent", []tar.Header{file("../a", 0o644)}, Options{}, ErrUnsafe},
		{"inner parent", []tar.Header{file("a/../../b", 0o644)}, Options{}, ErrUnsafe},
		{"absolute", []tar.Header{file("/tmp/a", 0o644)}, Options{}, ErrUnsafe},
		{"itself", []tar.Header{file(".", 0o644)}, Options{}, ErrUnsafe},
		{"link out", []tar.Header{link("l", "../x")}, Options{}, ErrUnsafe},
		{"absolute link", []tar.Header{link("l", "/etc/passwd")}, Options{}, ErrUnsafe},
		{"write through a kept link", []tar.Header{link("l", ".."), file("l/a", 0o644)}, Options{Links: KeepLinks}, ErrUnsafe},
		{"folder through a kept link", []tar.Header{link("l", ".."), {Name: "l/d/", Typeflag: tar.TypeDir, Mode: 0o755}}, Options{Links: KeepLinks}, ErrUnsafe},
		{"chain of links", []tar.Header{link("d/e/up", "../.."), link("d/e/l", "up/.."), file("d/e/l/a", 0o644)}, Options{Links: KeepLinks}, ErrUnsafe},
		{"hard link out", []tar.Header{{Name: "h", Typeflag: tar.TypeLink, Linkname: "../x"}}, Options{}, ErrUnsafe},
		{"hard link to a link", []tar.Header{link("l", "/etc/passwd"), {Name: "h", Typeflag: tar.TypeLink, Linkname: "l"}}, Options{Links: KeepLinks}, ErrUnsafe},
		{"device", []tar.Header{{Name: "d", Typeflag: tar.TypeBlock}}, Options{}, ErrUnsafe},
		{"pipe", []tar.Header{{Name: "d", Typeflag: tar.TypeFifo}}, Options{}, ErrUnsafe},
		{"bytes", []tar.Header{file("aaaa", 0o644), file("bbbb", 0o644)}, Options{MaxBytes: 7}, ErrTooLarge},
		{"entries", []tar.Header{file("a", 0o644), file("b", 0o644)}, Options{MaxEntries: 1}, ErrTooLarge},
		{"renamed by the filter", []tar.Header{file("a", 0o644)}, Options{Filter: func(h *tar.Header) bool { h.Name = "../a"; return true }}, ErrUnsafe},
	} {
		t.Run(c.name, func(t *testing.T) {
			outer := t.TempDir()
			dir := filepath.Join(outer, "in")
			err := Unpack(t.Context(), dir, bytes.NewReader(stream(t, c.in...)), c.o)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if got := listing(t, outer); slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "in") }) {
				t.Errorf("wrote outside: %q", got)
			}
		})
	}
}

// A link that was there before is replaced, never written through.
func TestUnpackOverLink(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "in")
	victim := filepath.Join(outer, "victim")
	os.Mkdir(dir, 0o755)
	os.WriteFile(victim, []byte("untouched"), 0o644)
	os.Symlink(victim, filepath.Join(dir, "a"))
	os.Symlink("../victim", filepath.Join(dir, "b"))
	if err := Unpack(t.Context(), dir, bytes.NewReader(stream(t, file("a", 0o644), file("b", 0o644))), Options{}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(victim); string(data) != "untouched" {
		t.Errorf("victim holds %q", data)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(data) != "a" {
		t.Errorf("file holds %q, %v", data, err)
	}
}

func TestUnpackTruncated(t *testing.T) {
	h := file("a", 0o644)
	h.Size = 600_000
	data := stream(t, h)
	for _, n := range []int{100, 512, 1000, 300_000, 600_000} {
		if err := Unpack(t.Context(), t.TempDir(), bytes.NewReader(data[:n]), Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: error %v, want unexpected EOF", n, err)
		}
	}
}

func TestPackPaths(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a", "d/b", "d/skip/x", "d/e/c", "other"} {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(f)), 0o755)
		os.WriteFile(filepath.Join(dir, f), []byte(f), 0o644)
	}
	os.Symlink("b", filepath.Join(dir, "d/l"))
	when := time.Unix(1_600_000_000, 0)
	os.Chtimes(filepath.Join(dir, "a"), when, when)
	var buf bytes.Buffer
	err := PackPaths(t.Context(), &buf, dir, []string{"d/e/c", "a", "gone", "d"}, PackOptions{
		Prefix: "p", Missing: true, Skip: func(p string, d fs.DirEntry) bool { return d.IsDir() && d.Name() == "skip" },
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	tr := tar.NewReader(bytes.NewReader(buf.Bytes()))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	want := []string{"p/d/", "p/d/e/", "p/d/e/c", "p/a", "p/d/b", "p/d/e/c", "p/d/l"}
	if !slices.Equal(names, want) {
		t.Errorf("packed %q, want %q", names, want)
	}
	into := t.TempDir()
	if err := Unpack(t.Context(), into, &buf, Options{Times: true}); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(filepath.Join(into, "p/a"))
	if err != nil || !fi.ModTime().Equal(when) {
		t.Errorf("time %v, %v; want %v", fi.ModTime(), err, when)
	}
	if err := PackPaths(t.Context(), io.Discard, dir, []string{"../x"}, PackOptions{}); err == nil {
		t.Error("a path outside was packed")
	}
	if err := PackPaths(t.Context(), io.Discard, dir, []string{"gone"}, PackOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing path: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stop")
	cancel(cause)
	if err := Unpack(ctx, t.TempDir(), bytes.NewReader(stream(t, file("a", 0o644))), Options{}); !errors.Is(err, cause) {
		t.Errorf("unpack: %v", err)
	}
	if err := Pack(ctx, io.Discard, t.TempDir(), PackOptions{}); !errors.Is(err, cause) {
		t.Errorf("pack: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(stream(f, file("a", 0o644), link("l", ".."), file("l/b", 0o644)))
	f.Add(stream(f, file("d/a", 0o644), link("d/l", "../d"), tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "d/a"}))
	f.Add(stream(f, tar.Header{Name: "x/", Typeflag: tar.TypeDir, Mode: 0o700}, link("x", "/")))
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		for _, links := range []OutsideLinks{RefuseLinks, KeepLinks, SkipLinks} {
			// A sparse file may claim any size.
			_ = Unpack(t.Context(), filepath.Join(outer, "in"), bytes.NewReader(data), Options{Links: links, MaxBytes: 1 << 20, MaxEntries: 100})
		}
		entries, err := os.ReadDir(outer)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "in" {
				t.Errorf("wrote %q outside", e.Name())
			}
		}
		_ = filepath.WalkDir(filepath.Join(outer, "in"), func(p string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() {
				os.Chmod(p, 0o700) // so that the test can clean up
			}
			if d != nil && d.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
				t.Errorf("%q is a %v", p, d.Type())
			}
			return nil
		})
	})
}

// 100 MB in files of 20 kB.
func BenchmarkPackUnpack(b *testing.B) {
	dir := b.TempDir()
	data := bytes.Repeat([]byte("0123456789"), 2000)
	for i := range 5000 {
		p := filepath.Join(dir, fmt.Sprintf("d%d/e/f%d", i/50, i))
		os.MkdirAll(filepath.Dir(p), 0o755)
		os.WriteFile(p, data, 0o644)
	}
	b.SetBytes(5000 * int64(len(data)))
	for b.Loop() {
		r, w := io.Pipe()
		go func() { w.CloseWithError(Pack(b.Context(), w, dir, PackOptions{})) }()
		into := b.TempDir()
		if err := Unpack(b.Context(), into, r, Options{Times: true}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		os.RemoveAll(into)
		b.StartTimer()
	}
}
