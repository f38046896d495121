package build

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	buildkit "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"

	"github.com/drydock-ci/drydock/executor"
)

// SandboxOut is where programs in a sandbox leave what shall come out.
const SandboxOut = "/out"

// Sandbox is programs that the builder runs on strangers' files: on no image, with no
// file but those of the folders that it is sent, and with no variable but those named.
type Sandbox struct {
	Op       string // what errors say was being done
	Platform string // of the programs, as os/arch
	Folders  []Folder
	Kept     []Kept
	Env      []string // the programs, and with them the strangers' files, can read it
	Proxy    Proxy
	Steps    []Step // one after the other

	// Out is the folder for what is left in SandboxOut: these regular files, each
	// of that many bytes at most. Anything else there is an error.
	Out     string
	Files   []string
	MaxFile int64

	Progress func(Event) // as that of Request
}

// Folder is one of this machine that programs can read.
type Folder struct {
	Name    string // different from the others', such as "repository"
	Path    string
	At      string   // in the sandbox
	Without []string // patterns as in .dockerignore: these files are not sent
	// Key is the same for folders that mostly hold the same: what is there already, by
	// size and time, is not sent again. Empty: it is the path's on this machine.
	Key string
	// Common is not the strangers': what is made of it is the same for all.
	Common bool
}

// Kept is a folder that stays at the builder.
type Kept struct {
	At string
	ID string // who names the same has the same files
	// First makes what is there at first, for every ID, from the folders alone that say
	// they are Common; nil: nothing is.
	First *Step
}

// Step is one program.
type Step struct {
	Name string // in events
	Args []string
	Dir  string   // empty: /
	Env  []string // beside that of all
	Kept []Kept   // as well
}

// Proxy is what programs find in HTTP_PROXY and its like. Results do not depend on it.
type Proxy struct{ HTTP, HTTPS, No string }

// Run lets the builder run the programs, and brings their files.
func (b *Builder) Run(ctx context.Context, s Sandbox) error {
	c, err := b.client(ctx)
	if err != nil {
		return err
	}
	r := &Request{Name: s.Op, Platforms: []string{s.Platform}, Progress: s.Progress} // for events and errors
	if err := b.runs(ctx, s); err != nil {
		return err
	}
	opt := buildkit.SolveOpt{LocalMounts: map[string]fsutil.FS{}}
	for _, f := range s.Folders {
		if opt.LocalMounts[f.Name], err = f.files(); err != nil {
			return executor.Errorf(s.Op, executor.Invalid, "read %q: %w", f.Path, err)
		}
	}
	definition, err := s.definition(ctx)
	if err != nil {
		return executor.Errorf(s.Op, executor.Invalid, "%w", err)
	}
	// A tar, and no folder: what comes out is looked at before it is anywhere.
	from, to := io.Pipe()
	opt.Exports = []buildkit.ExportEntry{{
		Type: buildkit.ExporterTar, Output: func(map[string]string) (io.WriteCloser, error) { return to, nil },
	}}
	received := make(chan error, 1)
	go func() {
		err := s.receive(from)
		from.CloseWithError(err)
		received <- err
	}()
	_, err = b.solve(ctx, c, definition, r, opt, newWatcher(r))
	to.CloseWithError(err) // nil: it is at its end, and was closed before
	bad := <-received
	var failed *executor.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		failed.Op = s.Op
		if code := exitCode.FindStringSubmatch(failed.Err.Error()); code != nil { // in other words than those about RUN
			failed.Err = said{fmt.Sprintf("%s ended with exit code %s", path.Base(s.Steps[0].Args[0]), code[1]), failed.Err}
		}
		var refused refusedFile
		if errors.As(bad, &refused) {
			failed.Kind, failed.Err = executor.Refused, bad
		}
		return failed
	case err != nil:
		return err
	case bad != nil:
		return executor.Errorf(s.Op, executor.Refused, "%w", bad)
	}
	return nil
}

// runs tells whether the builder can run the programs at all.
func (b *Builder) runs(ctx context.Context, s Sandbox) error {
	info, err := b.Probe(ctx)
	if err != nil || slices.Contains(info.Platforms, s.Platform) {
		return nil //nolint:nilerr // what is wrong with the builder, the build will tell
	}
	return &executor.Error{
		Op: s.Op, Kind: executor.Unsupported, Reason: BadPlatform,
		Err:  fmt.Errorf("its programs are for %s, and the builder at %s runs %s", s.Platform, b.where(), strings.Join(info.Platforms, ", ")),
		Hint: "give a builder of that platform",
	}
}

// definition is the sandbox in BuildKit's words. No frontend reads it, and none could:
// that of an older engine knows no second context.
func (s *Sandbox) definition(ctx context.Context) (*llb.Definition, error) {
	p, err := platforms.Parse(s.Platform)
	if err != nil {
		return nil, err
	}
	out := llb.Scratch()
	for _, step := range s.Steps {
		all := s.options(step, false)
		for _, k := range append(slices.Clone(s.Kept), step.Kept...) {
			first := llb.Scratch()
			if k.First != nil {
				first = first.Run(s.options(*k.First, true)...).AddMount(k.At, llb.Scratch())
			}
			all = append(all, llb.AddMount(k.At, first, llb.AsPersistentCacheDir(k.ID, llb.CacheMountShared)))
		}
		out = llb.Scratch().Run(all...).AddMount(SandboxOut, out)
	}
	return out.Marshal(ctx, llb.Platform(p))
}

// options are those of a step, but for what it writes to.
func (s *Sandbox) options(step Step, common bool) []llb.RunOption {
	all := []llb.RunOption{
		llb.Args(step.Args), llb.Dir(cmp.Or(step.Dir, "/")), llb.WithCustomName(step.Name),
		// On the builder's disk: what is in memory there counts for all.
		llb.AddMount("/tmp", llb.Scratch()),
	}
	for _, f := range s.Folders {
		if common && !f.Common {
			continue
		}
		local := llb.Local(f.Name, llb.SharedKeyHint(f.key()), llb.WithCustomName("take the "+f.Name))
		all = append(all, llb.AddMount(f.At, local, llb.Readonly))
	}
	for _, pair := range append(slices.Clone(s.Env), step.Env...) {
		name, value, _ := strings.Cut(pair, "=")
		all = append(all, llb.AddEnv(name, value))
	}
	if s.Proxy != (Proxy{}) {
		all = append(all, llb.WithProxy(llb.ProxyEnv{HTTPProxy: s.Proxy.HTTP, HTTPSProxy: s.Proxy.HTTPS, NoProxy: s.Proxy.No}))
	}
	return all
}

func (f Folder) key() string {
	if f.Key != "" {
		return f.Key
	}
	return sharedKey(f.Path)
}

// files are what is sent.
func (f Folder) files() (fsutil.FS, error) {
	all, err := checkout(f.Path)
	if err != nil || len(f.Without) == 0 {
		return all, err
	}
	return fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: f.Without})
}

// refusedFile is about what a program has left.
type refusedFile struct{ error }

func (e refusedFile) Unwrap() error { return e.error }

// receive writes what the builder sends of SandboxOut.
func (s *Sandbox) receive(from io.Reader) error {
	refuse := func(format string, args ...any) error { return refusedFile{fmt.Errorf(format, args...)} }
	missing := slices.Clone(s.Files)
	r := tar.NewReader(from)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read what was made: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		at := slices.Index(missing, name)
		switch {
		case h.Typeflag == tar.TypeDir && name == "":
			continue
		case at < 0 || h.Typeflag != tar.TypeReg:
			return refuse("%q came out, which nobody asked for", h.Name)
		case h.Size > s.MaxFile:
			return refuse("%q has %d bytes, and may have %d", name, h.Size, s.MaxFile)
		}
		missing = slices.Delete(missing, at, at+1)
		if err := write(filepath.Join(s.Out, name), r); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return refuse("%q did not come out", missing[0])
	}
	_, err := io.CopyN(io.Discard, from, 1<<20) // whoever sends waits until the last zeros are read
	if errors.Is(err, io.EOF) {
		return nil
	}
	return errors.Join(err, refuse("something came after what was made"))
}

func write(name string, from io.Reader) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
