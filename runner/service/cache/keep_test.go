package cache

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// setUsed makes an entry's last use so long after now; dir is the store's folder.
func (s *site) setUsed(dir, key string, after time.Duration) {
	s.t.Helper()
	entries, err := s.service.List(s.t.Context(), Filter{Prefix: key})
	if err != nil || len(entries) != 1 {
		s.t.Fatalf("%d entries, %v", len(entries), err)
	}
	at := time.Now().Add(after)
	if err := os.Chtimes(filepath.Join(dir, entries[0].identity().indexKey()), at, at); err != nil {
		s.t.Fatal(err)
	}
}

// all lists the keys, newest first.
func (s *site) all(f Filter) []string {
	s.t.Helper()
	entries, err := s.service.List(s.t.Context(), f)
	if err != nil {
		s.t.Fatal(err)
	}
	keys := []string{}
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys
}

func TestEvictionBySizeTakesTheLeastUsed(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, newFolder(t, dir), Options{MaxBytes: 1000, MaxEntryBytes: 1 << 20})
	j := s.job()
	for i, key := range []string{"a", "b", "c"} {
		j.save(key, "v", strings.Repeat("x", 300))
		s.setUsed(dir, key, time.Duration(i-10)*time.Minute)
	}
	j.restore("v", "a") // used last now
	j.save("d", "v", strings.Repeat("x", 300))
	if got := s.all(Filter{}); !slices.Equal(got, []string{"d", "c", "a"}) {
		t.Errorf("left: %q", got)
	}
	j.save("e", "v", strings.Repeat("x", 1000)) // the new one is kept
	if got := s.all(Filter{}); !slices.Equal(got, []string{"e"}) {
		t.Errorf("left: %q", got)
	}
	c := j.create("f", "v")
	if got := (&job{site: s}).send("PUT", c.text("signed_upload_url"), strings.NewReader(strings.Repeat("x", 1001))); got.status != 413 {
		t.Errorf("larger than the repository may have: %s", got)
	}
	if blobs := count(t, s.store, blobRoot); blobs != 1 {
		t.Errorf("%d blobs are left", blobs)
	}
}

func count(t *testing.T, store blob.Store, prefix string) (n int) {
	t.Helper()
	for _, err := range store.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestEvictionByAgeAndSweep(t *testing.T) {
	dir := t.TempDir()
	store := newFolder(t, dir)
	s := newSite(t, store, Options{MaxAge: 24 * time.Hour})
	j, other := s.job(), s.job(inRepository("octo/other"))
	for _, key := range []string{"old", "fresh"} {
		j.save(key, "v", key)
	}
	other.save("foreign", "v", "x")
	s.setUsed(dir, "old", -25*time.Hour)
	s.setUsed(dir, "foreign", -25*time.Hour)
	s.setUsed(dir, "fresh", -23*time.Hour)
	s.clock.Store(int64(recount)) // the repository is counted again
	j.save("new", "v", "x")
	if got := s.all(Filter{}); !slices.Equal(got, []string{"new", "foreign", "fresh"}) {
		t.Errorf("after a save: %q", got)
	}
	s.clock.Store(0)
	for key, age := range map[string]time.Duration{"orphan": orphanAge + time.Minute, "beingsaved": orphanAge - time.Minute} {
		at := blobRoot + hash("octo/app") + "/" + key
		if _, err := store.Put(t.Context(), at, strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, at), time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.all(Filter{}); !slices.Equal(got, []string{"new", "fresh"}) {
		t.Errorf("after Sweep: %q", got)
	}
	if n := count(t, store, blobRoot); n != 3 {
		t.Errorf("%d blobs are left, want those of 2 entries and one that is being saved", n)
	}
}

func TestListUsageDelete(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, open(t), Options{})
			main, branch, other := s.job(), s.job(onRef("refs/heads/x")), s.job(inRepository("octo/other"))
			main.save("a-1", "v", "12345")
			branch.save("a-2", "v", "123")
			other.save("b", "v", "1")
			for _, c := range []struct {
				f    Filter
				want []string
			}{
				{Filter{}, []string{"b", "a-2", "a-1"}}, {Filter{Repository: "Octo/App"}, []string{"a-2", "a-1"}},
				{Filter{Scope: "refs/heads/x"}, []string{"a-2"}}, {Filter{Prefix: "a-"}, []string{"a-2", "a-1"}}, {Filter{Repository: "none"}, []string{}},
			} {
				if got := s.all(c.f); !slices.Equal(got, c.want) {
					t.Errorf("List(%+v) = %q, want %q", c.f, got, c.want)
				}
			}
			use, err := New(Options{Store: s.store}).Usage(t.Context()) // as the command line does
			if want := []Usage{{"octo/app", 2, 8}, {"octo/other", 1, 1}}; err != nil || !slices.Equal(use, want) {
				t.Errorf("Usage = %v, %v", use, err)
			}
			entries, err := s.service.List(t.Context(), Filter{Prefix: "a-1"})
			if err != nil || len(entries) != 1 || entries[0].Used.IsZero() || entries[0].ID() == 0 {
				t.Fatalf("List: %+v, %v", entries, err)
			}
			for range 2 {
				if err := s.service.Delete(t.Context(), entries[0]); err != nil {
					t.Fatal(err)
				}
			}
			if got := main.restore("v", "a-1"); got != "" {
				t.Errorf("deleted, and restored: %q", got)
			}
			if n := count(t, s.store, ""); n != 4 {
				t.Errorf("%d files are left of 2 entries", n)
			}
			main.save("a-1", "v", "anew")
			if got := main.restore("v", "a-"); got != "a-1: anew" {
				t.Errorf("saved anew: %q", got)
			}
		})
	}
}

func TestEntriesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, newFolder(t, dir), Options{})
	s.job().save("k-1", "v", "text")
	left := s.job().create("k-2", "v")
	s.job().put(left.text("signed_upload_url"), "not finished")
	s.server.Close()
	s.uploads.Close()
	s.store.(*blob.Folder).Close()

	next := newSite(t, newFolder(t, dir), Options{})
	if got := next.job().restore("v", "k-1"); got != "k-1: text" {
		t.Errorf("exact: %q", got)
	}
	if got := next.job().restore("v", "k"); got != "k-1: text" {
		t.Errorf("prefix: %q", got)
	}
	next.job().save("k-2", "v", "now")
}

// What a power cut leaves must neither break a lookup nor block a key.
func TestDamagedEntriesAreMisses(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, newFolder(t, dir), Options{})
	j := s.job()
	damage := map[string]func(index, content string) error{
		"index is empty":     func(index, _ string) error { return os.Truncate(index, 0) },
		"index is cut":       func(index, _ string) error { return os.Truncate(index, 40) },
		"index is nonsense":  func(index, _ string) error { return os.WriteFile(index, []byte(`{"key":"other"}`), 0o600) },
		"content is missing": func(_, content string) error { return os.Remove(content) },
		"content is cut":     func(_, content string) error { return os.Truncate(content, 2) },
		"blob of another repository": func(index, content string) error {
			text, err := os.ReadFile(index)
			if err != nil {
				return err
			}
			return os.WriteFile(index, bytes.Replace(text, []byte(hash("octo/app")), []byte(hash("evil/app")), 1), 0o600)
		},
	}
	for name, harm := range damage {
		j.save(name, "v", "content")
		entries, err := s.service.List(t.Context(), Filter{Prefix: name})
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		e := entries[0]
		if err := harm(filepath.Join(dir, e.identity().indexKey()), filepath.Join(dir, e.Blob)); err != nil {
			t.Fatal(err)
		}
		if got := j.restore("v", name, name[:len(name)-1]); got != "" {
			t.Errorf("%s: %q", name, got)
		}
		j.save(name, "v", "anew")
		if got := j.restore("v", name); got != name+": anew" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Two runs on one machine share the folder: each its own process, here its own
// Folder and Service.
func TestProcessesShareAFolder(t *testing.T) {
	dir := t.TempDir()
	const processes, each = 4, 15
	var sites []*site
	for range processes {
		sites = append(sites, newSite(t, newFolder(t, dir), Options{}))
	}
	var won atomic.Int32
	var wg sync.WaitGroup
	for p, s := range sites {
		j := s.job(inJob(fmt.Sprint("job", p)))
		wg.Go(func() {
			for i := range each {
				j.save(fmt.Sprintf("own-%d-%d", p, i), "v", fmt.Sprint(p, i))
				if got := j.trySave(fmt.Sprintf("shared-%d", i), "v", fmt.Sprint(p)); got.fields["ok"] == true {
					won.Add(1)
				} else if got.text("code") != "already_exists" {
					t.Errorf("shared: %s", got)
				}
				if got := j.restore("v", fmt.Sprintf("own-%d-", p)); got != fmt.Sprintf("own-%d-%d: %d %d", p, i, p, i) {
					t.Errorf("newest of its own: %q", got)
				}
			}
		})
	}
	wg.Wait()
	if won.Load() != each {
		t.Errorf("%d shared entries were saved, want %d", won.Load(), each)
	}
	for p, s := range sites {
		for i := range each {
			for q := range processes {
				key := fmt.Sprintf("own-%d-%d", q, i)
				if got := s.job().restore("v", key); got != fmt.Sprintf("%s: %d %d", key, q, i) {
					t.Errorf("process %d reads %s as %q", p, key, got)
				}
			}
		}
		if got := len(s.all(Filter{})); got != processes*each+each {
			t.Errorf("process %d lists %d", p, got)
		}
	}
	// What one saves or deletes, the other sees at once, also by a prefix.
	a, b := sites[0].job(), sites[1].job()
	for i := range 20 {
		key := fmt.Sprintf("ping#%d", i)
		a.save(key, "v", "x")
		if got := b.restore("v", "ping#"); got != key+": x" {
			t.Fatalf("after %s: %q", key, got)
		}
	}
	for _, e := range must(sites[0].service.List(t.Context(), Filter{Prefix: "ping#"})) {
		sites[0].service.Delete(t.Context(), e)
	}
	if got := b.restore("v", "ping#"); got != "" {
		t.Errorf("deleted by the other: %q", got)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fullStore has no room for blobs.
type fullStore struct {
	*blob.Folder
	full atomic.Bool
}

func (f *fullStore) Create(ctx context.Context, key string, data []byte) (blob.Info, error) {
	if f.full.Load() {
		return blob.Info{}, fmt.Errorf("create blob %q: %w", key, blob.ErrNoSpace)
	}
	return f.Folder.Create(ctx, key, data)
}

func TestFullDiskWhenTheEntryIsWritten(t *testing.T) {
	store := &fullStore{Folder: newFolder(t, t.TempDir())}
	s := newSite(t, store, Options{})
	j := s.job()
	c := j.create("k", "v")
	j.put(c.text("signed_upload_url"), "text")
	store.full.Store(true)
	if got := j.finalize("k", "v", 4); got.status != 507 || got.text("code") != "resource_exhausted" || !strings.Contains(got.text("msg"), "full") {
		t.Errorf("finalize: %s", got)
	}
	store.full.Store(false)
	if got := j.restore("v", "k"); got != "" {
		t.Errorf("half of it is visible: %q", got)
	}
	if n := count(t, store, ""); n != 0 {
		t.Errorf("%d files are left", n)
	}
	j.save("k", "v", "text")
}
