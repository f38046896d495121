package livetest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

const (
	busybox = "drydock-test/busybox:1"
	bash    = "drydock-test/bash:1"
)

var (
	binary string // the program under test
	root   string // of the project
	client = "docker"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" && os.Getenv(kubeAsked) != "1" {
		os.Exit(m.Run()) // every test says why it is skipped
	}
	// Where this program was started to outlive its terminal, it hands that on:
	// what is caught here has its default in the programs it starts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	// The tests wait far more than they compute.
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set("5")
	}
	dir, err := os.MkdirTemp("", "drydock-livetest-*")
	if err == nil {
		err = prepare(dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the live tests:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// prepare builds the program as `make build` does and makes sure of images.
func prepare(dir string) error {
	var err error
	if root, err = filepath.Abs("../../.."); err != nil {
		return err
	}
	if c := os.Getenv("DRYDOCK_TEST_DOCKER_CLI"); c != "" {
		client = c
	}
	if _, err := os.Stat(filepath.Join(root, "executor/helper/program/linux-"+runtime.GOARCH)); err != nil {
		if err := command(root, "make", "helper"); err != nil {
			return err
		}
	}
	binary = filepath.Join(dir, "drydock")
	if err := command(root, "go", "build", "-trimpath", "-o", binary, "./cmd/drydock"); err != nil {
		return err
	}
	for _, image := range images() {
		if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
			break
		}
		if exec.Command(client, "image", "inspect", image).Run() != nil {
			if err := command(root, ".ci/testimage.sh", strings.TrimSuffix(strings.TrimPrefix(image, "drydock-test/"), ":1")); err != nil {
				return err
			}
		}
	}
	if err := prepareNode(dir); err != nil {
		return err
	}
	if os.Getenv(kubeAsked) == "1" {
		return prepareKube(dir)
	}
	return nil
}

// images are those that jobs run in; one of them has the libraries of this
// machine's node.
func images() []string {
	all := []string{busybox, bash}
	if _, err := exec.LookPath("node"); err == nil {
		all = append(all, tools)
	}
	return all
}

func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
