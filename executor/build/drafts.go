package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
)

// draftLabel is on what the engine has made, and not on what becomes of it.
const draftLabel = "io.drydock.draft"

const draftPrefix = "drydock-build/"

// draftName tells by its tag when the build began: the image itself says that it is of
// its epoch, and not every engine knows when it was named.
func draftName(now time.Time) string {
	return fmt.Sprintf("%s%s:%d", draftPrefix, strings.ToLower(rand.Text()), now.Unix())
}

// leftBehind tells whether a name is that of a draft which nobody makes any more.
func leftBehind(name string, now time.Time) bool {
	rest, ok := strings.CutPrefix(name, draftPrefix)
	_, tag, _ := strings.Cut(rest, ":")
	began, err := strconv.ParseInt(tag, 10, 64)
	return ok && err == nil && now.Sub(time.Unix(began, 0)) > longestBuild
}

const (
	longestBuild = 6 * time.Hour // as a job (GitHub docs: usage limits)
	sweepEvery   = time.Hour
	sweepTime    = 10 * time.Second
)

// sweepDrafts takes the names away that processes left in the engine which were killed
// before they could. A build does not fail for it.
func (b *Builder) sweepDrafts(ctx context.Context, e Engine, now time.Time) {
	b.mu.Lock()
	due := now.Sub(b.swept) >= sweepEvery
	if due {
		b.swept = now
	}
	b.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	all, err := e.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", draftLabel))})
	for _, one := range all {
		for _, name := range one.RepoTags {
			if !leftBehind(name, now) {
				continue
			}
			_, gone := e.ImageRemove(ctx, name, image.RemoveOptions{PruneChildren: true})
			if !errdefs.IsNotFound(gone) { // else somebody else was faster
				err = errors.Join(err, gone)
			}
		}
	}
	if err != nil {
		b.log.WarnContext(ctx, "remove what killed builds left in the engine", "err", err)
	}
}
