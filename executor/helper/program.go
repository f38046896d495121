package helper

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/drydock-ci/drydock/executor"
)

// ProgramName is the base name of the file that Program gives. A binary that
// holds both programs acts as the helper when it is started by that name.
const ProgramName = "drydock-helper"

//go:embed all:program
var programs embed.FS

// Program gives the path of the helper for linux on arch (a GOARCH), written
// below cacheDir if it is not there yet. The order: the file that the
// environment variable DRYDOCK_HELPER names (for tests), the one that
// `make build` embedded, this very binary if it is a static linux one.
func Program(arch, cacheDir string) (string, error) {
	op := fmt.Sprintf("find the helper for linux/%s", arch)
	if path := os.Getenv("DRYDOCK_HELPER"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", executor.Errorf(op, executor.Unavailable, "DRYDOCK_HELPER: %w", err)
		}
		return filepath.Abs(path)
	}
	data, err := programs.ReadFile("program/linux-" + arch)
	if err == nil {
		sum := sha256.Sum256(data)
		path, err := install(cacheDir, hex.EncodeToString(sum[:16]), int64(len(data)), bytes.NewReader(data))
		if err != nil {
			return "", executor.Errorf(op, executor.Failed, "%w", err)
		}
		return path, nil
	}
	if runtime.GOOS == "linux" && runtime.GOARCH == arch && isDrydock() {
		path, err := self(cacheDir)
		if err == nil {
			return path, nil
		}
		return "", &executor.Error{Op: op, Kind: executor.Unavailable, Err: err, Hint: "build drydock with `make build`"}
	}
	return "", &executor.Error{
		Op: op, Kind: executor.Unavailable, Err: errors.New("it is not part of this binary"),
		Hint: "build drydock with `make build`",
	}
}

// isDrydock tells whether this binary knows how to be the helper.
func isDrydock() bool {
	b, ok := debug.ReadBuildInfo()
	return ok && b.Path == "github.com/drydock-ci/drydock/cmd/drydock"
}

// self gives a copy of this binary under the helper's name.
func self(cacheDir string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(exe)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := static(f); err != nil {
		return "", fmt.Errorf("%q: %w", exe, err)
	}
	fi, err := f.Stat()
	if err != nil {
		return "", err
	}
	// Size and time name it: reading a whole binary for each job is too slow.
	key := "self-" + strconv.FormatInt(fi.Size(), 36) + "-" + strconv.FormatInt(fi.ModTime().UnixNano(), 36)
	return install(cacheDir, key, fi.Size(), f)
}

// static refuses a binary that needs a loader: the place may have none.
func static(r io.ReaderAt) error {
	f, err := elf.NewFile(r)
	if err != nil {
		return err
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("not a static binary, so it cannot run in every image")
		}
	}
	return nil
}

// install writes <cacheDir>/helper/<key>/drydock-helper. Several programs may
// do so at once; each file appears whole or not at all.
func install(cacheDir, key string, size int64, r io.Reader) (string, error) {
	dir := filepath.Join(cacheDir, "helper", key)
	path := filepath.Join(dir, ProgramName)
	if fi, err := os.Stat(path); err == nil && fi.Size() == size {
		return path, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// A process that is started meanwhile would hold the file open for writing
	// until its own exec, and nobody could start the helper: "text file busy".
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Chmod(0o755)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return path, nil
}
