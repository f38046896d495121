package livetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKubeDockerfile: nothing builds images in a cluster until the operator says
// what does.
func TestKubeDockerfile(t *testing.T) {
	w := newKubeWorld(t)
	w.file("built/Dockerfile", "FROM "+busybox+"\n")
	w.file("built/action.yml", "name: built\nruns: {using: docker, image: Dockerfile}\n")
	w.workflow("jobs:\n  built:\n    runs-on: ubuntu-latest\n    steps: [{uses: actions/checkout@v4}, {uses: ./built}]\n")
	r := w.run()
	r.wantCode(1)
	if text := r.jobText("built"); !strings.Contains(text, `the job runs on "kubernetes", where nothing builds images`) {
		t.Errorf("a Dockerfile action: %s", text)
	}
}

// TestKubeCrash: what a killed run leaves, doctor --fix removes.
func TestKubeCrash(t *testing.T) {
	w := newKubeWorld(t)
	w.workflow("jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: echo step ready; sleep 600}]\n")
	r := w.start()
	r.until("step ready")
	r.crash()
	fixed := w.program("doctor", "--fix").wait()
	fixed.wantCode(0)
	for _, words := range []string{"access: Kubernetes v1", "rights: all that", "pod: a pod with the helper", "pod drydock-project-a-"} {
		if !strings.Contains(fixed.out, words) {
			t.Errorf("doctor does not say %q:\n%s", words, fixed.out)
		}
	}
}

// TestKubePlacement: the operator says where labels and groups are; a workflow
// cannot.
func TestKubePlacement(t *testing.T) {
	w := newKubeWorld(t)
	ns := namespace(t)
	config := filepath.Join(w.home, ".config", "drydock", "drydock.yaml")
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(`
kubernetes:
  labels: {team: blue}
runners:
  - labels: [big, linux]
    group: heavy
    executor: kubernetes
    image: `+bash+`
    kubernetes:
      namespace: `+ns+`
      limits: {memory: 96Mi, cpu: 500m}
      requests: {cpu: 10m}
      node_selector: {kubernetes.io/os: linux}
      tolerations: ["dedicated=ci:NoSchedule"]
      labels: {size: big}
  - {labels: [linux], executor: kubernetes, image: "`+busybox+`"}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	w.workflow(`
jobs:
  big:
    runs-on: {group: heavy, labels: [linux, big]}
    container: {image: "` + bash + `", options: --memory 1g --cpus 8}
    steps: [{run: echo big ready; until test -e /tmp/go; do sleep 0.1; done}]
  small:
    runs-on: linux
    steps: [{run: echo small ready; until test -e /tmp/go; do sleep 0.1; done}]
`)
	r := w.start()
	r.until("big ready", "small ready")
	for _, p := range w.pods() {
		limits := p.Spec.Containers[0].Resources.Limits
		switch p.Metadata.Namespace {
		case ns:
			if limits["memory"] != "96Mi" || limits["cpu"] != "500m" || p.Metadata.Labels["size"] != "big" || p.Metadata.Labels["team"] != "blue" {
				t.Errorf("the big one: limits %v, labels %v", limits, p.Metadata.Labels)
			}
		case "default":
			if len(limits) != 0 || p.Metadata.Labels["team"] != "blue" || p.Spec.Containers[0].Image != busybox {
				t.Errorf("the small one: %+v", p)
			}
		}
		kubectl(t, "exec", "-n", p.Metadata.Namespace, p.Metadata.Name, "-c", "job", "--", "/bin/busybox", "touch", "/tmp/go")
	}
	r.wait().wantCode(0)

	// No entry offers it all.
	w.workflow("jobs:\n  a:\n    runs-on: [linux, big, fast]\n    steps: [{run: echo}]\n")
	bad := w.run()
	bad.wantCode(2)
	if !strings.Contains(bad.err, `lacks "fast"`) || !strings.Contains(bad.err, "drydock.yaml:5:5") {
		t.Errorf("got %s", bad.err)
	}
}

// TestKubeUnavailable: one clear answer, at once.
func TestKubeUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		env, words string
	}{
		"no cluster":   {"KUBECONFIG=/nonexistent", "find a Kubernetes cluster"},
		"no namespace": {"DRYDOCK_KUBERNETES_NAMESPACE=not-there", "make the namespace, or name another one"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newKubeWorld(t)
			w.env = append(w.env, c.env)
			w.workflow("jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: echo}]\n  b:\n    runs-on: ubuntu-latest\n    steps: [{run: echo}]\n")
			r := w.run()
			r.wantCode(4)
			if !strings.Contains(r.err, c.words) || strings.Count(r.err, c.words) != 1 || r.took > time.Minute {
				t.Errorf("after %s: %s", r.took, r.err)
			}
		})
	}
}
