package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// hostNode is the node of this machine.
type hostNode struct {
	program string // the program itself, behind links and wrappers
	version string
	major   int
}

func (h hostNode) candidate() candidate {
	return candidate{major: h.major, version: h.version, what: fmt.Sprintf("the node of this machine, %q", h.program),
		// A copy, not a hard link: a job that writes to it must not change the machine's.
		open: func() (io.ReadCloser, error) { return os.Open(h.program) }}
}

// host finds this machine's node and tells whether places of that kind can run
// it.
func (p *Provider) host(ctx context.Context, t target) (hostNode, error) {
	fail := func(err error) (hostNode, error) {
		return hostNode{}, fmt.Errorf("the node of this machine: %w", err)
	}
	if !p.UseHost {
		return fail(errors.New("its use is not allowed"))
	}
	own, err := newTarget(runtime.GOOS, runtime.GOARCH, "")
	if err != nil {
		return fail(err)
	}
	if own.os != t.os || own.arch != t.arch {
		return fail(fmt.Errorf("it is for %s %s", own.os, own.arch))
	}
	first, err := exec.LookPath("node")
	if err != nil {
		return fail(errors.New("there is none in PATH"))
	}
	h, err := ask(ctx, first)
	if err != nil {
		return fail(err)
	}
	f, err := os.Open(h.program)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	if err := t.fits(f); err != nil {
		return fail(fmt.Errorf("%q does not fit: %w", h.program, err))
	}
	return h, nil
}

// ask lets node say what it is: behind a link, or a wrapper of a version
// manager, is the program that counts.
func ask(ctx context.Context, command string) (hostNode, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, "-p", `process.execPath+"\n"+process.version`)
	cmd.WaitDelay = time.Second
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "NODE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return hostNode{}, fmt.Errorf("ask %q for its version: %w", command, err)
	}
	program, version, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	program, version = strings.TrimSpace(program), strings.TrimSpace(version)
	if majorOf(version) == 0 || !strings.HasPrefix(version, "v") || !filepath.IsAbs(program) {
		return hostNode{}, fmt.Errorf("ask %q for its version: it answers %q", command, out.String())
	}
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		return hostNode{}, err
	}
	return hostNode{program: program, version: strings.TrimPrefix(version, "v"), major: majorOf(version)}, nil
}
