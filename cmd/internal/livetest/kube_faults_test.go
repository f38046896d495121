package livetest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kubeFault is something that goes wrong, and what the events must say of it.
type kubeFault struct {
	name string
	// settings of the operator, as variables.
	settings func(*world) []string
	job      string // the keys of job "a"; empty: one that says "ready" and waits
	// meanwhile is done once the job has said "ready".
	meanwhile func(*world, *running)

	cause string // of the job's end, or of the notice when it does not begin; empty: the job passes
	code  int
	infra bool
	words []string      // of the reason
	lines []string      // that the job prints
	said  []string      // parts of lines
	limit time.Duration // that it takes
}

const waiting = `
    runs-on: ubuntu-latest
    steps: [{name: wait, run: "echo ready; sleep 600"}]
`

// odd is what a name may hold, 300 characters long.
var odd = strings.Repeat(`Ünïcode/"x" <&> $(id) `, 14)[:300]

// kubeFaults is the list: twelve faults and their classes, with variants.
var kubeFaults = []kubeFault{
	{ // 1
		name: "no cluster", settings: func(w *world) []string { return []string{"KUBECONFIG=" + w.kubeconfig("https://127.0.0.1:1")} },
		cause: "unavailable", code: 4, words: []string{"127.0.0.1:1", "does the cluster run"}, limit: 120 * time.Second,
	},
	{ // 2
		name: "no rights", settings: func(w *world) []string {
			ns := namespace(w.t)
			return []string{"KUBECONFIG=" + w.tokenConfig(ns), "DRYDOCK_KUBERNETES_NAMESPACE=" + ns}
		},
		cause: "refused", code: 4, words: []string{"this user may not create pods", "role of deploy/"}, limit: 60 * time.Second,
	},
	{ // 3
		name: "no such namespace", settings: func(*world) []string { return []string{"DRYDOCK_KUBERNETES_NAMESPACE=not-there"} },
		cause: "not-found", code: 4, words: []string{"not-there", "make the namespace"}, limit: 60 * time.Second,
	},
	{ // 4
		name: "image that cannot be pulled", settings: func(*world) []string { return []string{"DRYDOCK_KUBERNETES_PULL_WAIT=3s", "DRYDOCK_OFFLINE=false"} },
		job:   "\n    runs-on: ubuntu-latest\n    container: 127.0.0.1:1/none:1\n    steps: [{run: echo never}]\n",
		cause: "image", code: 4, infra: true, words: []string{"127.0.0.1:1/none:1"}, said: []string{"Waiting for the pod: "}, limit: 120 * time.Second,
	},
	{ // 5
		name: "pod deleted in a step", settings: never, meanwhile: func(w *world, _ *running) { w.deletePod() },
		cause: "deleted", code: 4, infra: true, words: []string{`step "wait"`, "somebody deleted it"}, limit: 120 * time.Second,
	},
	{ // 6
		name: "evicted", settings: never, meanwhile: func(w *world, _ *running) { w.evict() },
		cause: "evicted", code: 4, infra: true, words: []string{`step "wait"`, "the cluster took its room"}, limit: 120 * time.Second,
	},
	{ // 6, when its node is lost: marked as the cluster marks it
		name: "node lost", settings: never, meanwhile: func(w *world, _ *running) { w.loseNode() },
		cause: "node-lost", code: 4, infra: true, words: []string{`step "wait"`}, limit: 120 * time.Second,
	},
	{ // 7
		name: "memory hog",
		job: `
    runs-on: ubuntu-latest
    container: {image: "` + busybox + `", options: --memory 64m}
    steps: [{name: hog, run: "head -c 400000000 /dev/zero | tail -c 300000000 > /dev/null"}]
`,
		cause: "out-of-memory", code: 1, words: []string{`step "hog"`, "memory", "64", "peak "}, limit: 180 * time.Second,
	},
	{ // 8
		name: "quota of 0", settings: func(w *world) []string {
			ns := namespace(w.t)
			noPods(w.t, ns)
			return []string{"DRYDOCK_KUBERNETES_NAMESPACE=" + ns, "DRYDOCK_KUBERNETES_WAIT=6s"}
		},
		cause: "quota", code: 4, infra: true, words: []string{"exceeded quota", "make room"}, said: []string{"Waiting for the pod: exceeded quota"}, limit: 90 * time.Second,
	},
	{ // 9
		name: "no node suits", settings: func(*world) []string {
			return []string{"DRYDOCK_KUBERNETES_NODE_SELECTOR=none=such", "DRYDOCK_KUBERNETES_WAIT=6s"}
		},
		cause: "unschedulable", code: 4, infra: true, words: []string{"node"}, said: []string{"Waiting for the pod: Unschedulable"}, limit: 90 * time.Second,
	},
	{ // 10
		name: "service that never gets healthy",
		job: `
    runs-on: ubuntu-latest
    services:
      web: {image: "` + busybox + `", entrypoint: sh, command: "-c 'echo here I am; sleep 600'", options: --health-cmd false --health-interval 1s --health-retries 2}
    steps: [{run: echo never}]
`,
		cause: "unhealthy", code: 1, words: []string{`service "web"`, "health check"}, said: []string{"here I am"}, limit: 180 * time.Second,
	},
	{ // 11
		name: "API server away in a step", settings: func(w *world) []string {
			return []string{"KUBECONFIG=" + w.kubeconfig(w.lineToServer())}
		},
		job: `
    runs-on: ubuntu-latest
    steps:
      - run: echo ready; i=1; while [ $i -le 80 ]; do echo "line $i"; i=$((i+1)); sleep 0.1; done
      - run: echo the end
`,
		meanwhile: func(w *world, _ *running) {
			if w.line.cut(true) == 0 {
				w.t.Error("no connection was cut")
			}
			time.Sleep(4 * time.Second)
			w.line.cut(false)
		},
		lines: []string{"line 1", "line 40", "line 80", "the end"}, limit: 180 * time.Second,
	},
	{ // 12
		name:  "job that takes too long",
		job:   "\n    runs-on: ubuntu-latest\n    timeout-minutes: 0.1\n    steps: [{run: echo ready; sleep 600}]\n",
		cause: "timeout", code: 1, words: []string{"exceeded the maximum execution time"}, limit: 180 * time.Second,
	},
	{ // 13: no fault at all
		name: "odd names",
		job: `
    name: '` + odd + `'
    runs-on: ubuntu-latest
    env: {NAME: '` + odd + `', "` + strings.Repeat("LONG_", 60) + `": x}
    services:
      ` + strings.Repeat("s", 60) + `: {image: "` + busybox + `", entrypoint: sleep, command: "600"}
    steps:
      - {name: '` + odd + `', run: 'test ${#NAME} -ge 280 && echo green'}
`,
		lines: []string{"green"}, limit: 180 * time.Second,
	},
}

func never(*world) []string { return []string{"DRYDOCK_REQUEUE=never"} }

// TestKubeFaults: each has one clear result, nothing hangs, and nothing is left.
func TestKubeFaults(t *testing.T) {
	for _, f := range kubeFaults {
		t.Run(f.name, func(t *testing.T) {
			w := newKubeWorld(t)
			if f.settings != nil {
				w.env = append(w.env, f.settings(w)...)
			}
			job := f.job
			if job == "" {
				job = waiting
			}
			w.workflow("jobs:\n  a:" + job)
			r := w.start()
			if f.meanwhile != nil {
				r.until("ready")
				f.meanwhile(w, r)
			}
			res := r.wait()
			res.wantCode(f.code)
			end := res.ending()
			t.Logf("%s after %.1f s: %s%s", end.Cause, res.took.Seconds(), end.Reason, end.Text)
			if end.Cause != f.cause || end.Infra != f.infra {
				t.Errorf("cause %q, want %q; infra %v", end.Cause, f.cause, end.Infra)
			}
			for _, words := range f.words {
				if !strings.Contains(end.Reason+end.Text, words) {
					t.Errorf("it does not say %q: %s", words, end.Reason+end.Text)
				}
			}
			for _, part := range f.said {
				if !slices.ContainsFunc(res.lines(), func(l string) bool { return strings.Contains(l, part) }) {
					t.Errorf("no line says %q:\n%s", part, res.text())
				}
			}
			res.wantLines(f.lines...)
			if res.took > f.limit {
				t.Errorf("it took %s, more than %s", res.took, f.limit)
			}
			w.leaveNoObject()
		})
	}
}

// ending is the end of job "a", or why the run did not begin.
func (r result) ending() event {
	r.t.Helper()
	var ends []event
	for _, e := range r.events {
		if e.Type == "job-finished" || e.Type == "notice" && e.Cause != "" {
			ends = append(ends, e)
		}
	}
	if len(ends) != 1 {
		r.t.Fatalf("%d ends: %s\n%s", len(ends), r.out, r.err)
	}
	return ends[0]
}

// TestKubeRequeue evicts a pod in the middle of a step: the job begins again in
// a new one, with its artifacts, and each of both is told.
func TestKubeRequeue(t *testing.T) {
	w := newKubeWorld(t)
	w.file("js/action.yml", "name: js\ninputs: {do: {}, name: {}, content: {}}\nruns: {using: node24, main: main.js}\n")
	w.file("js/main.js", "the main script")
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - {uses: ./js, with: {do: upload, name: dist, content: "made in a pod"}}
      - run: echo "ready in $HOSTNAME"; echo ready; until test -e /tmp/go; do sleep 0.1; done; echo gone on
  after:
    needs: a
    runs-on: ubuntu-latest
    steps: [{run: echo after}]
`)
	r := w.start()
	r.until("ready")
	first := w.pods()[0].Metadata.Name
	w.evict()
	second := ""
	eventually(t, patience, "there is another pod", func() bool {
		for _, p := range w.pods() {
			if p.Metadata.Name != first {
				second = p.Metadata.Name
			}
		}
		return second != ""
	})
	r.until("ready in " + second)
	kubectl(t, "exec", second, "-c", "job", "--", "/bin/busybox", "touch", "/tmp/go")
	res := r.wait()
	res.wantCode(0)
	res.wantLines("gone on", "after")
	n := slices.IndexFunc(res.events, func(e event) bool { return e.Type == "job-requeued" })
	if n < 0 || res.events[n].Cause != "evicted" || !strings.Contains(res.events[n].Reason, "the cluster took its room") {
		t.Errorf("no event says that it is run again:\n%s", res.out)
	}
	logs := w.program("logs", "--raw").wait()
	if strings.Count(logs.out, "is run again: ") != 1 || strings.Count(logs.out, "Z gone on\n") != 1 {
		t.Errorf("the log says\n%s", logs.out)
	}
	w.leaveNoObject()
}

// TestKubeRequeueNot: a job that deploys is not begun twice.
func TestKubeRequeueNot(t *testing.T) {
	w := newKubeWorld(t)
	w.workflow("jobs:\n  a:\n    environment: production" + waiting)
	r := w.start()
	r.until("ready")
	w.deletePod()
	res := r.wait()
	res.wantCode(4)
	if e := res.ending(); e.Cause != "deleted" || !strings.Contains(res.out, "is not run again: it may change something outside (environment)") {
		t.Errorf("it ends by %q:\n%s", e.Cause, res.out)
	}
	w.leaveNoObject()
}

// TestKubeTwoSweep: two programs remove what a killed run left, at once.
func TestKubeTwoSweep(t *testing.T) {
	w := newKubeWorld(t)
	w.env = append(w.env, "DRYDOCK_RESUME_WITHIN=0s")
	w.workflow("jobs:\n  a:" + waiting + "  b:" + waiting)
	r := w.start()
	eventually(t, patience, "both jobs run", func() bool { return len(w.pods()) == 2 })
	r.until("ready")
	r.crash()
	one, other := w.program("doctor", "--fix"), w.program("doctor", "--fix")
	for _, d := range []*running{one, other} {
		if res := d.wait(); res.code != 0 {
			t.Errorf("exit code %d:\n%s\n%s", res.code, res.out, res.err)
		}
	}
	w.leaveNoObject()
}

// kubeconfig is the tests' own with another server.
func (w *world) kubeconfig(server string) string {
	w.t.Helper()
	data, err := os.ReadFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		w.t.Fatal(err)
	}
	text := strings.Replace(string(data), w.server(), server, 1)
	return w.write("kubeconfig-server", text)
}

// server is the address of the API server.
func (w *world) server() string {
	return kubectl(w.t, "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
}

// tokenConfig is for the account "default" of a namespace, which may do nothing.
func (w *world) tokenConfig(ns string) string {
	w.t.Helper()
	ca := kubectl(w.t, "config", "view", "--minify", "--raw", "-o", "jsonpath={.clusters[0].cluster.certificate-authority-data}")
	return w.write("kubeconfig-token", fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: it, user: {token: %s}}]
`, w.server(), ca, kubectl(w.t, "create", "token", "-n", ns, "default")))
}

func (w *world) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.home, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}
