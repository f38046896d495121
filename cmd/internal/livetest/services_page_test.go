package livetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestServicesPage follows "Five minutes" of docs/services.md word for word, but for
// the place of the copy and the registry, and compares what the page shows.
func TestServicesPage(t *testing.T) {
	w := newWorld(t)
	w.withGo()
	page, err := os.ReadFile(filepath.Join(root, "docs/services.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(page), "\n## Five minutes\n")
	part, _, _ = strings.Cut(part, "\n## ")
	script := "set -eu\n"
	steps := shell.FindAllStringSubmatch(part, -1)
	for _, s := range steps {
		script += s[1]
	}
	shown := regexp.MustCompile("(?s)```\n(SERVICE.*?)```").FindStringSubmatch(part)
	if len(steps) != 3 || shown == nil {
		t.Fatalf("%d steps: the test and the page differ", len(steps))
	}
	registry, copied := w.distribution(), filepath.Join(w.home, "conference")
	replace := func(old, with string) {
		t.Helper()
		if !strings.Contains(script, old) {
			t.Fatalf("the page does not say %q", old)
		}
		script = strings.ReplaceAll(script, old, with)
	}
	replace("localhost:5000", registry)
	replace("git init", "sed -i s/localhost:5000/"+registry+"/ drydock.yaml services/admin/Dockerfile\ngit init")
	replace("/tmp/conference", copied)
	replace("examples/monorepo", filepath.Join(root, "examples/monorepo"))
	replace("drydock build", binary+" build")
	replace("drydock init", binary+" init")
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env = w.home, w.environ()
	began := time.Now()
	out, err := cmd.CombinedOutput()
	t.Logf("%.1f s", time.Since(began).Seconds())
	text := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{"8 jobs passed", shown[1], "< re-tag: success", "8 services are in drydock.yaml now"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not print %q", want)
		}
	}
	if n := strings.Count(text, "> re-tag"); n != 5 {
		t.Errorf("%d services were tagged again", n)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// distribution starts Debian's docker-registry and gives its address.
func (w *world) distribution() string {
	t := w.t
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("needs the package docker-registry")
	}
	address := freePort(t)
	config := filepath.Join(w.home, "registry.yml")
	text := "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " + filepath.Join(w.home, "registry") + "}}\nhttp: {addr: " + address + ", secret: x}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, patience, "docker-registry comes", func() bool {
		return exec.Command("curl", "-fsS", "-o", "/dev/null", "http://"+address+"/v2/").Run() == nil
	})
	return address
}
