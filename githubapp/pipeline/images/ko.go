package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
)

// buildGo compiles a Go service for every platform with the go tool, and makes an
// image of the programs and their data as ko lays it out, without a builder.
func (b *Builder) buildGo(ctx context.Context, r pipeline.Request, out build.Output, log io.Writer) (build.Result, error) {
	s := r.Service
	main, err := inside(r.Folder, s.Build.Ko.Text)
	if err != nil {
		return build.Result{}, fmt.Errorf("the program of service %q: %w", s.Name.Text, err)
	}
	folder, err := os.MkdirTemp(b.Folder, s.Name.Text+"-")
	if err != nil {
		return build.Result{}, fmt.Errorf("make a folder for the programs: %w", err)
	}
	defer os.RemoveAll(folder)
	platforms := []string{"linux/" + runtime.GOARCH}
	if len(s.Build.Platforms) > 0 {
		platforms = nil
		for _, p := range s.Build.Platforms {
			platforms = append(platforms, p.Text)
		}
	}
	var programs []goProgram
	for _, text := range platforms {
		p := goProgram{platformOf(text), filepath.Join(folder, strings.ReplaceAll(text, "/", "-"))}
		fmt.Fprintf(log, "go build for %s\n", text)
		if err := b.compile(ctx, main, p, log); err != nil {
			return build.Result{}, fmt.Errorf("compile %q for %s: %w", s.Build.Ko.Text, text, err)
		}
		programs = append(programs, p)
	}
	data := ""
	if info, err := os.Stat(filepath.Join(main, "kodata")); err == nil && info.IsDir() {
		if data, err = inside(r.Folder, path.Join(s.Build.Ko.Text, "kodata")); err != nil {
			return build.Result{}, fmt.Errorf("the data of service %q: %w", s.Name.Text, err)
		}
	}
	made := registry.Layout{Dir: filepath.Join(folder, "layout")}
	if err := assemble(made.Dir, programName(s.Build.Ko.Text, s.Name.Text), programs, data, build.DefaultEpoch); err != nil {
		return build.Result{}, err
	}
	return b.BuildKit.Deliver(ctx, made, out)
}

// programName is the last part of the main package's folder; at the top of the
// repository that folder can be called anything.
func programName(declared, service string) string {
	if declared == "." {
		return service
	}
	return path.Base(declared)
}

func (b *Builder) compile(ctx context.Context, main string, p goProgram, log io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", p.path, ".")
	environ := b.Environ
	if environ == nil {
		environ = os.Environ()
	}
	cmd.Dir = main
	cmd.Env = append(slices.Clone(environ), "CGO_ENABLED=0", "GOOS="+p.platform.OS, "GOARCH="+p.platform.Architecture)
	if version, ok := strings.CutPrefix(p.platform.Variant, "v"); ok {
		switch p.platform.Architecture {
		case "arm":
			cmd.Env = append(cmd.Env, "GOARM="+version)
		case "amd64":
			cmd.Env = append(cmd.Env, "GOAMD64=v"+version)
		}
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = 5 * time.Second // its children have the pipes, too
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
