package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/google/go-cmp/cmp"
)

// shelf is an engine with names of images.
type shelf struct {
	Engine
	names   []string
	away    error
	listed  int
	removed []string
}

func (s *shelf) ImageList(ctx context.Context, o image.ListOptions) ([]image.Summary, error) {
	s.listed++
	if _, ok := ctx.Deadline(); !ok || !o.Filters.ExactMatch("label", draftLabel) {
		return nil, errors.New("asked for all images, or without an end")
	}
	return []image.Summary{{RepoTags: s.names, Created: DefaultEpoch.Unix()}}, s.away
}

func (s *shelf) ImageRemove(_ context.Context, name string, _ image.RemoveOptions) ([]image.DeleteResponse, error) {
	s.removed = append(s.removed, name)
	return nil, errors.Join(s.away, errdefs.ErrNotFound)
}

// TestSweepDrafts: what killed processes left goes, what another may be making now and
// what is no draft stay. It is asked for now and then, and nothing fails for it.
func TestSweepDrafts(t *testing.T) {
	now := time.Now()
	old, older, young := draftName(now.Add(-7*time.Hour)), "drydock-build/older:1", draftName(now.Add(-5*time.Hour))
	s := &shelf{names: []string{young, old, "example/app:1", older, "drydock-build/mine:latest", fmt.Sprint("drydock-build/later:", now.Unix()+100)}}
	b, err := New(Options{Engine: func(context.Context) (Engine, error) { return s, nil }})
	if err != nil {
		t.Fatal(err)
	}
	b.sweepDrafts(t.Context(), s, now)
	want := []string{old, older}
	slices.Sort(want)
	slices.Sort(s.removed)
	if diff := cmp.Diff(want, s.removed); diff != "" {
		t.Error(diff)
	}
	b.sweepDrafts(t.Context(), s, now.Add(time.Minute))
	if s.listed != 1 {
		t.Errorf("asked %d times", s.listed)
	}
	s.away = errors.New("no answer")
	b.sweepDrafts(t.Context(), s, now.Add(2*time.Hour))
	if s.listed != 2 {
		t.Errorf("asked %d times", s.listed)
	}
}
