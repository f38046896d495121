package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// candidate is a node program that may be taken.
type candidate struct {
	major   int
	version string // "24.1.0"
	what    string // for messages
	// open gives the program; its size is checked against nothing.
	open func() (io.ReadCloser, error)
}

// maxProgram bounds the node program (about 120 MB today).
const maxProgram = 1 << 30

// cached is a build that lies in Dir.
func (p *Provider) cached(t target, major int) (Build, bool) {
	info, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(t.program(major))))
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return Build{}, false
	}
	version := strconv.Itoa(major)
	if src, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(t.folder(major)), "version")); err == nil {
		if got := strings.TrimSpace(string(src)); majorOf(got) == major {
			version = got
		}
	}
	return Build{Dir: p.Dir, Version: version, Path: t.program(major)}, true
}

// cachedOther is the best stand-in that lies in Dir: the next newer one, else
// the newest.
func (p *Provider) cachedOther(t target, major int) (Build, bool) {
	entries, _ := os.ReadDir(filepath.Join(p.Dir, t.parent()))
	best, found := Build{}, 0
	for _, e := range entries {
		name := strings.TrimPrefix(e.Name(), "node")
		if t.musl {
			name = strings.TrimSuffix(name, "_musl")
		}
		n, err := strconv.Atoi(name)
		if err != nil || n < oldest || n == major {
			continue
		}
		better := found == 0 || n > major && (found < major || n < found) || n < major && found < major && n > found
		if b, ok := p.cached(t, n); ok && better {
			best, found = b, n
		}
	}
	return best, found != 0
}

// install copies a program into Dir: beside its place first, then moved there
// with its folder, so that nobody sees half of it.
func (p *Provider) install(ctx context.Context, t target, c candidate) (b Build, err error) {
	fail := func(err error) (Build, error) {
		if ctx.Err() != nil {
			return Build{}, context.Cause(ctx)
		}
		return Build{}, fmt.Errorf("%s: %w", c.what, err)
	}
	parent := filepath.Join(p.Dir, t.parent())
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fail(err)
	}
	removeStale(parent)
	tmp, err := os.MkdirTemp(parent, ".tmp-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(tmp)
	folder := filepath.Join(tmp, "build")
	program := filepath.Join(folder, filepath.FromSlash(t.file()))
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return fail(err)
	}
	if err := copyProgram(ctx, c, program); err != nil {
		return fail(err)
	}
	f, err := os.Open(program)
	if err != nil {
		return fail(err)
	}
	err = t.fits(f)
	f.Close()
	if err != nil {
		return fail(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "version"), []byte(c.version+"\n"), 0o644); err != nil {
		return fail(err)
	}
	final := filepath.Join(p.Dir, filepath.FromSlash(t.folder(c.major)))
	if err := os.Rename(folder, final); err != nil {
		if b, ok := p.cached(t, c.major); ok { // another process was first
			return b, nil
		}
		// What lies there has no program in it.
		if err := errors.Join(os.Rename(final, filepath.Join(tmp, "broken")), os.Rename(folder, final)); err != nil {
			return fail(err)
		}
	}
	b, ok := p.cached(t, c.major)
	if !ok {
		return fail(errors.New("it is empty"))
	}
	return b, nil
}

func copyProgram(ctx context.Context, c candidate, to string) error {
	in, err := c.open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(cancelReader{ctx, in}, maxProgram+1))
	if n > maxProgram {
		err = fmt.Errorf("it is larger than %d bytes", maxProgram)
	}
	// The umask must not keep other users of a place from running it.
	return errors.Join(err, out.Chmod(0o755), out.Close())
}

// cancelReader ends a copy with its context.
type cancelReader struct {
	ctx context.Context //nolint:containedctx // lives for one copy
	r   io.Reader
}

func (r cancelReader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(b)
}

// removeStale removes what a killed process left.
func removeStale(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, ".tmp-*"))
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(dir)
		}
	}
}

// majorOf reads "24.1.0" or "v24.1.0"; 0 when it is no version.
func majorOf(version string) int {
	head, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(head)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// newer compares two versions of three numbers.
func newer(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return false
}

func numbers(version string) (n [3]int) {
	for i, part := range strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3) {
		n[i], _ = strconv.Atoi(part)
	}
	return n
}
