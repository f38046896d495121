package node

import (
	"debug/elf"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
)

// target is the kind of place that a build is for, in node's own words.
type target struct {
	os   string // linux, darwin, win
	arch string // x64, arm64, ...
	musl bool
}

func newTarget(os, arch, libc string) (target, error) {
	t := target{os: strings.ToLower(os), arch: strings.ToLower(arch)}
	switch t.os {
	case "macos":
		t.os = "darwin"
	case "windows":
		t.os = "win"
	}
	switch t.arch {
	case "amd64", "x86_64":
		t.arch = "x64"
	case "aarch64":
		t.arch = "arm64"
	case "arm":
		t.arch = "armv7l"
	}
	switch libc = strings.ToLower(libc); {
	case libc == "musl":
		t.musl = t.os == "linux"
	case libc != "" && libc != "glibc":
		return t, fmt.Errorf("provide node for the C library %q: only glibc and musl are known", libc)
	}
	if t.os == "" || t.arch == "" || strings.Trim(t.os+t.arch, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return t, fmt.Errorf("provide node for system %q and processor %q: they are not known", os, arch)
	}
	return t, nil
}

func (t target) String() string {
	s := t.os + " " + t.arch
	if t.os == "linux" {
		s += " (" + t.libc() + ")"
	}
	return s
}

func (t target) libc() string {
	if t.musl {
		return "musl"
	}
	return "glibc"
}

// suffix is what node's unofficial builds for musl end in.
func (t target) suffix() string {
	if t.musl {
		return "-musl"
	}
	return ""
}

// native tells whether the builds are for containers of this machine.
func (t target) native() bool {
	own, err := newTarget(runtime.GOOS, runtime.GOARCH, "")
	return err == nil && t.os == "linux" && t.arch == own.arch
}

// parent is the folder in Dir that holds all builds of this kind.
func (t target) parent() string {
	if t.native() {
		return ""
	}
	return t.os + "-" + t.arch
}

func (t target) folder(major int) string {
	name := fmt.Sprintf("node%d", major)
	if t.musl {
		name += "_musl"
	}
	return path.Join(t.parent(), name)
}

// file is the program inside a build.
func (t target) file() string {
	if t.os == "win" {
		return "bin/node.exe"
	}
	return "bin/node"
}

func (t target) program(major int) string { return path.Join(t.folder(major), t.file()) }

// base are the libraries that every place with that C library has. libstdc++
// and libgcc are among them for GitHub's images and for Debian's; node's own
// builds need them too.
var base = []string{"libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libstdc++.so", "libgcc_s.so", "libatomic.so", "ld-linux", "ld-musl", "linux-vdso"}

var machines = map[elf.Machine]string{
	elf.EM_X86_64: "x64", elf.EM_AARCH64: "arm64", elf.EM_ARM: "armv7l", elf.EM_386: "x86",
	elf.EM_PPC64: "ppc64le", elf.EM_S390: "s390x", elf.EM_RISCV: "riscv64", elf.EM_LOONGARCH: "loong64",
}

// fits tells whether a program can run in places of this kind, by reading it.
func (t target) fits(program io.ReaderAt) error {
	if t.os != "linux" {
		return nil
	}
	f, err := elf.NewFile(program)
	if err != nil {
		return fmt.Errorf("it is no Linux program: %w", err)
	}
	if arch := machines[f.Machine]; arch != t.arch {
		return fmt.Errorf("it is for %s", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		loader, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
		if err != nil {
			return fmt.Errorf("it cannot be read: %w", err)
		}
		if musl := strings.Contains(string(loader), "ld-musl"); musl != t.musl {
			return fmt.Errorf("it is for %s", target{musl: musl}.libc())
		}
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	for _, library := range needed {
		if !slices.ContainsFunc(base, func(b string) bool { return strings.HasPrefix(library, b) }) {
			return fmt.Errorf("it needs the library %s, which places do not have", library)
		}
	}
	return nil
}
