package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// kinds are sites on each kind of store.
func kinds(t *testing.T) map[string]func(t testing.TB) *site {
	t.Helper()
	all := map[string]func(t testing.TB) *site{}
	for name, open := range stores(t) {
		all[name] = func(t testing.TB) *site { return newSite(t, open(t), 0) }
	}
	return all
}

// finish commits an upload and gives what a client then downloads.
func (s *site) finish(id UploadID, name string) string {
	s.t.Helper()
	if _, err := s.uploads.Commit(s.t.Context(), id, "done/"+name, -1, ""); err != nil {
		s.t.Fatal(err)
	}
	return do(s.t, http.MethodGet, s.sign(name, Read), nil).body
}

func TestBlocksInParallelAndOutOfOrder(t *testing.T) {
	for name, open := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			id, link := s.begin()
			const n = 40
			want := ""
			parts := make([]string, n)
			numbers := make([]int, n)
			for i := range n {
				size := 3000
				if i == n-1 {
					size = 17
				}
				parts[i], numbers[i] = strings.Repeat(string(rune('a'+i%26)), size), i
				want += parts[i]
			}
			var wg sync.WaitGroup
			for _, i := range rand.Perm(n) {
				wg.Go(func() {
					if a := s.putBlock(link, i, parts[i]); a.status != http.StatusCreated {
						t.Errorf("block %d: %+v", i, a)
					}
				})
			}
			wg.Wait()
			a := do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(listOf(numbers...)), "x-ms-blob-content-type", "application/zip")
			if a.status != http.StatusCreated || a.header.Get("ETag") == "" {
				t.Fatalf("block list: %+v", a)
			}
			if up, err := s.uploads.Stat(id); err != nil || !up.Sealed || up.Size != int64(len(want)) || up.ContentType != "application/zip" {
				t.Errorf("Stat: %+v, %v", up, err)
			}
			if got := s.finish(id, "blocks"); got != want {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

func TestBlockListCases(t *testing.T) {
	s := newSite(t, newFolder(t), 0)
	for _, c := range []struct {
		name   string
		blocks []string // of index i
		list   []int
		want   string
	}{
		{"in order", []string{"aaa", "bbb", "c"}, []int{0, 1, 2}, "aaabbbc"},
		{"other order", []string{"aaa", "bbb", "c"}, []int{2, 0, 1}, "caaabbb"},
		{"not all", []string{"aaa", "bbb", "c"}, []int{0, 2}, "aaac"},
		{"first two", []string{"aaa", "bbb", "c"}, []int{0, 1}, "aaabbb"},
		{"twice", []string{"aaa", "bbb"}, []int{0, 1, 0}, "aaabbbaaa"},
		{"none", nil, []int{}, ""},
		{"empty block", []string{"aaa", "", "b"}, []int{0, 1, 2}, "aaab"},
		{"all lengths", []string{"a", "bbbbbb", "cc", "ddddddddd"}, []int{0, 1, 2, 3}, "abbbbbbccddddddddd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, link := s.begin()
			for i, text := range c.blocks {
				if a := s.putBlock(link, i, text); a.status != http.StatusCreated {
					t.Fatalf("block %d: %+v", i, a)
				}
			}
			for range 2 { // the list may be sent again
				if a := do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(listOf(c.list...))); a.status != http.StatusCreated {
					t.Fatalf("list: %+v", a)
				}
			}
			if got := s.finish(id, strings.ReplaceAll(c.name, " ", "-")); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestBlockReplacedAndListedAgain(t *testing.T) {
	s := newSite(t, newFolder(t), 0)
	id, link := s.begin()
	list := func(n ...int) {
		t.Helper()
		if a := do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(listOf(n...))); a.status != http.StatusCreated {
			t.Fatalf("list: %+v", a)
		}
	}
	s.putBlock(link, 0, "old")
	s.putBlock(link, 1, "one")
	s.putBlock(link, 0, "new!")
	list(0, 1)
	s.putBlock(link, 1, "ONE")
	if a := s.putBlock(link, 7, "not listed, must not show"); a.status != http.StatusCreated {
		t.Fatal(a)
	}
	if got := do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(listOf(0, 9))); got.status != http.StatusBadRequest || got.header.Get("X-Ms-Error-Code") != "InvalidBlockList" {
		t.Fatalf("missing id: %+v", got)
	}
	list(0, 1, 7)
	list(0, 1)
	if got := s.finish(id, "again"); got != "new!ONE" {
		t.Errorf("got %q", got)
	}
}

func TestInvalidBlockLists(t *testing.T) {
	s := newSite(t, newFolder(t), 0)
	_, link := s.begin()
	s.putBlock(link, 0, "x")
	for name, body := range map[string]string{
		"missing":  listOf(0, 1),
		"no xml":   "hello",
		"empty":    "",
		"cut":      `<BlockList><Latest>MDA=</Latest>`,
		"other":    `<List><Latest>MDA=</Latest></List>`,
		"element":  `<BlockList><Newest>` + blockID(0) + `</Newest></BlockList>`,
		"entities": `<!DOCTYPE x [<!ENTITY a "aaaa">]><BlockList><Latest>&a;</Latest></BlockList>`,
	} {
		a := do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(body))
		if a.status != http.StatusBadRequest || a.header.Get("X-Ms-Error-Code") != "InvalidBlockList" || !strings.Contains(a.body, "<Code>InvalidBlockList</Code>") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for _, tag := range []string{"Latest", "Committed", "Uncommitted"} {
		body := "\ufeff<?xml version='1.0'?><BlockList>\n <" + tag + ">" + blockID(0) + "</" + tag + ">\n</BlockList>"
		if a := do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(body[3:])); a.status != http.StatusCreated {
			t.Errorf("%s: %+v", tag, a)
		}
	}
}

func TestPutErrors(t *testing.T) {
	s := newSite(t, newFolder(t), 100)
	_, link := s.begin()
	id := url.QueryEscape(blockID(1))
	for _, c := range []struct {
		name, method, link, body string
		headers                  []string
		status                   int
		code                     string
	}{
		{"too large", "PUT", link, strings.Repeat("x", 101), nil, 413, "RequestBodyTooLarge"},
		{"block too large", "PUT", link + "&comp=block&blockid=" + id, strings.Repeat("x", 101), nil, 413, "RequestBodyTooLarge"},
		{"no block id", "PUT", link + "&comp=block", "x", nil, 400, "InvalidBlobOrBlock"},
		{"bad block id", "PUT", link + "&comp=block&blockid=..%2F..%2Fx", "x", nil, 400, "InvalidBlobOrBlock"},
		{"long block id", "PUT", link + "&comp=block&blockid=" + strings.Repeat("A", 120), "x", nil, 400, "InvalidBlobOrBlock"},
		{"append", "PUT", link + "&comp=appendblock", "x", nil, 400, "UnsupportedQueryParameter"},
		{"append blob", "PUT", link, "", []string{"x-ms-blob-type", "AppendBlob"}, 400, "UnsupportedQueryParameter"},
		{"md5", "PUT", link, "x", []string{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "Md5Mismatch"},
		{"block md5", "PUT", link + "&comp=block&blockid=" + id, "x", []string{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "Md5Mismatch"},
		{"get of an upload", "GET", link, "", nil, 403, "AuthorizationPermissionMismatch"},
		{"delete", "DELETE", link, "", nil, 405, "UnsupportedHttpVerb"},
		{"post", "POST", link, "x", nil, 405, "UnsupportedHttpVerb"},
	} {
		a := do(t, c.method, c.link, strings.NewReader(c.body), c.headers...)
		if a.status != c.status || a.header.Get("X-Ms-Error-Code") != c.code || !strings.Contains(a.body, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
	if a := do(t, "PUT", link, strings.NewReader("x"), "If-None-Match", "*", "Content-MD5", "ndTkYSaMgDT1yFZOFVxnpg=="); a.status != 201 {
		t.Errorf("first put: %+v", a)
	}
	if a := do(t, "PUT", link, strings.NewReader("x"), "If-None-Match", "*"); a.status != 409 || a.header.Get("X-Ms-Error-Code") != "BlobAlreadyExists" {
		t.Errorf("second put with If-None-Match: %+v", a)
	}
}

// chunked hides the length of a body.
type chunked struct{ io.Reader }

func TestPutWithoutContentLength(t *testing.T) {
	s := newSite(t, newFolder(t), 1<<20)
	id, link := s.begin()
	if a := do(t, http.MethodPut, link, chunked{strings.NewReader("whole")}); a.status != http.StatusCreated {
		t.Fatalf("whole: %+v", a)
	}
	for i, text := range []string{"ab", "cdef", "g"} {
		if a := do(t, http.MethodPut, link+"&comp=block&blockid="+url.QueryEscape(blockID(i)), chunked{strings.NewReader(text)}); a.status != http.StatusCreated {
			t.Fatalf("block: %+v", a)
		}
	}
	if a := do(t, http.MethodPut, link+"&comp=blocklist", chunked{strings.NewReader(listOf(0, 1, 2))}); a.status != http.StatusCreated {
		t.Fatalf("list: %+v", a)
	}
	big := do(t, http.MethodPut, link, chunked{bytes.NewReader(make([]byte, 1<<20+1))})
	if big.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %+v", big)
	}
	if got := s.finish(id, "chunked"); got != "abcdefg" {
		t.Errorf("got %q", got)
	}
}

// A client that goes away in the middle leaves nothing that is visible, and what
// was whole before stays so.
func TestClientGoesAway(t *testing.T) {
	folder := newFolder(t)
	s := newSite(t, folder, 0)
	id, link := s.begin()
	if a := do(t, http.MethodPut, link, strings.NewReader("first")); a.status != http.StatusCreated {
		t.Fatal(a)
	}
	for _, query := range []string{"", "&comp=block&blockid=" + url.QueryEscape(blockID(0))} {
		at, _ := url.Parse(link + query)
		conn, err := net.Dial("tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "PUT "+at.RequestURI()+" HTTP/1.1\r\nHost: "+at.Host+"\r\nContent-Length: 1000\r\n\r\nhalf")
		time.Sleep(20 * time.Millisecond)
		conn.Close()
	}
	deadline := time.Now().Add(time.Minute)
	for { // the staging folder holds its lock and the upload's file again
		entries, err := os.ReadDir(filepath.Join(folder.root.Name(), stagingFolder, folder.staging.name))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("staging holds %v", entries)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := s.finish(id, "left"); got != "first" {
		t.Errorf("got %q", got)
	}
}

func TestRangesOutOfOrderAndOverlapping(t *testing.T) {
	for name, open := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			id, _ := s.begin()
			want := make([]byte, 100_000)
			for i := range want {
				want[i] = byte(i * 7 >> 3)
			}
			var offsets []int
			for off := 0; off < len(want); off += 900 { // each overlaps the next by 100
				offsets = append(offsets, off)
			}
			rand.Shuffle(len(offsets), func(i, j int) { offsets[i], offsets[j] = offsets[j], offsets[i] })
			var wg sync.WaitGroup
			for _, off := range offsets {
				wg.Go(func() {
					part := want[off:min(off+1000, len(want))]
					if err := s.uploads.PutRange(t.Context(), id, int64(off), bytes.NewReader(part), int64(len(part))); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if _, err := s.uploads.Commit(t.Context(), id, "done/short", int64(len(want)-1), ""); !errors.Is(err, ErrSize) {
				t.Errorf("commit with another size: %v", err)
			}
			if _, err := s.uploads.Commit(t.Context(), id, "done/ranges", int64(len(want)), ""); err != nil {
				t.Fatal(err)
			}
			if got := do(t, http.MethodGet, s.sign("ranges", Read), nil).body; got != string(want) {
				t.Error("the blob is another")
			}
		})
	}
}

func TestCommitErrors(t *testing.T) {
	s := newSite(t, newFolder(t), 0)
	ctx := t.Context()
	hole, _ := s.begin()
	s.uploads.PutRange(ctx, hole, 0, strings.NewReader("ab"), 2)
	s.uploads.PutRange(ctx, hole, 3, strings.NewReader("d"), 1)
	late, _ := s.begin()
	s.uploads.PutRange(ctx, late, 1, strings.NewReader("d"), 1)
	nothing, _ := s.begin()
	blocks, link := s.begin()
	s.putBlock(link, 0, "x")
	whole, link := s.begin()
	do(t, http.MethodPut, link, strings.NewReader("x"))
	gone, _ := s.begin()
	s.uploads.Abort(gone)
	for _, c := range []struct {
		name   string
		id     UploadID
		size   int64
		digest string
		want   error
	}{
		{"hole", hole, 4, "", ErrIncomplete},
		{"start is missing", late, 2, "", ErrIncomplete},
		{"nothing", nothing, 0, "", ErrIncomplete},
		{"no list", blocks, 1, "", ErrIncomplete},
		{"size", whole, 2, "", ErrSize},
		{"digest", whole, 1, strings.Repeat("0", 64), ErrDigest},
		{"aborted", gone, 1, "", ErrUnknown},
		{"unknown", "nonsense", 1, "", ErrUnknown},
	} {
		if _, err := s.uploads.Commit(ctx, c.id, "done/x", c.size, c.digest); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := s.store.Stat(ctx, "done/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is visible: %v", err)
	}
	for _, key := range evilNames {
		if _, err := s.uploads.Commit(ctx, whole, key, 1, ""); err == nil {
			t.Errorf("commit as %q succeeded", key)
		}
	}
	if _, err := s.uploads.Commit(ctx, whole, "done/x", 1, ""); err != nil {
		t.Errorf("after all errors: %v", err)
	}
}

func TestAbortOwnerAndIdleUploads(t *testing.T) {
	s := newSite(t, newFolder(t), 0)
	a, linkA := s.begin()
	b, err := s.uploads.Begin("another job", 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.uploads.AbortOwner("job"); n != 1 {
		t.Errorf("AbortOwner ended %d", n)
	}
	if _, err := s.uploads.Stat(a); !errors.Is(err, ErrUnknown) {
		t.Errorf("Stat: %v", err)
	}
	if got := do(t, http.MethodPut, linkA, strings.NewReader("x")); got.status != http.StatusNotFound {
		t.Errorf("put after the job's end: %+v", got)
	}
	if n := s.uploads.sweep(time.Now().Add(29 * time.Minute)); n != 0 {
		t.Errorf("swept %d that are not idle", n)
	}
	if n := s.uploads.sweep(time.Now().Add(31 * time.Minute)); n != 1 {
		t.Errorf("swept %d", n)
	}
	if _, ok := s.uploads.Active(b); ok {
		t.Error("the idle upload is still there")
	}
}

// A writer that is slower than the block list or the commit cannot change what
// was sealed.
func TestLateWriterChangesNothing(t *testing.T) {
	for _, inOrder := range []bool{true, false} {
		s := newSite(t, newFolder(t), 0)
		id, link := s.begin()
		s.putBlock(link, 0, "aaaa")
		s.putBlock(link, 1, "bbbb")
		body, feed := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- s.uploads.PutBlock(context.Background(), id, blockID(2), body, 8) }()
		io.WriteString(feed, "cccc")
		list, want := []int{0, 1}, "aaaabbbb"
		if !inOrder {
			list, want = []int{1, 0}, "bbbbaaaa"
		}
		if a := do(t, http.MethodPut, link+"&comp=blocklist", strings.NewReader(listOf(list...))); a.status != http.StatusCreated {
			t.Fatalf("%+v", a)
		}
		got := s.finish(id, "late")
		io.WriteString(feed, "dddd")
		feed.Close()
		if err := <-done; err == nil {
			t.Error("the late block was taken")
		}
		if again := do(t, http.MethodGet, s.sign("late", Read), nil).body; got != want || again != want {
			t.Errorf("got %q and %q, want %q", got, again, want)
		}
	}
}

func TestSpans(t *testing.T) {
	var s spans
	for _, sp := range []span{{10, 5}, {0, 5}, {20, 5}, {5, 0}, {14, 7}} {
		s = s.cover(sp)
	}
	if want := (spans{{0, 5}, {10, 15}}); !slices.Equal(s, want) {
		t.Errorf("cover: %v, want %v", s, want)
	}
	if s = s.cover(span{5, 5}); !slices.Equal(s, spans{{0, 25}}) {
		t.Errorf("cover of the gap: %v", s)
	}
	var taken spans
	taken = taken.add(span{10, 10}).add(span{0, 5})
	for sp, want := range map[span]bool{{5, 5}: true, {4, 2}: false, {19, 1}: false, {20, 9}: true, {0, 100}: false, {9, 1}: true, {9, 2}: false} {
		if got := taken.free(sp); got != want {
			t.Errorf("free(%v) = %v", sp, got)
		}
	}
	if taken = taken.remove(span{10, 0}).remove(span{0, 5}); !slices.Equal(taken, spans{{10, 10}}) {
		t.Errorf("remove: %v", taken)
	}
}
