package images

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"

	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
)

// Where things are in the builder's sandbox.
const (
	goRoot  = "/usr/local/go"
	goFiles = "/src"
	goCerts = "/etc/ssl/certs" // Go: crypto/x509/root_linux.go
	goCache = "/cache"
)

// compileInBuilder compiles what strangers may have written. The go tool runs none of
// it, but reads what it names: an assembler file includes any file, replace and a
// symlink lead to any folder, and errors quote what stands there. So it runs where
// nothing else is: the repository's files, the toolchain, and caches of this kind of
// run of this repository.
func (b *Builder) compileInBuilder(ctx context.Context, r pipeline.Request, main string, programs []goProgram, log io.Writer) error {
	top, err := filepath.EvalSymlinks(r.Folder)
	if err != nil {
		return err
	}
	at, err := filepath.Rel(top, main)
	if err != nil {
		return err
	}
	tool, err := ownToolchain(ctx)
	if err != nil {
		return fmt.Errorf("compile %q: %w", r.Service.Build.Ko.Text, err)
	}
	for _, name := range tool.left {
		fmt.Fprintf(log, "%s stays on the server: it holds a login, which what is compiled could read\n", name)
	}
	out := filepath.Dir(programs[0].path)
	s := build.Sandbox{
		Op: fmt.Sprintf("compile %q", r.Service.Build.Ko.Text), Platform: tool.platform,
		Folders: []build.Folder{
			{Name: "repository", Path: top, At: goFiles},
			{Name: "toolchain", Path: tool.root, At: goRoot, Without: notForBuilds, Key: tool.version, Common: true},
		},
		Kept: []build.Kept{{At: goCache + "/mod", ID: path.Join(b.Namespace, "drydock-go-mod")}},
		Env: append(tool.env, "GOROOT="+goRoot, "GOTOOLCHAIN=local", "GOENV=off", "GOPATH="+goCache+"/go",
			"GOMODCACHE="+goCache+"/mod", "GOCACHE="+goCache+"/build"),
		Proxy: tool.proxy,
		Out:   out, MaxFile: maxLayer, Progress: progress(log),
	}
	certificates, err := certificates(filepath.Join(out, "certificates"))
	if err != nil {
		return err
	}
	if certificates != "" {
		s.Folders = append(s.Folders, build.Folder{Name: "certificates", Path: certificates, At: goCerts, Key: "drydock-certificates"})
	}
	for _, p := range programs {
		name := filepath.Base(p.path)
		s.Files = append(s.Files, name)
		s.Steps = append(s.Steps, build.Step{
			Name: "go build for " + p.platform.String(), Dir: path.Join(goFiles, filepath.ToSlash(at)), Env: p.environ(),
			Args: append([]string{goRoot + "/bin/go"}, p.build(path.Join(build.SandboxOut, name))...),
			Kept: []build.Kept{{At: goCache + "/build", ID: path.Join(b.Namespace, "drydock-go-"+name), First: b.standard(p)}},
		})
	}
	return b.BuildKit.Run(ctx, s)
}

// standard compiles what most services import, once and not for every repository and
// pull request.
func (b *Builder) standard(p goProgram) *build.Step {
	return &build.Step{
		Name: "go build of the standard library for " + p.platform.String(), Env: append(p.environ(), "DRYDOCK_COMMON="+b.Common),
		Args: []string{goRoot + "/bin/go", "build", "-trimpath", "net/http", "html/template", "database/sql", "log/slog", "os/exec"},
	}
}

// notForBuilds are files of Go's own that no build reads.
var notForBuilds = []string{"api", "doc", "misc", "test", "src/cmd", "**/testdata", "**/*_test.go"}

// progress writes what the builder does.
func progress(log io.Writer) func(build.Event) {
	return func(e build.Event) {
		if line, ok := e.Words(); ok {
			fmt.Fprintln(log, line)
		}
	}
}
