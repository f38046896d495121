package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// stores are what the suite runs against. A real S3 server joins if
// DRYDOCK_TEST_S3 says "http://host:port bucket access secret".
func stores(t *testing.T) map[string]func(t testing.TB) Store {
	t.Helper()
	all := map[string]func(t testing.TB) Store{
		"folder": func(t testing.TB) Store { return newFolder(t) },
		"s3":     func(t testing.TB) Store { return newFakeS3(t) },
	}
	if text := os.Getenv("DRYDOCK_TEST_S3"); text != "" {
		f := strings.Fields(text)
		if len(f) != 4 {
			t.Fatalf("DRYDOCK_TEST_S3=%q: must be URL BUCKET ACCESS SECRET", text)
		}
		all["realS3"] = func(t testing.TB) Store {
			prefix := "t" + fmt.Sprint(os.Getpid(), atomic.AddInt64(&realPrefix, 1))
			s, err := NewS3(S3Options{Endpoint: f[0], Bucket: f[1], AccessKey: f[2], SecretKey: f[3], PathStyle: true,
				Prefix: strings.ReplaceAll(prefix, " ", "-")})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	return all
}

var realPrefix int64

func newFakeS3(t testing.TB) *S3 {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	// Over plain HTTP the client signs parts in chunks, which this server stores as they come.
	server := httptest.NewTLSServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	s, err := NewS3(S3Options{Endpoint: server.URL, Bucket: "bucket", Region: "us-east-1", AccessKey: "a", SecretKey: "s", PathStyle: true, Prefix: "drydock",
		Transport: server.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func content(t testing.TB, s Store, key string, offset, length int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func keys(t testing.TB, s Store, prefix string) []string {
	t.Helper()
	found := []string{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, info.Key)
	}
	return found
}

func TestStore(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			testStore(t, s)
			if f, ok := s.(*Folder); ok {
				if left, err := fs.ReadDir(f.staging.root.FS(), "."); err != nil || len(left) != 1 { // the lock
					t.Errorf("left in the staging folder: %v, %v", left, err)
				}
			}
		})
	}
}

func testStore(t *testing.T, s Store) {
	ctx := t.Context()
	t.Run("missing", func(t *testing.T) {
		if _, err := s.Stat(ctx, "none/here"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat: %v", err)
		}
		if _, err := s.Open(ctx, "none/here", 0, -1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open: %v", err)
		}
		if err := s.Delete(ctx, "none/here"); err != nil {
			t.Errorf("Delete: %v", err)
		}
		if err := s.Touch(ctx, "none/here"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Touch: %v", err)
		}
		if got := keys(t, s, "none/"); len(got) != 0 {
			t.Errorf("List: %q", got)
		}
	})
	t.Run("put and read", func(t *testing.T) {
		for _, size := range []int64{10, -1} {
			info, err := s.Put(ctx, "a/b/one", strings.NewReader("0123456789"), size)
			if err != nil || info.Key != "a/b/one" || info.Size != 10 || info.Modified.IsZero() {
				t.Fatalf("Put(%d): %+v, %v", size, info, err)
			}
		}
		for _, c := range []struct {
			offset, length int64
			want           string
		}{{0, -1, "0123456789"}, {3, -1, "3456789"}, {3, 4, "3456"}, {8, 10, "89"}, {10, -1, ""}, {20, -1, ""}, {0, 0, ""}} {
			if got := content(t, s, "a/b/one", c.offset, c.length); got != c.want {
				t.Errorf("Open(%d, %d) = %q, want %q", c.offset, c.length, got, c.want)
			}
		}
		if _, err := s.Put(ctx, "a/empty", bytes.NewReader(nil), 0); err != nil {
			t.Fatal(err)
		}
		if got := content(t, s, "a/empty", 0, -1); got != "" {
			t.Errorf("empty blob holds %q", got)
		}
	})
	t.Run("replace and delete", func(t *testing.T) {
		for _, text := range []string{"old", "newer"} {
			if _, err := s.Put(ctx, "r", strings.NewReader(text), -1); err != nil {
				t.Fatal(err)
			}
		}
		if got := content(t, s, "r", 0, -1); got != "newer" {
			t.Errorf("replaced blob holds %q", got)
		}
		if err := s.Touch(ctx, "r"); err != nil {
			t.Errorf("Touch: %v", err)
		}
		if got := content(t, s, "r", 0, -1); got != "newer" {
			t.Errorf("touched blob holds %q", got)
		}
		if err := s.Delete(ctx, "r"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stat(ctx, "r"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat of a deleted one: %v", err)
		}
	})
	t.Run("nothing half", func(t *testing.T) {
		broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("gone")))
		for key, put := range map[string]func() error{
			"half/1": func() error { _, err := s.Put(ctx, "half/1", broken, 10); return err },
			"half/2": func() error { _, err := s.Put(ctx, "half/2", strings.NewReader("four"), 10); return err },
		} {
			if put() == nil {
				t.Errorf("%s: no error", key)
			}
			if _, err := s.Stat(ctx, key); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is visible: %v", key, err)
			}
		}
	})
	t.Run("list", func(t *testing.T) {
		for _, key := range []string{"l/a.b", "l/a/x", "l/a/y", "l/ab", "m/z"} {
			if _, err := s.Put(ctx, key, strings.NewReader(key), -1); err != nil {
				t.Fatal(err)
			}
		}
		for prefix, want := range map[string][]string{
			"l/":   {"l/a.b", "l/a/x", "l/a/y", "l/ab"},
			"l/a/": {"l/a/x", "l/a/y"},
			"l/a":  {"l/a.b", "l/a/x", "l/a/y", "l/ab"},
			"l/ab": {"l/ab"},
			"l/c":  {},
			"l":    {"l/a.b", "l/a/x", "l/a/y", "l/ab"},
		} {
			if got := keys(t, s, prefix); !slices.Equal(got, want) {
				t.Errorf("List(%q) = %q, want %q", prefix, got, want)
			}
		}
		for range s.List(ctx, "l/") { // a caller may stop
			break
		}
	})
	t.Run("exactly one creates", func(t *testing.T) {
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				switch _, err := s.Create(ctx, "c/one", fmt.Appendf(nil, "%02d", i)); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, fs.ErrExist):
					lost.Add(1)
				default:
					t.Errorf("Create: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 15 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
		if got := content(t, s, "c/one", 0, -1); len(got) != 2 {
			t.Errorf("created blob holds %q", got)
		}
	})
	t.Run("deleted while read", func(t *testing.T) {
		text := strings.Repeat("x", 1<<20)
		if _, err := s.Put(ctx, "d", strings.NewReader(text), -1); err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(ctx, "d", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := s.Delete(ctx, "d"); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("read %d bytes: %v", len(got), err)
		}
	})
	t.Run("names", func(t *testing.T) { testNames(t, s) })
}

// evilNames are what attackers of other artifact servers sent as names.
var evilNames = []string{
	"", ".", "..", "/", "/etc/passwd", "../x", "a/../../x", "a/..", "a/./b", "a//b", "a/", "/a", ".staging/x", "a/.hidden",
	`a\..\b`, `..\x`, "a%2e%2e/b", "%2e%2e%2fx", "a\x00b", "a b", "A", "ä", "a\nb", strings.Repeat("a", 201), strings.Repeat("a/", 300) + "a",
}

// act CVE-2023-22726: names with ".." wrote and read outside of the server's folder.
func testNames(t *testing.T, s Store) {
	for _, key := range evilNames {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), 1); err == nil {
			t.Errorf("Put(%q) succeeded", key)
		}
		if _, err := s.Create(t.Context(), key, nil); err == nil {
			t.Errorf("Create(%q) succeeded", key)
		}
		if r, err := s.Open(t.Context(), key, 0, -1); err == nil {
			r.Close()
			t.Errorf("Open(%q) succeeded", key)
		}
		if _, err := s.Stat(t.Context(), key); err == nil {
			t.Errorf("Stat(%q) succeeded", key)
		}
		if s.Delete(t.Context(), key) == nil || s.Touch(t.Context(), key) == nil {
			t.Errorf("Delete or Touch of %q succeeded", key)
		}
	}
}

func TestFolderTraversalBySymlinkStaysInside(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"link/secret", "file"} {
		if r, err := f.Open(t.Context(), key, 0, -1); err == nil {
			r.Close()
			t.Errorf("Open(%q) left the folder", key)
		}
	}
	if _, err := f.Put(t.Context(), "link/new", strings.NewReader("x"), 1); err == nil {
		t.Error("Put left the folder")
	}
	if _, err := os.Stat(filepath.Join(outside, "new")); err == nil {
		t.Error("a file was written outside")
	}
	if got := keys(t, f, ""); len(got) != 0 {
		t.Errorf("List follows links: %q", got)
	}
}

// What a process left that died in the middle goes when the next one starts;
// what a living one writes stays.
func TestFolderSweepsTheStagingOfTheDead(t *testing.T) {
	dir := t.TempDir()
	alive, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	file, name, err := alive.staging.create()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dead, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	left, _, err := dead.staging.create()
	if err != nil {
		t.Fatal(err)
	}
	left.Close()
	dead.staging.held.Close() // the end of the process frees its lock
	dead.root.Close()

	next, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(filepath.Join(dir, stagingFolder, dead.staging.name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the dead one's folder is still there: %v", err)
	}
	if _, err := alive.staging.root.Stat(name); err != nil {
		t.Errorf("the living one's file is gone: %v", err)
	}
	if err := next.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, stagingFolder))
	if err != nil || len(entries) != 2 { // the lock, and the living one's folder
		t.Errorf("left in %s: %v, %v", stagingFolder, entries, err)
	}
}
