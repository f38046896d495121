package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	actionscache "github.com/tonistiigi/go-actions-cache"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// buildkit is the client that BuildKit uses for its type=gha cache.
func (s *site) buildkit(v2 bool, change ...func(*token.Grant)) *actionscache.Cache {
	s.t.Helper()
	j := s.job(change...)
	c, err := actionscache.New(j.bearer, s.server.URL+"/", v2, actionscache.Opt{Timeout: time.Minute})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func load(t *testing.T, c *actionscache.Cache, keys ...string) (key, text string) {
	t.Helper()
	e, err := c.Load(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	if e == nil {
		return "", ""
	}
	var b bytes.Buffer
	if err := e.WriteTo(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return e.Key, b.String()
}

func TestBuildKitClient(t *testing.T) {
	for name, open := range stores(t) {
		for _, v2 := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ",v2=", v2), func(t *testing.T) {
				testBuildKitClient(t, newSite(t, open(t), Options{}), v2)
			})
		}
	}
}

func testBuildKitClient(t *testing.T, s *site, v2 bool) {
	ctx := t.Context()
	c := s.buildkit(v2)
	if key, _ := load(t, c, "buildkit-blob-1-sha256:abc"); key != "" {
		t.Errorf("miss: %q", key)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 350_000) // 5.6 MB: 6 blocks of 1 MiB in version 2
	for key, data := range map[string][]byte{"small": []byte("text"), "big": big} {
		if err := c.Save(ctx, key, actionscache.NewBlob(data)); err != nil {
			t.Fatalf("save %s: %v", key, err)
		}
		if got, text := load(t, c, key); got != key || text != string(data) {
			t.Errorf("load %s: %q with %d bytes", key, got, len(text))
		}
		err := c.Save(ctx, key, actionscache.NewBlob(data))
		var exists actionscache.GithubAPIError
		if err != nil && (!errors.As(err, &exists) || !strings.Contains(err.Error(), "already exists")) {
			t.Errorf("save %s again: %v", key, err)
		}
	}
	e, err := c.Load(ctx, "big")
	if err != nil || e == nil {
		t.Fatal(e, err)
	}
	r := e.Download(ctx) // reads lazily, with ranges
	defer r.Close()
	part := make([]byte, 1000)
	for _, off := range []int64{4_000_000, 17, 5_599_000} {
		if n, err := r.ReadAt(part, off); n != 1000 || err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(part, big[off:off+1000]) {
			t.Errorf("read at %d: %d, %v", off, n, err)
		}
	}
	t.Run("mutable index", func(t *testing.T) {
		for i := range 3 {
			tries := 0
			err := c.SaveMutable(ctx, "index-1", 15*time.Second, func(old *actionscache.Entry) (actionscache.Blob, error) {
				tries++
				text := ""
				if old != nil {
					var b bytes.Buffer
					if err := old.WriteTo(ctx, &b); err != nil {
						return nil, err
					}
					text = b.String()
				}
				return actionscache.NewBlob([]byte(text + fmt.Sprint(i))), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if tries != 1 {
				t.Errorf("update %d took %d tries: the client did not see the newest", i, tries)
			}
		}
		if key, text := load(t, c, "index-1"); key != "index-1#3" && key != "index-1#2" || text != "012" {
			t.Errorf("index: %q %q", key, text)
		}
	})
	t.Run("other refs", func(t *testing.T) {
		branch := s.buildkit(v2, onRef("refs/heads/x"))
		if key, text := load(t, branch, "small"); key != "small" || text != "text" {
			t.Errorf("from the default branch: %q %q", key, text)
		}
		foreign := s.buildkit(v2, inRepository("evil/app"))
		if key, _ := load(t, foreign, "small"); key != "" {
			t.Errorf("another repository: %q", key)
		}
	})
}

func TestBuildKitConcurrentIndexUpdates(t *testing.T) {
	if testing.Short() {
		t.Skip("the client waits 2 seconds at each conflict")
	}
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	const n = 3
	var wg sync.WaitGroup
	for i := range n {
		c := s.buildkit(true, inJob(fmt.Sprint(i)))
		wg.Go(func() {
			err := c.SaveMutable(context.Background(), "index", 2*time.Minute, func(old *actionscache.Entry) (actionscache.Blob, error) {
				var b bytes.Buffer
				if old != nil {
					if err := old.WriteTo(context.Background(), &b); err != nil {
						return nil, err
					}
				}
				fmt.Fprint(&b, i)
				return actionscache.NewBlob(b.Bytes()), nil
			})
			if err != nil {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	_, text := load(t, s.buildkit(true), "index")
	if len(text) != n || strings.Trim(text, "012") != "" {
		t.Errorf("updates were lost: %q", text)
	}
}
