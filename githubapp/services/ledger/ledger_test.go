package ledger_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
)

func open(t *testing.T) *ledger.Ledger {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return ledger.New(s)
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// build n is of the n-th minute.
func build(service string, n int, published bool) ledger.Build {
	b := ledger.Build{
		Service: service, Repository: 7, Run: store.RunID(n), Attempt: 1, Commit: fmt.Sprintf("c%d", n), Ref: "refs/heads/main",
		Published: published, Time: start.Add(time.Duration(n) * time.Minute),
	}
	if published {
		b.Digest = fmt.Sprintf("sha256:%d", n)
	}
	return b
}

func TestLedger(t *testing.T) {
	l, ctx := open(t), t.Context()
	for _, b := range []ledger.Build{build("web", 1, true), build("web", 3, false), build("web", 2, true), build("api", 4, false)} {
		if err := l.Add(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	again := build("web", 3, false) // told twice, it is one
	again.Error = "second"
	if err := l.Add(ctx, again); err != nil {
		t.Fatal(err)
	}
	list, err := l.Builds(ctx, 7, "web")
	if err != nil || len(list) != 3 || list[0].Error != "second" || list[1].Run != 2 || list[2].Run != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if diff := cmp.Diff(build("web", 1, true), list[2]); diff != "" {
		t.Error(diff)
	}
	all, err := l.Services(ctx, 7)
	if err != nil || len(all) != 2 || all[0].Name != "api" || all[0].Published != nil || all[1].Last.Run != 3 || all[1].Published.Run != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	for commit, want := range map[string]string{"c1": "sha256:1", "c2": "sha256:2", "c3": "", "c9": ""} {
		b, ok, err := l.Published(ctx, 7, "web", commit)
		if err != nil || ok != (want != "") || b.Digest != want {
			t.Errorf("%s: %+v %t %v", commit, b, ok, err)
		}
	}
	if all, err := l.Services(ctx, 70); err != nil || len(all) != 0 {
		t.Errorf("another repository has %+v, %v", all, err)
	}
}

// TestForgets: a ledger does not grow without end, and the last that was published
// stays.
func TestForgets(t *testing.T) {
	l, ctx := open(t), t.Context()
	for n := range 80 {
		if err := l.Add(ctx, build("web", n, n == 3)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := l.Builds(ctx, 7, "web")
	if err != nil || len(list) != 51 || list[0].Run != 79 || list[50].Run != 3 {
		t.Errorf("%d are kept, %v", len(list), err)
	}
}

// TestAtOnce: two servers lose nothing of each other's.
func TestAtOnce(t *testing.T) {
	l, ctx := open(t), t.Context()
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			if err := l.Add(ctx, build("web", n, true)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if list, err := l.Builds(ctx, 7, "web"); err != nil || len(list) != 20 {
		t.Errorf("%d of 20, %v", len(list), err)
	}
}

func TestCompare(t *testing.T) {
	a := ledger.Build{
		Digest: "sha256:a", Version: "1.0.0", Image: "r/web", Size: 10, Platforms: []string{"linux/amd64"}, Tags: []string{"main", "aaa"},
		Bases: []ledger.Base{{Name: "alpine:3", Digest: "sha256:1"}, {Name: "lost:1"}}, Args: map[string]string{"MODE": "fast", "SAME": "x"},
	}
	b := ledger.Build{
		Digest: "sha256:b", Version: "1.0.0", Image: "r/web", Size: 14, Platforms: []string{"linux/amd64", "linux/arm64"}, Tags: []string{"main", "bbb"},
		Bases: []ledger.Base{{Name: "alpine:3", Digest: "sha256:2"}, {Name: "lost:1"}}, Args: map[string]string{"SAME": "x", "NEW": "y"},
	}
	want := ledger.Difference{
		Digest: &ledger.Changed{From: "sha256:a", To: "sha256:b"}, Size: 4,
		Bases:     []ledger.Changed{{Name: "alpine:3", From: "sha256:1", To: "sha256:2"}},
		Args:      []ledger.Changed{{Name: "MODE", From: "fast"}, {Name: "NEW", To: "y"}},
		Platforms: []ledger.Changed{{Name: "linux/arm64", To: "linux/arm64"}},
		Tags:      []ledger.Changed{{Name: "aaa", From: "aaa"}, {Name: "bbb", To: "bbb"}},
	}
	if diff := cmp.Diff(want, ledger.Compare(a, b)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(ledger.Difference{}, ledger.Compare(a, a)); diff != "" {
		t.Error(diff)
	}
}
