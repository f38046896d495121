package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/drydock-ci/drydock/executor"
)

// Sweep looks through the root for folders of owner's runs that are over.
// A folder that tells nothing about its owner is left alone.
func (x *Executor) Sweep(ctx context.Context, owner executor.OwnerID, keep func(executor.RunID) bool) (executor.Swept, error) {
	var swept executor.Swept
	var errs []error
	dirs, err := filepath.Glob(filepath.Join(globEscape(x.o.Root), "*", "*", own, "state.json"))
	if err != nil {
		return swept, executor.Errorf("look for what jobs left on the host", executor.Failed, "%w", err)
	}
	for _, file := range dirs {
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		dir := filepath.Dir(filepath.Dir(file))
		st, err := readState(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read %q: %w", file, err))
			continue
		}
		if st.Labels.Owner != owner || keep(st.Labels.Run) {
			continue
		}
		id := path.Join(filepath.Base(filepath.Dir(dir)), filepath.Base(dir))
		helper := st.alive()
		e := &environment{x: x, id: executor.EnvironmentID(id), dir: dir}
		if err := e.Close(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		if helper {
			swept.Removed = append(swept.Removed, fmt.Sprintf("helper %d", st.Pid))
		}
		swept.Removed = append(swept.Removed, "folder "+dir)
	}
	return swept, errors.Join(errs...)
}

// globEscape makes a path stand for itself in filepath.Glob.
func globEscape(s string) string {
	var b []byte
	for i := range len(s) {
		switch s[i] {
		case '*', '?', '[', '\\':
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(b)
}
