package cache

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkLookup is what BuildKit does hundreds of times in a build: a key that
// is not there, which also is tried as a prefix.
func BenchmarkLookup(b *testing.B) {
	s := newSite(b, newFolder(b, b.TempDir()), Options{})
	j := s.job()
	for i := range 3000 {
		e := Entry{Repository: "octo/app", Scope: "refs/heads/main", Key: fmt.Sprint("blob-", i), Version: "v", Created: s.service.creation(), Blob: newBlobKey("octo/app")}
		if _, err := s.store.Put(b.Context(), e.Blob, strings.NewReader(""), 0); err != nil {
			b.Fatal(err)
		}
		if err := s.service.enter(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
	miss := func(b *testing.B) {
		for b.Loop() {
			if got := j.restore("v", "none"); got != "" {
				b.Fatal(got)
			}
		}
	}
	s.service.index.forget()
	b.Run("miss", miss)
	b.Run("exact", func(b *testing.B) {
		for b.Loop() {
			if got := j.call("GetCacheEntryDownloadURL", m{"key": "blob-1234", "version": "v"}); got.text("matched_key") == "" {
				b.Fatal(got)
			}
		}
	})
}
