package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/executor"
)

// writeHolder notes which process holds a lock: its number, and on Linux the
// namespace that the number is of.
func writeHolder(f *os.File) error {
	_, err := fmt.Fprintf(f, "%d\n%s\n", os.Getpid(), pidNamespace())
	return err
}

func pidNamespace() string {
	name, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "-" // no Linux
	}
	return name
}

// holder is the process that runs a run. A number alone may belong to another
// process by now; that the lock is still held after the process was found
// proves that it is the one that wrote the number.
func holder(stateDir string, id executor.RunID) (*os.Process, error) {
	data, err := os.ReadFile(filepath.Join(lockFolder(stateDir), string(id)))
	if err != nil {
		return nil, fmt.Errorf("find the process of run %s: %w", id, err)
	}
	number, namespace, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 1 {
		return nil, fmt.Errorf("find the process of run %s: its lock names none", id)
	}
	if namespace != pidNamespace() {
		return nil, fmt.Errorf("find the process of run %s: it is in another container, as number %d there", id, pid)
	}
	p, err := os.FindProcess(pid) // on Linux a handle of the process itself
	if err != nil {
		return nil, fmt.Errorf("find the process of run %s: %w", id, err)
	}
	if !alive(stateDir)(id) {
		return nil, errors.Join(fmt.Errorf("find the process of run %s: it has ended", id), p.Release())
	}
	return p, nil
}
