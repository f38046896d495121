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
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
)

// buildGo compiles a Go service for every platform, and makes an image of the
// programs and their data as ko lays it out.
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
		programs = append(programs, goProgram{platformOf(text), filepath.Join(folder, strings.ReplaceAll(text, "/", "-"))})
	}
	if b.GoInBuilder {
		err = b.compileInBuilder(ctx, r, main, programs, log)
	} else {
		err = compileHere(ctx, s.Build.Ko.Text, main, programs, log)
	}
	if err != nil {
		return build.Result{}, err
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

// compileHere uses the go tool as whoever runs this process would: it is their code.
func compileHere(ctx context.Context, declared, main string, programs []goProgram, log io.Writer) error {
	for _, p := range programs {
		fmt.Fprintf(log, "go build for %s\n", p.platform)
		cmd := exec.CommandContext(ctx, "go", p.build(p.path)...)
		cmd.Dir, cmd.Env = main, append(os.Environ(), p.environ()...)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.WaitDelay = 5 * time.Second // its children have the pipes, too
		err := cmd.Run()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("compile %q for %s: %w", declared, p.platform, err)
		}
	}
	return nil
}

// goProgram is a compiled program of a platform.
type goProgram struct {
	platform v1.Platform
	path     string
}

// build are the arguments of the go tool: nothing of where and when it compiles is in
// the program.
func (p goProgram) build(out string) []string {
	return []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, "."}
}

func (p goProgram) environ() []string {
	env := []string{"CGO_ENABLED=0", "GOOS=" + p.platform.OS, "GOARCH=" + p.platform.Architecture}
	if version, ok := strings.CutPrefix(p.platform.Variant, "v"); ok {
		switch p.platform.Architecture {
		case "arm":
			env = append(env, "GOARM="+version)
		case "amd64":
			env = append(env, "GOAMD64=v"+version)
		}
	}
	return env
}
