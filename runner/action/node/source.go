package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// fromSource takes a build of just that major from Source. What failed is not
// tried again: a dead server costs a run its time-out once.
func (p *Provider) fromSource(ctx context.Context, t target, major int) (Build, error) {
	if p.Source == "" {
		return Build{}, errors.New("a source of builds: none is set")
	}
	key := fmt.Sprintf("%s %d", t, major)
	if err := p.failed[key]; err != nil {
		return Build{}, err
	}
	var b Build
	var err error
	if isURL(p.Source) {
		b, err = p.fromURL(ctx, t, major)
	} else {
		b, err = p.fromFolder(ctx, t, major)
	}
	if err != nil && ctx.Err() == nil {
		p.failed[key] = err
	}
	return b, err
}

// fromFolder tries what the folder has, the newest first.
func (p *Provider) fromFolder(ctx context.Context, t target, major int) (Build, error) {
	found, odd, err := candidates(p.Source, t, major)
	if err != nil {
		return Build{}, fmt.Errorf("the source %q: %w", p.Source, err)
	}
	var problems sourceErrors
	for _, c := range found {
		b, err := p.install(ctx, t, c)
		if err == nil || ctx.Err() != nil {
			return b, err
		}
		problems = append(problems, err)
	}
	for _, name := range odd {
		problems = append(problems, fmt.Errorf("the source has %q, but only folders and .tar.gz files can be read: unpack it", name))
	}
	if len(problems) == 0 {
		problems = append(problems, fmt.Errorf("the source %q: it has no node-v%d.*-%s-%s%s folder or .tar.gz file", p.Source, major, t.os, t.arch, t.suffix()))
	}
	return Build{}, problems
}

// sourceErrors are what was wrong with each thing that a source has.
type sourceErrors []error

func (e sourceErrors) Error() string { return errors.Join(e...).Error() }

// candidates lists the builds of a folder, the newest first, and archives that
// cannot be read.
func candidates(dir string, t target, major int) (found []candidate, odd []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	add := func(version, what string, open func() (io.ReadCloser, error)) {
		c := candidate{major: major, version: version, what: what, open: open}
		at := 0
		for at < len(found) && !newer(version, found[at].version) {
			at++
		}
		found = append(found[:at], append([]candidate{c}, found[at:]...)...)
	}
	folder := func(version string, parts ...string) {
		program := filepath.Join(append(append([]string{dir}, parts...), filepath.FromSlash(t.file()))...)
		if t.os == "win" { // node's own folders for Windows have no bin
			if _, err := os.Stat(program); err != nil {
				program = filepath.Join(append(append([]string{dir}, parts...), "node.exe")...)
			}
		}
		if info, err := os.Stat(program); err == nil && info.Mode().IsRegular() {
			add(version, fmt.Sprintf("the source's %q", program), func() (io.ReadCloser, error) { return os.Open(program) })
		}
	}
	tail := "-" + t.os + "-" + t.arch + t.suffix()
	for _, e := range entries {
		name := e.Name()
		version, ours := strings.CutPrefix(name, "node-v")
		plain := strings.TrimSuffix(version, ".tar.gz")
		switch {
		case ours && majorOf(version) == major && version != plain && strings.HasSuffix(plain, tail):
			file := filepath.Join(dir, name)
			add(strings.TrimSuffix(plain, tail), fmt.Sprintf("the source's %q", file), func() (io.ReadCloser, error) { return openArchive(file, t) })
		case ours && majorOf(version) == major && strings.HasSuffix(version, tail):
			folder(strings.TrimSuffix(version, tail), name)
		case ours && majorOf(version) == major && strings.Contains(version, tail+".") && !strings.HasSuffix(version, ".sha256"):
			odd = append(odd, filepath.Join(dir, name))
		case name == fmt.Sprintf("node%d", major) && !t.musl,
			name == fmt.Sprintf("node%d_musl", major) && t.musl, name == fmt.Sprintf("node%d_alpine", major) && t.musl:
			folder(fmt.Sprint(major), name)
		case name == t.os+"-"+t.arch && !t.native():
			folder(fmt.Sprint(major), filepath.FromSlash(t.folder(major)))
		case majorOf(name) == major && strings.Count(name, ".") == 2 && !t.musl:
			folder(name, name, t.arch)
		case name == "node" && e.IsDir() && !t.musl: // a whole tool cache
			versions, _ := os.ReadDir(filepath.Join(dir, name))
			for _, v := range versions {
				if majorOf(v.Name()) == major {
					folder(v.Name(), name, v.Name(), t.arch)
				}
			}
		}
	}
	return found, odd, nil
}

// openArchive gives the program inside a .tar.gz file.
func openArchive(file string, t target) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: file, Err: errors.New("it is no file")}
	}
	var r io.Reader
	if err == nil {
		r, err = programIn(f, t)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, f}, nil
}
