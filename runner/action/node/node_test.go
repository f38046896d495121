package node

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	glibcLoader = "/lib64/ld-linux-x86-64.so.2"
	muslLoader  = "/lib/ld-musl-x86_64.so.1"
)

// program makes the smallest Linux program that names a loader.
func program(arch, loader, tail string) string {
	machine := elf.EM_X86_64
	for m, name := range machines {
		if name == arch {
			machine = m
		}
	}
	const header, entry = 64, 56
	var out bytes.Buffer
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Phoff: header, Ehsize: header, Phentsize: entry, Phnum: 1, Shentsize: 64}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	_ = binary.Write(&out, binary.LittleEndian, h)
	kind := elf.PT_INTERP
	if loader == "" {
		kind = elf.PT_LOAD
	}
	_ = binary.Write(&out, binary.LittleEndian, elf.Prog64{Type: uint32(kind), Off: header + entry, Filesz: uint64(len(loader) + 1)})
	return out.String() + loader + "\x00" + tail
}

func write(t *testing.T, content string, parts ...string) string {
	t.Helper()
	name := filepath.Join(parts...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o755)); err != nil {
		t.Fatal(err)
	}
	return name
}

type file struct{ name, content string }

func targz(t *testing.T, files ...file) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(f.content, "link:"); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(f.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// tail is what the installed program of a build ends in.
func tail(t *testing.T, b Build) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(b.Dir, b.Path))
	if err != nil {
		t.Fatal(err)
	}
	return string(src[bytes.LastIndexByte(src, 0)+1:])
}

func foreign() string {
	if runtime.GOARCH == "arm64" {
		return "x64"
	}
	return "arm64"
}

func native(t *testing.T) string {
	t.Helper()
	own, err := newTarget("linux", runtime.GOARCH, "")
	if err != nil {
		t.Fatal(err)
	}
	return own.arch
}

func TestFromFolder(t *testing.T) {
	arch, other := native(t), foreign()
	src := t.TempDir()
	write(t, program(arch, glibcLoader, "old"), src, "node-v24.2.0-linux-"+arch, "bin/node")
	write(t, targz(t, file{"node-v24.10.0-linux-" + arch + "/README", "x"}, file{"node-v24.10.0-linux-" + arch + "/bin/node", program(arch, glibcLoader, "new")}), src, "node-v24.10.0-linux-"+arch+".tar.gz")
	write(t, program(arch, muslLoader, "musl24"), src, "node-v24.3.0-linux-"+arch+"-musl", "bin/node")
	write(t, program(arch, muslLoader, "alpine20"), src, "node20_alpine", "bin/node")
	write(t, program(arch, glibcLoader, "cache20"), src, "node", "20.1.0", arch, "bin/node")
	write(t, program(other, glibcLoader, "far"), src, "node-v20.5.0-linux-"+other, "bin/node")
	p := &Provider{Dir: filepath.Join(t.TempDir(), "e"), Source: src}
	for _, c := range []struct{ version, arch, libc, tail, full, path string }{
		{"24", arch, "glibc", "new", "24.10.0", "node24/bin/node"},
		{"24", arch, "", "new", "24.10.0", "node24/bin/node"},
		{"24", arch, "musl", "musl24", "24.3.0", "node24_musl/bin/node"},
		{"20", arch, "musl", "alpine20", "20", "node20_musl/bin/node"},
		{"20", arch, "glibc", "cache20", "20.1.0", "node20/bin/node"},
		{"20", other, "glibc", "far", "20.5.0", "linux-" + other + "/node20/bin/node"},
	} {
		b, err := p.Ensure(t.Context(), c.version, "Linux", c.arch, c.libc)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if b.Dir != p.Dir || b.Path != c.path || b.Version != c.full || b.Note != "" || tail(t, b) != c.tail {
			t.Errorf("%+v: %+v with %q", c, b, tail(t, b))
		}
		if info, err := os.Stat(filepath.Join(b.Dir, b.Path)); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	}
	// From the cache, without a source.
	again := &Provider{Dir: p.Dir}
	if b, err := again.Ensure(t.Context(), "24", "linux", arch, "glibc"); err != nil || b.Version != "24.10.0" {
		t.Errorf("%+v, %v", b, err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.Dir, ".tmp*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStandIns(t *testing.T) {
	arch := native(t)
	src := t.TempDir()
	write(t, program(arch, glibcLoader, "20"), src, "node-v20.1.0-linux-"+arch, "bin/node")
	p := &Provider{Dir: t.TempDir(), Source: src}
	for range 2 {
		b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc")
		if err != nil || b.Path != "node20/bin/node" || !strings.Contains(b.Note, "node 24 is not at hand: node 20.1.0 stands in") {
			t.Fatalf("%+v, %v", b, err)
		}
	}
	write(t, program(arch, glibcLoader, "26"), p.Dir, "node26", "bin/node")
	p = &Provider{Dir: p.Dir, Source: src}
	write(t, program(arch, glibcLoader, "22"), p.Dir, "node22", "bin/node")
	if b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc"); err != nil || b.Path != "node26/bin/node" {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err := p.Ensure(t.Context(), "20", "linux", arch, "glibc"); err != nil || b.Note != "" || b.Version != "20.1.0" {
		t.Errorf("%+v, %v", b, err)
	}
}

// useHost puts a wrapper that answers like node first in PATH.
func useHost(t *testing.T, version, content string) string {
	t.Helper()
	dir := t.TempDir()
	real := write(t, content, dir, "lib", "node-real")
	link := filepath.Join(dir, "node-link")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	write(t, "#!/bin/sh\n[ -z \"$NODE_OPTIONS\" ] || exit 9\necho '"+link+"'\necho "+version+"\n", dir, "bin", "node")
	t.Setenv("PATH", filepath.Join(dir, "bin")+":/usr/bin:/bin")
	t.Setenv("NODE_OPTIONS", "--require=x")
	return real
}

func TestHostNode(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the host's node serves Linux places on Linux only")
	}
	arch := native(t)
	real := useHost(t, "v22.3.4", program(arch, glibcLoader, "host"))
	p := &Provider{Dir: t.TempDir(), UseHost: true}
	b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc")
	if err != nil || b.Path != "node22/bin/node" || b.Version != "22.3.4" || b.Note == "" || tail(t, b) != "host" {
		t.Fatalf("%+v, %v", b, err)
	}
	copied, err1 := os.Stat(filepath.Join(b.Dir, b.Path))
	original, err2 := os.Stat(real)
	if err1 != nil || err2 != nil || os.SameFile(copied, original) {
		t.Error("the copy is the machine's own file")
	}
	useHost(t, "v24.0.0", program(arch, glibcLoader, "right"))
	if b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc"); err != nil || b.Path != "node22/bin/node" {
		t.Errorf("one provider changes its mind: %+v, %v", b, err)
	}
	p = &Provider{Dir: p.Dir, UseHost: true}
	if b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc"); err != nil || b.Path != "node24/bin/node" || b.Note != "" {
		t.Errorf("%+v, %v", b, err)
	}
	for name, c := range map[string]struct{ version, content, arch, libc, want string }{
		"other libc":   {"v24.0.0", program(arch, muslLoader, ""), arch, "glibc", "it is for musl"},
		"other libc 2": {"v24.0.0", program(arch, glibcLoader, ""), arch, "musl", "it is for glibc"},
		"other arch":   {"v24.0.0", program(arch, glibcLoader, ""), foreign(), "glibc", "it is for linux " + arch},
		"too old":      {"v18.1.0", program(arch, glibcLoader, ""), arch, "glibc", "version 18.1.0, older than 20"},
		"nonsense":     {"hello", program(arch, glibcLoader, ""), arch, "glibc", "it answers"},
		"script":       {"v24.0.0", "#!/bin/sh", arch, "glibc", "no Linux program"},
	} {
		t.Run(name, func(t *testing.T) {
			useHost(t, c.version, c.content)
			p := &Provider{Dir: t.TempDir(), UseHost: true}
			_, err := p.Ensure(t.Context(), "24", "linux", c.arch, c.libc)
			var none *UnavailableError
			if !errors.As(err, &none) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	useHost(t, "v24.0.0", program(arch, "", "static"))
	if _, err := (&Provider{Dir: t.TempDir(), UseHost: true}).Ensure(t.Context(), "24", "linux", arch, "musl"); err != nil {
		t.Errorf("a static program runs everywhere: %v", err)
	}
}

// TestRealPrograms reads programs as a linker made them.
func TestRealPrograms(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no Linux programs at hand")
	}
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(git)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, libc := range []string{"glibc", "musl"} {
		place, err := newTarget("linux", runtime.GOARCH, libc)
		if err != nil {
			t.Fatal(err)
		}
		if err := place.fits(f); err == nil { // git needs libz, or another C library
			t.Errorf("git fits %s", place)
		}
	}
}

func TestUnavailable(t *testing.T) {
	dir, src := t.TempDir(), t.TempDir()
	arch := native(t)
	write(t, "xz", src, "node-v24.1.0-linux-"+arch+".tar.xz")
	write(t, "no gzip", src, "node-v24.2.0-linux-"+arch+".tar.gz")
	write(t, program(foreign(), glibcLoader, ""), src, "node24", "bin/node")
	_, err := (&Provider{Dir: dir, Source: src}).Ensure(t.Context(), "24", "linux", arch, "glibc")
	var none *UnavailableError
	if !errors.As(err, &none) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"provide node 24 for linux " + arch + " (glibc)", dir, "node24/bin/node", "unpack it", "no .tar.gz file", "it is for EM_",
		"its use is not allowed", "DRYDOCK_NODE_SOURCE", "install node 20 or later", "image that has node",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, c := range [][4]string{{"18", "linux", "x64", ""}, {"v24", "linux", "x64", ""}, {"24", "", "x64", ""}, {"24", "linux", "../x", ""}, {"24", "linux", "x64", "bionic"}} {
		if _, err := (&Provider{Dir: dir}).Ensure(t.Context(), c[0], c[1], c[2], c[3]); err == nil || errors.As(err, &none) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestEvilArchives(t *testing.T) {
	arch := native(t)
	for name, content := range map[string]string{
		"escape":  targz(t, file{"../../bin/node", "x"}, file{"/bin/node", "x"}, file{"n/../../bin/node", "x"}),
		"link":    targz(t, file{"n/bin/node", "link:/etc/passwd"}),
		"nothing": targz(t, file{"n/README", "x"}),
		"cut":     targz(t, file{"n/bin/node", program(arch, glibcLoader, strings.Repeat("x", 99999))})[:80],
		"script":  targz(t, file{"n/bin/node", "#!/bin/sh\ntouch /tmp/evil"}),
	} {
		t.Run(name, func(t *testing.T) {
			base, src := t.TempDir(), t.TempDir()
			write(t, content, src, "node-v24.0.0-linux-"+arch+".tar.gz")
			b, err := (&Provider{Dir: filepath.Join(base, "e"), Source: src}).Ensure(t.Context(), "24", "linux", arch, "glibc")
			if err == nil {
				t.Errorf("accepted: %+v", b)
			}
			if left, _ := os.ReadDir(filepath.Join(base, "e")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestFromURL(t *testing.T) {
	arch := native(t)
	good := targz(t, file{"node/bin/node", program(arch, glibcLoader, "net")})
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(good)))
	var hits atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/v24/SHASUMS256.txt", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s  node-v24.9.0-linux-%s.tar.gz\n%s  node-v24.10.1-linux-%s.tar.gz\n%s  node-v24.11.0-linux-%s.tar.xz\n%s  node-v24.99.0/../../x-linux-%s.tar.gz\n", sum, arch, sum, arch, sum, arch, sum, arch)
	})
	mux.HandleFunc("/v20/SHASUMS256.txt", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s  node-v20.1.0-linux-%s.tar.gz\n", strings.Repeat("0", 64), arch)
	})
	serve := func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		fmt.Fprint(w, good)
	}
	mux.HandleFunc("/v24/node-v24.10.1-linux-"+arch+".tar.gz", serve)
	mux.HandleFunc("/v20/node-v20.1.0-linux-"+arch+".tar.gz", serve)
	mux.HandleFunc("/t/24-linux-"+arch+"-glibc.tar.gz", serve)
	srv := httptest.NewServer(mux)
	defer srv.Close()

	p := &Provider{Dir: t.TempDir(), Source: srv.URL + "/v{major}/"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc"); err != nil || b.Version != "24.10.1" {
				t.Errorf("%+v, %v", b, err)
			}
		})
	}
	wg.Wait()
	if hits.Load() != 1 {
		t.Errorf("%d downloads", hits.Load())
	}
	// The right version has a wrong sum: never installed, the other stands in.
	b, err := p.Ensure(t.Context(), "20", "linux", arch, "glibc")
	if err != nil || b.Version != "24.10.1" || b.Note == "" {
		t.Errorf("%+v, %v", b, err)
	}
	for source, want := range map[string]string{
		srv.URL + "/v20/":       "SHASUMS256.txt says 000",
		srv.URL + "/none/":      "404",
		srv.URL + "/x":          `ends in "/" or ".tar.gz"`,
		srv.URL + "/x.tar.gz":   "{major}",
		"http://u:secret@[::1/": "the URL",
	} {
		p := &Provider{Dir: t.TempDir(), Source: source}
		_, err := p.Ensure(t.Context(), "20", "linux", arch, "glibc")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v; want %q", source, err, want)
		}
		if left, _ := os.ReadDir(p.Dir); len(left) > 0 {
			t.Errorf("%s left %v", source, left)
		}
	}
	p = &Provider{Dir: t.TempDir(), Source: srv.URL + "/t/{major}-{os}-{arch}-{libc}.tar.gz"}
	if b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc"); err != nil || b.Version != "24" || tail(t, b) != "net" {
		t.Errorf("%+v, %v", b, err)
	}
	before := hits.Load()
	p = &Provider{Dir: t.TempDir(), Source: srv.URL + "/v{major}/", Offline: true}
	if _, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc"); err == nil || !strings.Contains(err.Error(), "the network is not used") || hits.Load() != before {
		t.Error(err)
	}
}

func TestSeveralProviders(t *testing.T) {
	arch := native(t)
	src, dir := t.TempDir(), t.TempDir()
	write(t, program(arch, glibcLoader, strings.Repeat("x", 1<<20)), src, "node-v24.2.0-linux-"+arch, "bin/node")
	write(t, "", dir, "node24", "bin", "node") // what a broken copy would leave
	var wg sync.WaitGroup
	for range 8 { // as several processes
		p := &Provider{Dir: dir, Source: src}
		wg.Go(func() {
			b, err := p.Ensure(t.Context(), "24", "linux", arch, "glibc")
			if err != nil || b.Version != "24.2.0" || len(tail(t, b)) != 1<<20 {
				t.Errorf("%+v, %v", b, err)
			}
		})
	}
	wg.Wait()
}

func TestCancelled(t *testing.T) {
	p := &Provider{Dir: t.TempDir(), Source: t.TempDir()}
	if _, err := p.Ensure(t.Context(), "24", "linux", "x64", ""); err == nil {
		t.Fatal("an empty source gave a build")
	}
	p.turn <- struct{}{} // somebody else is filling the folder
	ctx, cancel := contextWithCause(t)
	defer cancel()
	if _, err := p.Ensure(ctx, "24", "linux", "x64", ""); !errors.Is(err, errGone) {
		t.Error(err)
	}
}

func FuzzProgramIn(f *testing.F) {
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(_ *testing.T, src []byte) {
		if r, err := programIn(bytes.NewReader(src), target{os: "linux", arch: "x64"}); err == nil {
			_, _ = bytes.NewBuffer(nil).ReadFrom(r)
		}
		_ = target{os: "linux", arch: "x64"}.fits(bytes.NewReader(src))
	})
}

var errGone = errors.New("the user left")

func contextWithCause(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeoutCause(t.Context(), 0, errGone)
}
