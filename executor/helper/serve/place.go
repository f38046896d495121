//go:build linux

package serve

import (
	"debug/elf"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// defaultPath is what execvp and docker fall back to.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environ is the place's environment: the helper's own without what concerns
// the helper alone.
func environ(list []string) map[string]string {
	env := make(map[string]string, len(list)+1)
	for _, kv := range list {
		k, v, ok := strings.Cut(kv, "=")
		if ok && k != "" && !strings.HasPrefix(k, "DRYDOCK_") {
			env[k] = v
		}
	}
	// Of the shell that started the helper, if any.
	for _, k := range []string{"PWD", "OLDPWD", "SHLVL", "_"} {
		delete(env, k)
	}
	if env["PATH"] == "" {
		env["PATH"] = defaultPath
	}
	return env
}

func describe(a account, env map[string]string) wire.Place {
	p := wire.Place{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Libc: libc(),
		User: a.name, UID: a.uid, GID: a.gid, Home: a.home, Env: maps.Clone(env),
	}
	if h := env["HOME"]; h != "" {
		p.Home = h
	}
	return p
}

// libc tells which C library the programs of the place are made for: the
// loader that its shell names, else whichever loader is there.
func libc() string {
	if l := kind(interpreter("/bin/sh")); l != "" {
		return l
	}
	for _, pattern := range []string{"/lib/ld-musl-*", "/lib*/ld-linux*", "/lib/*/ld-linux*", "/usr/lib*/ld-linux*"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return kind(found[0])
		}
	}
	return ""
}

func kind(loader string) string {
	switch base := filepath.Base(loader); {
	case strings.HasPrefix(base, "ld-musl"):
		return "musl"
	case strings.HasPrefix(base, "ld-linux"), strings.HasPrefix(base, "ld64"), strings.HasPrefix(base, "ld.so"):
		return "glibc"
	}
	return ""
}

func interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			name, _ := io.ReadAll(io.LimitReader(p.Open(), 4096))
			return strings.TrimRight(string(name), "\x00")
		}
	}
	return ""
}
