package images

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
)

// compile builds a Go service for every platform with the go tool, and makes a
// context of the programs and their data, as ko lays an image out: the program is
// /ko-app/NAME, its data lie in KO_DATA_PATH.
func (b *Builder) compile(ctx context.Context, r pipeline.Request, log io.Writer) (folder string, platforms []string, err error) {
	s := r.Service
	for _, p := range s.Build.Platforms {
		platforms = append(platforms, p.Text)
	}
	if len(platforms) == 0 {
		platforms = []string{"linux/" + runtime.GOARCH}
	}
	main := filepath.Join(r.Folder, filepath.FromSlash(s.Build.Ko.Text))
	folder = filepath.Join(b.Folder, s.Name.Text+".context")
	environ := b.Environ
	if environ == nil {
		environ = os.Environ()
	}
	for _, platform := range platforms {
		parts := append(strings.SplitN(platform, "/", 3), "")
		program := filepath.Join(folder, strings.ReplaceAll(platform, "/", "-"))
		fmt.Fprintf(log, "go build for %s\n", platform)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", program, ".")
		cmd.Dir = main
		cmd.Env = append(slices.Clone(environ), "CGO_ENABLED=0", "GOOS="+parts[0], "GOARCH="+parts[1])
		if version, ok := strings.CutPrefix(parts[2], "v"); ok && parts[1] == "arm" {
			cmd.Env = append(cmd.Env, "GOARM="+version)
		}
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			if ctx.Err() != nil {
				return "", nil, context.Cause(ctx)
			}
			return "", nil, fmt.Errorf("compile %q for %s: %w", s.Build.Ko.Text, platform, err)
		}
	}
	data := filepath.Join(main, "kodata")
	hasData := isFolder(data)
	if hasData {
		if err := copyData(data, filepath.Join(folder, "kodata")); err != nil {
			return "", nil, fmt.Errorf("copy %q: %w", data, err)
		}
	}
	text := koDockerfile(filepath.Base(main), platforms, hasData)
	return folder, platforms, os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(text), 0o644)
}

// koDockerfile has a stage for each platform's program.
func koDockerfile(name string, platforms []string, data bool) string {
	var b strings.Builder
	for _, platform := range platforms {
		flat := strings.ReplaceAll(platform, "/", "-")
		fmt.Fprintf(&b, "FROM scratch AS %s\nCOPY [%q, \"/ko-app/%s\"]\n", flat, flat, name)
	}
	b.WriteString("FROM ${TARGETOS}-${TARGETARCH}${TARGETVARIANT:+-$TARGETVARIANT}\n")
	if data {
		b.WriteString("COPY kodata /var/run/ko\nENV KO_DATA_PATH=/var/run/ko\n")
	}
	fmt.Fprintf(&b, "USER 65532\nENTRYPOINT [\"/ko-app/%s\"]\n", name)
	return b.String()
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// copyData copies a folder, and of symlinks what they point to, as ko does.
func copyData(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, inside)
		if isFolder(path) && !d.IsDir() {
			real, err := filepath.EvalSymlinks(path)
			if err != nil {
				return err
			}
			return copyData(real, target)
		}
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}
