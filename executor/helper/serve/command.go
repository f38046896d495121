//go:build linux

package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/drydock-ci/drydock/executor"
)

// launch is a command made ready for execve.
type launch struct {
	path string
	argv []string
	env  []string
	dir  string
}

// prepare merges the environment, looks the program up and checks the folder.
func (s *server) prepare(cmd *executor.Command, user account) (*launch, error) {
	if len(cmd.Argv) == 0 || cmd.Argv[0] == "" {
		return nil, errors.New("the command is empty")
	}
	env := make(map[string]string, len(s.env)+len(cmd.Env)+2)
	for k, v := range s.env {
		env[k] = v
	}
	if cmd.User != "" && user.uid != s.user.uid {
		delete(env, "HOME") // of the place's user
	}
	for k, v := range cmd.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(v, "\x00") {
			return nil, fmt.Errorf("environment variable %q: not a valid name or value", k)
		}
		env[k] = v
	}
	if env["HOME"] == "" && cmd.Env["HOME"] == "" && user.home != "" {
		env["HOME"] = user.home
	}
	if len(cmd.PrependPath) > 0 {
		path := strings.Join(cmd.PrependPath, ":")
		if env["PATH"] != "" {
			path += ":" + env["PATH"]
		}
		env["PATH"] = path
	}
	dir := cmd.Dir
	if dir == "" {
		dir = "/"
	}
	if fi, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("working directory %q does not exist", dir)
	} else if err != nil {
		return nil, fmt.Errorf("working directory %q: %w", dir, err)
	} else if !fi.IsDir() {
		return nil, fmt.Errorf("working directory %q is not a folder", dir)
	}
	if _, ok := cmd.Env["PWD"]; !ok {
		env["PWD"] = dir
	}
	path, err := find(cmd.Argv[0], env["PATH"], dir)
	if err != nil {
		return nil, err
	}
	l := &launch{path: path, argv: cmd.Argv, dir: dir, env: make([]string, 0, len(env))}
	for k, v := range env {
		l.env = append(l.env, k+"="+v)
	}
	return l, nil
}

// find looks a program up as execvp does, in the PATH that the process gets.
func find(name, path, dir string) (string, error) {
	if strings.Contains(name, "/") {
		full := name
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, full)
		}
		fi, err := os.Stat(full)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("%s: no such file", name)
		case err != nil:
			return "", err
		case fi.IsDir():
			return "", fmt.Errorf("%s: is a folder", name)
		case fi.Mode()&0o111 == 0:
			return "", fmt.Errorf("%s: permission denied: the file is not executable", name)
		}
		return full, nil
	}
	for _, d := range filepath.SplitList(path) {
		if !filepath.IsAbs(d) {
			d = filepath.Join(dir, d)
		}
		full := filepath.Join(d, name)
		if fi, err := os.Stat(full); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return full, nil
		}
	}
	return "", fmt.Errorf("%s: command not found", name)
}

func startError(l *launch, err error) error {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%s: not a program for this machine, and no \"#!\" line", l.path)
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%s: the interpreter or loader that it names does not exist", l.path)
	case errors.Is(err, syscall.E2BIG):
		return fmt.Errorf("%s: the arguments and the environment are too long for the kernel", l.path)
	}
	return fmt.Errorf("%s: %w", l.path, err)
}
