package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const (
	watchEvery  = time.Second            // how often the files are looked at
	watchSettle = 300 * time.Millisecond // they must be still for this long
)

// watch runs, waits until a file of the repository changes, and runs again,
// until Ctrl-C. A failed run is no reason to stop; flags that are wrong are.
func (a *app) watch(cmd *cobra.Command, run func() error) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	for first := true; ; first = false {
		before, err := a.fingerprint(ctx)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		err = run()
		var e *exitError
		switch {
		case errors.As(err, &e) && (e.code == exitInterrupted || first && e.code == exitUsage):
			return err
		case ctx.Err() != nil:
			return &exitError{exitInterrupted, nil}
		case e != nil && e.err != nil:
			fmt.Fprintln(a.stderr, "drydock:", e.err)
		}
		fmt.Fprintln(a.stderr, "drydock: waiting for changes (Ctrl-C ends)")
		if err := a.changed(ctx, before); err != nil {
			return err
		}
	}
}

// changed returns when the files differ from before and have come to rest.
func (a *app) changed(ctx context.Context, before uint64) error {
	last, pause := before, watchEvery
	for {
		select {
		case <-ctx.Done():
			return &exitError{exitInterrupted, nil}
		case <-time.After(pause):
		}
		now, err := a.fingerprint(ctx)
		switch {
		case ctx.Err() != nil:
			return &exitError{exitInterrupted, nil}
		case err != nil:
			return &exitError{exitUsage, err}
		case now != before && now == last:
			return nil
		case now != before:
			pause = watchSettle
		}
		last = now
	}
}

// fingerprint sums up names, sizes and times of what a checkout would hold.
func (a *app) fingerprint(ctx context.Context) (uint64, error) {
	root := a.top()
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return 0, fmt.Errorf("watch %q: list its files with git: %w: --watch needs a git repository", root, err)
	}
	h := fnv.New64a()
	for name := range strings.SplitSeq(string(out), "\x00") {
		if info, err := os.Lstat(filepath.Join(root, name)); err == nil && !info.IsDir() {
			fmt.Fprintf(h, "%s\x00%d\x00%d\n", name, info.Size(), info.ModTime().UnixNano())
		} else {
			_, _ = io.WriteString(h, name)
		}
	}
	return h.Sum64(), nil
}
