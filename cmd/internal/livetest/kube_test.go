package livetest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// health is how a service that serves is known; a pod asks once a second.
const health = `--health-cmd "wget -q -O /dev/null http://localhost:$PORT/" --health-interval 1s --health-retries 20`

// webService is a service that greets at its port.
func webService(name, port, image string) string {
	return `
      ` + name + `:
        image: "` + image + `"
        env: {NAME: "` + name + `", PORT: "` + port + `"}
        entrypoint: sh
        command: -c 'mkdir /www; echo "hello from $NAME" > /www/index.html; exec httpd -f -p $PORT -h /www'
        options: ` + health
}

// TestKubeServices: a machine with two services, and a job container with two.
func TestKubeServices(t *testing.T) {
	w := newKubeWorld(t)
	w.workflow(`
jobs:
  machine:
    runs-on: ubuntu-latest
    services:` + webService("one", "80", busybox) + `
        ports: [80, "8123:80"]` + webService("two", "81", bash) + `
        ports: ["81:81"]
    steps:
      - run: |
          echo "one: $(wget -q -O - http://localhost:${{ job.services.one.ports['80'] }}/)"
          echo "fixed: $(wget -q -O - http://localhost:8123/)"
          echo "two: $(wget -q -O - http://localhost:81/)"
          echo "in $PWD, sh is $0, id: ${{ job.services.two.id != '' }}"
  contained:
    runs-on: ubuntu-latest
    container: {image: "` + bash + `", env: {FROM_CONTAINER: "a b"}, options: --cpus 1}
    services:` + webService("one", "80", busybox) + webService("two", "81", busybox) + ` --network-alias www
    steps:
      - run: |
          echo "by name: $(wget -q -O - http://one/) $(wget -q -O - http://two:81/)"
          echo "by alias: $(wget -q -O - http://www:81/)"
          echo "in $PWD, [$FROM_CONTAINER]"
          echo "network: ${{ job.container.network == job.services.one.network }}"
`)
	r := w.pass()
	r.wantLines("one: hello from one", "fixed: hello from one", "two: hello from two",
		"by name: hello from one hello from two", "by alias: hello from two", "in /__w/project/project, [a b]", "network: true")
}

// TestKubeDockerActions: beside the job, with its files, variables and outputs.
func TestKubeDockerActions(t *testing.T) {
	w := newKubeWorld(t)
	w.file("act/action.yml", `
name: act
inputs: {who: {required: true}}
outputs: {from: {description: x}}
runs:
  using: docker
  image: docker://`+busybox+`
  entrypoint: /github/workspace/act/entry.sh
  post-entrypoint: /github/workspace/act/post.sh
  args: [one two, "${{ inputs.who }}"]
`)
	w.file("!act/entry.sh", `#!/bin/sh -e
echo "args $# [$1] [$2], home $HOME, in $(basename "$(pwd -P)"), $FROM_JOB"
cat before.txt
test -s "$GITHUB_EVENT_PATH" && echo event readable
echo "from=the action" >> "$GITHUB_OUTPUT"
echo "FROM_ACTION=env" >> "$GITHUB_ENV"
echo "kept=state" >> "$GITHUB_STATE"
`)
	w.file("!act/post.sh", "#!/bin/sh\necho \"post has $STATE_kept\"\n")
	w.file("built/Dockerfile", "FROM "+busybox+"\n")
	w.file("built/action.yml", "name: built\nruns: {using: docker, image: Dockerfile}\n")
	w.workflow(`
jobs:
  machine:
    runs-on: ubuntu-latest
    env: {FROM_JOB: job env}
    steps: &steps
      - uses: actions/checkout@v4
      - run: echo before > before.txt
      - {id: act, uses: ./act, with: {who: mona}}
      - run: echo "out [${{ steps.act.outputs.from }}] env [$FROM_ACTION]"
      - uses: docker://` + busybox + `
        with:
          entrypoint: /bin/sh
          args: -c 'echo after > after.txt; echo "uid $(id -u)"'
      - run: cat after.txt
  contained:
    runs-on: ubuntu-latest
    container: "` + bash + `"
    env: {FROM_JOB: job env}
    steps: *steps
  built:
    runs-on: ubuntu-latest
    steps: [{uses: actions/checkout@v4}, {uses: ./built}]
`)
	r := w.run()
	r.wantCode(1)
	for _, l := range []string{
		"args 2 [one two] [mona], home /github/home, in project, job env", "before", "event readable", "out [the action] env [env]",
		"uid 0", "after", "post has state",
	} {
		if n := r.count(l); n != 2 {
			t.Errorf("line %q was printed %d times", l, n)
		}
	}
	if text := r.jobText("built"); !strings.Contains(text, `the job runs on "kubernetes", where nothing builds images`) {
		t.Errorf("a Dockerfile action: %s", text)
	}
	if t.Failed() {
		t.Log(r.text())
	}
}

// TestKubeNode: actions and the node that runs them are copied into the pod, and
// artifacts go through its services from one job to the next.
func TestKubeNode(t *testing.T) {
	w := newKubeWorld(t)
	w.file("js/action.yml", "name: js\ninputs: {do: {}, name: {}, content: {}}\noutputs: {content: {description: x}}\nruns: {using: node24, main: main.js, post: post.js}\n")
	w.file("js/main.js", "the main script")
	w.file("js/post.js", "the post script")
	w.workflow(`
jobs:
  up:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - {uses: ./js, with: {do: upload, name: dist, content: "made in a pod"}}
  down:
    needs: up
    runs-on: ubuntu-latest
    container: "` + bash + `"
    steps:
      - uses: actions/checkout@v4
      - {id: got, uses: ./js, with: {do: download, name: dist}}
      - run: echo "got [${{ steps.got.outputs.content }}]"
`)
	r := w.pass()
	r.wantLines("node runs main.js: the main script", "node runs post.js: the post script", "got [made in a pod]")
}

// TestKubeCaches saves a cache in one run and finds it in the next.
func TestKubeCaches(t *testing.T) {
	w := newKubeWorld(t)
	w.env = append(w.env, "DRYDOCK_SERVICES_RUN_STEPS=true")
	w.workflow(`
permissions: {id-token: write, contents: read}
jobs:
  save:
    runs-on: ubuntu-latest
    steps:
      - shell: bash
        run: |` + talk + `
          id=$(ask POST $api/caches '{"key":"deps-1","version":"v","cacheSize":5}' | sed -n 's/.*"cacheId":\([0-9]*\).*/\1/p')
          ask PATCH $api/caches/$id hello $'Content-Range: bytes 0-4/*\r\n' | head -n 1
          ask POST $api/caches/$id '{"size":5}' | head -n 1
      - env: {WHO: pod}
        run: |` + ask + `
  restore:
    runs-on: ubuntu-latest
    container: "` + bash + `"
    needs: save
    if: ${{ !cancelled() }}
    steps:
      - shell: bash
        run: |` + talk + `
          found=$(ask GET "$api/cache?keys=deps-&version=v" "")
          echo "$found" | grep -o '"cacheKey":"[^"]*"' || echo "no cache"
          url=$(echo "$found" | sed -n 's/.*"archiveLocation":"\([^"]*\)".*/\1/p' | sed 's/\\u0026/\&/g')
          test -z "$url" || echo "content [$(ask GET "/${url#http://*/}" "" | tail -n 1)]"
`)
	w.pass().wantLines(`"cacheKey":"deps-1"`, "content [hello]", "pod got a token", "pod got nothing without one")
	w.pass("-j", "restore", "--no-cache-server").wantLines("no cache")
}

// TestKubeBackground: steps beside each other, waited for and cancelled.
func TestKubeBackground(t *testing.T) {
	w := newKubeWorld(t)
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - {id: slow, background: true, run: 'sleep 1; echo slow ended; echo "from=slow" >> "$GITHUB_OUTPUT"'}
      - {id: endless, background: true, run: 'trap "echo endless got INT; exit 1" INT; while :; do sleep 0.1; done'}
      - run: echo not waited
      - wait: slow
      - run: echo "waited for [${{ steps.slow.outputs.from }}]"
      - cancel: endless
      - parallel:
          - run: echo left
          - run: echo right
      - run: echo the end
`)
	r := w.pass()
	r.wantLines("waited for [slow]", "endless got INT", "left", "right", "the end")
	lines := r.lines()
	if slices.Index(lines, "not waited") > slices.Index(lines, "slow ended") {
		t.Errorf("the background step was waited for:\n%s", r.text())
	}
}

// TestKubeTimeout: a step and a job that take too long end, and no other.
func TestKubeTimeout(t *testing.T) {
	w := newKubeWorld(t)
	w.workflow(`
jobs:
  step:
    runs-on: ubuntu-latest
    steps:
      - {timeout-minutes: 0.03, run: 'trap "echo step got INT" INT; sleep 600 & wait; sleep 600'}
      - {if: always(), run: echo always ran}
  job:
    runs-on: ubuntu-latest
    timeout-minutes: 0.15
    steps:
      - run: sleep 600
      - {if: always(), run: echo after the job}
`)
	r := w.run()
	r.wantCode(1)
	r.wantLines("step got INT", "always ran")
	if c := r.job("step").Conclusion; c != "failure" {
		t.Errorf("the job with the step is %s", c)
	}
	if !strings.Contains(r.job("job").Reason+r.jobText("job"), "exceeded the maximum execution time") {
		t.Errorf("the job's end does not say why:\n%s", r.text())
	}
}

// TestKubeInterrupt: as with the engine, Ctrl-C ends the step, not what runs in
// any case; nothing stays.
func TestKubeInterrupt(t *testing.T) {
	w := newKubeWorld(t)
	interruptible(w, "ubuntu-latest")
	r := w.start()
	r.until("step ready")
	if len(w.pods()) != 1 {
		t.Errorf("pods: %+v", w.pods())
	}
	sent := time.Now()
	r.keyboard(syscall.SIGINT)
	res := r.wait()
	t.Logf("ended %.1f s after the signal", time.Since(sent).Seconds())
	res.wantCode(130)
	res.wantLines("got INT", "always ran", "cancelled ran", "post ran")
	if c := res.job("stop").Conclusion; c != "cancelled" {
		t.Errorf("the job is %s", c)
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
			if !strings.Contains(r.err, c.words) || strings.Count(r.err, c.words) != 1 || r.took > 20*time.Second {
				t.Errorf("after %s: %s", r.took, r.err)
			}
		})
	}
}
