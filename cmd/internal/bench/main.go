package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// actVersion is what drydock is compared with.
const actVersion = "v0.2.89"

func main() {
	os.Exit(run())
}

func run() int {
	drydock := flag.String("drydock", "bin/drydock", "drydock `binary`")
	act := flag.String("act", "", "act `binary`; empty: built from the Go module proxy")
	image := flag.String("image", "drydock-test/bash:1", "`image` of the jobs; it must be there")
	socket := flag.String("socket", "/var/run/docker.sock", "engine's `socket`")
	rounds := flag.Int("rounds", 5, "how often each figure is measured")
	helper := flag.String("kube", "", "measure on Kubernetes instead, with this helper `image`; the nodes must have both images")
	buildkit := flag.String("buildkitd", "", "measure image builds instead, with this `program`; buildctl lies beside it")
	only := flag.String("only", "", "run only the scenario of this `name`")
	flag.Parse()

	ctx := context.Background()
	bin, err := filepath.Abs(*drydock)
	if err != nil {
		return fail(err)
	}
	if *helper != "" {
		return kube(ctx, &cluster{image: *image, helper: *helper}, bin, *rounds)
	}
	if *buildkit != "" {
		return builds(ctx, bin, *buildkit, *image, *rounds)
	}
	if *act == "" {
		if *act, err = buildAct(); err != nil {
			return fail(err)
		}
	}
	e := &engine{socket: *socket, image: *image}
	dir, err := os.MkdirTemp("", "drydock-bench-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	var rows []row
	for _, s := range scenarios {
		if *only != "" && s.name != *only {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s ...\n", s.name)
		r, err := measure(ctx, s, dir, bin, *act, e, *rounds)
		if err != nil {
			return fail(fmt.Errorf("%s: %w", s.name, err))
		}
		rows = append(rows, r)
	}
	start, err := startup(bin, 4**rounds)
	if err != nil {
		return fail(err)
	}
	own, err := ownCommand(dir)
	if err != nil {
		return fail(err)
	}
	printTable(os.Stdout, rows, start, own, *rounds)
	return 0
}

func kube(ctx context.Context, c *cluster, bin string, rounds int) int {
	dir, err := os.MkdirTemp("", "drydock-bench-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	if err := benchKube(ctx, os.Stdout, c, dir, bin, rounds); err != nil {
		return fail(err)
	}
	return 0
}

func builds(ctx context.Context, bin, buildkitd, image string, rounds int) int {
	dir, err := os.MkdirTemp("", "drydock-bench-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	ctl := filepath.Join(filepath.Dir(buildkitd), strings.Replace(filepath.Base(buildkitd), "buildkitd", "buildctl", 1))
	if ctl, err = filepath.Abs(ctl); err != nil {
		return fail(err)
	}
	if err := measureServices(ctx, os.Stdout, dir, bin, buildkitd, ctl, image, rounds); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}

// buildAct installs act into bin/tools, once.
func buildAct() (string, error) {
	dir, err := filepath.Abs("bin/tools")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "act")
	if out, err := exec.Command(name, "--version").Output(); err == nil && strings.Contains(string(out), strings.TrimPrefix(actVersion, "v")) {
		return name, nil
	}
	fmt.Fprintln(os.Stderr, "building act", actVersion, "...")
	cmd := exec.Command("go", "install", "-ldflags", "-X main.version="+strings.TrimPrefix(actVersion, "v"), "github.com/nektos/act@"+actVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return name, cmd.Run()
}
