package action

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/drydock-ci/drydock/runner/filelock"
)

// lockFile waits for the lock named by a file: among goroutines and among
// processes. The file stays; only the lock is freed.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		locked, err := filelock.Try(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %q: %w", name, err)
		}
		if locked {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}
