package blob

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const benchSize = 1 << 30

// source is a file of 1 GiB in the page cache.
func source(b *testing.B) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "source"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	buf := make([]byte, 1<<20)
	for i := range buf {
		buf[i] = byte(i * 31 >> 4)
	}
	for range benchSize / len(buf) {
		if _, err := f.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

// BenchmarkTransfer compares what a client does with copying a file.
func BenchmarkTransfer(b *testing.B) {
	from := source(b)
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			to, err := os.Create(filepath.Join(b.TempDir(), "copy"))
			if err != nil {
				b.Fatal(err)
			}
			from.Seek(0, io.SeekStart)
			if n, err := io.Copy(to, from); err != nil || n != benchSize {
				b.Fatal(n, err)
			}
			to.Close()
			os.Remove(to.Name())
		}
	})
	b.Run("put", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			s := newSite(b, newFolder(b), 0)
			id, link := s.begin()
			send(b, link, from, 0, benchSize)
			s.end(id)
		}
	})
	b.Run("put in 64 MiB blocks, 8 at once", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			s := newSite(b, newFolder(b), 0)
			id, link := s.begin()
			putBlocks(b, link, from, 64<<20, 8)
			s.end(id)
		}
	})
	b.Run("put in 8 MiB blocks, 5 at once", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			s := newSite(b, newFolder(b), 0)
			id, link := s.begin()
			putBlocks(b, link, from, 8<<20, 5)
			s.end(id)
		}
	})
	b.Run("get", func(b *testing.B) {
		s := newSite(b, newFolder(b), 0)
		from.Seek(0, io.SeekStart)
		if _, err := s.store.Put(b.Context(), "done/x", from, benchSize); err != nil {
			b.Fatal(err)
		}
		link := s.sign("x", Read)
		b.SetBytes(benchSize)
		for b.Loop() {
			fetch(b, link, io.Discard)
		}
	})
	b.Run("put and get, both to a file", func(b *testing.B) {
		b.SetBytes(2 * benchSize)
		for b.Loop() {
			s := newSite(b, newFolder(b), 0)
			id, link := s.begin()
			putBlocks(b, link, from, 64<<20, 8)
			if _, err := s.uploads.Commit(b.Context(), id, "done/x", benchSize, ""); err != nil {
				b.Fatal(err)
			}
			to, err := os.Create(filepath.Join(b.TempDir(), "got"))
			if err != nil {
				b.Fatal(err)
			}
			fetch(b, s.sign("x", Read), to)
			to.Close()
			os.Remove(to.Name())
			s.store.Delete(b.Context(), "done/x")
		}
	})
}

// end commits, and removes what was written.
func (s *site) end(id UploadID) {
	if _, err := s.uploads.Commit(s.t.Context(), id, "done/x", benchSize, ""); err != nil {
		s.t.Fatal(err)
	}
	s.store.Delete(s.t.Context(), "done/x")
}

func send(b testing.TB, link string, from *os.File, off, length int64) {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, link, io.NewSectionReader(from, off, length))
	if err != nil {
		b.Error(err)
		return
	}
	r.ContentLength = length
	answer, err := client.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		b.Errorf("put: %s", answer.Status)
	}
}

var client = &http.Client{Transport: &http.Transport{WriteBufferSize: 256 << 10, ReadBufferSize: 256 << 10}}

func putBlocks(b testing.TB, link string, from *os.File, size int64, parallel int) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	var numbers []int
	for i := range benchSize / size {
		numbers = append(numbers, int(i))
		slots <- struct{}{}
		wg.Go(func() {
			send(b, link+"&comp=block&blockid="+url.QueryEscape(blockID(int(i))), from, i*size, size)
			<-slots
		})
	}
	wg.Wait()
	if a := do(b, http.MethodPut, link+"&comp=blocklist", strings.NewReader(listOf(numbers...))); a.status != http.StatusCreated {
		b.Fatal(a)
	}
}

func fetch(b testing.TB, link string, to io.Writer) {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, link, nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	if n, err := copyBuffer(to, answer.Body); err != nil || n != benchSize {
		b.Fatal(fmt.Errorf("%d bytes: %w", n, err))
	}
}
