package livetest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor/executortest"
)

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestOperate follows the first part of docs/operate.md word for word, but for the
// place of the clone and the ports, which somebody else may have.
func TestOperate(t *testing.T) {
	w := newWorld(t)
	page, err := os.ReadFile(filepath.Join(root, "docs/operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(page), "\n## Try it without GitHub\n")
	part, _, _ = strings.Cut(part, "\n## ")
	script := "set -eu\n"
	steps := shell.FindAllStringSubmatch(part, -1)
	for _, s := range steps {
		script += s[1] + "echo \"-- $(date +%s.%N)\"\n"
	}
	if len(steps) != 3 || !strings.Contains(part, "`kill %1 %2`") {
		t.Fatalf("%d steps: the test and the page differ", len(steps))
	}
	replace := func(old, with string) {
		t.Helper()
		if !strings.Contains(script, old) {
			t.Fatalf("the page does not say %q", old)
		}
		script = strings.ReplaceAll(script, old, with)
	}
	github, server := freePort(t), freePort(t)
	replace("https://github.com/drydock-ci/drydock", root)
	replace("pretend-github --folder", "pretend-github --listen "+github+" --server http://"+server+" --folder")
	replace("127.0.0.1:9080", github)
	replace("bin/drydock serve", "bin/drydock serve --listen "+server)
	replace("127.0.0.1:8080", server)
	script += "read -r end || true\nkill %1 %2\nwait || true\n"

	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env = w.home, w.environ()
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN", "GOSUMDB"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(out)))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	// Whatever happens, nothing of it stays.
	late := time.AfterFunc(12*time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	green, text := false, ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		text += line + "\n"
		if strings.HasPrefix(line, "-- ") || strings.HasPrefix(line, "check run") {
			t.Logf("%.1f s: %s", time.Since(began).Seconds(), line)
		}
		if strings.HasPrefix(line, `check run "CI / hello (push)"`) && strings.HasSuffix(line, "is completed: success") && !green {
			green = true
			stdin.Close()
		}
	}
	if err := cmd.Wait(); !green {
		t.Errorf("no check run is green: %v\n%s", err, text)
	}
}

// freePort is an address that nobody listens at, and stays so until it is needed.
func freePort(t testing.TB) string { return "127.0.0.1:" + executortest.Port(t) }
