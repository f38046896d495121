package livetest

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// everywhere are workflows that do the same in containers of an engine and in
// pods of a cluster, each asking something else of the place.
var everywhere = []struct {
	name string
	test func(*world)
}{
	{"services", sameServices}, {"docker actions", sameDockerActions}, {"artifacts", sameArtifacts}, {"caches and tokens", sameCaches},
	{"background steps", sameBackground}, {"cancel", sameInterrupt}, {"timeout", sameTimeout},
}

// TestKubeAsDocker runs them all on both.
func TestKubeAsDocker(t *testing.T) {
	for _, e := range everywhere {
		t.Run(e.name+"/docker", func(t *testing.T) {
			w := newWorld(t)
			w.env = append(w.env, "DRYDOCK_EXECUTOR=docker", "DRYDOCK_NODE_SOURCE="+nodeSource, "DRYDOCK_OFFLINE=true")
			e.test(w)
		})
		t.Run(e.name+"/kubernetes", func(t *testing.T) {
			w := newKubeWorld(t)
			e.test(w)
			w.leaveNoObject()
		})
	}
}

// health is how a service that serves is known; a pod asks once a second.
const health = `--health-cmd "wget -q -O /dev/null http://localhost:$PORT/" --health-interval 1s --health-retries 100`

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

// sameServices: a machine with two services, and a job container with two.
func sameServices(w *world) {
	w.t.Helper()
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

// sameArtifacts: actions and the node that runs them come into the place, and
// artifacts go through its services from one job to the next.
func sameArtifacts(w *world) {
	w.t.Helper()
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

// sameCaches saves a cache in one run and finds it in the next.
func sameCaches(w *world) {
	w.t.Helper()
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
          ask PATCH $api/caches/$id hello $'Content-Range: bytes 0-4/*\r\n' | sed -n 1p
          ask POST $api/caches/$id '{"size":5}' | sed -n 1p
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

// sameBackground: steps beside each other, waited for and cancelled.
func sameBackground(w *world) {
	w.t.Helper()
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - {id: slow, background: true, run: 'until test -e waited -a -e trapped; do sleep 0.1; done; echo slow ended; echo "from=slow" >> "$GITHUB_OUTPUT"'}
      - {id: endless, background: true, run: 'trap "echo endless got INT; exit 1" INT; touch trapped; while :; do sleep 0.1; done'}
      - run: echo not waited; touch waited
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
		w.t.Errorf("the background step was waited for:\n%s", r.text())
	}
}

// sameTimeout: a step and a job that take too long end, and no other.
func sameTimeout(w *world) {
	w.t.Helper()
	w.workflow(`
jobs:
  step:
    runs-on: ubuntu-latest
    steps:
      - {timeout-minutes: 0.1, run: 'trap "echo step got INT" INT; sleep 600 & wait; sleep 600'}
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
		w.t.Errorf("the job with the step is %s", c)
	}
	if !strings.Contains(r.job("job").Reason+r.jobText("job"), "exceeded the maximum execution time") {
		w.t.Errorf("the job's end does not say why:\n%s", r.text())
	}
}

// sameInterrupt: as with the engine, Ctrl-C ends the step, not what runs in
// any case; nothing stays.
func sameInterrupt(w *world) {
	w.t.Helper()
	interruptible(w, "ubuntu-latest")
	r := w.start()
	r.until("step ready")
	sent := time.Now()
	r.keyboard(syscall.SIGINT)
	res := r.wait()
	w.t.Logf("ended %.1f s after the signal", time.Since(sent).Seconds())
	res.wantCode(130)
	res.wantLines("got INT", "always ran", "cancelled ran", "post ran")
	if c := res.job("stop").Conclusion; c != "cancelled" {
		w.t.Errorf("the job is %s", c)
	}
}

// sameDockerActions: beside the job, with its files, variables and outputs.
func sameDockerActions(w *world) {
	w.t.Helper()
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
echo "args $# [$1] [$2], home $HOME, $FROM_JOB"
cat before.txt
test -s "$GITHUB_EVENT_PATH" && echo event readable
echo "from=the action" >> "$GITHUB_OUTPUT"
echo "FROM_ACTION=env" >> "$GITHUB_ENV"
echo "kept=state" >> "$GITHUB_STATE"
`)
	w.file("!act/post.sh", "#!/bin/sh\necho \"post has $STATE_kept\"\n")
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
`)
	r := w.pass()
	for _, l := range []string{
		"args 2 [one two] [mona], home /github/home, job env", "before", "event readable", "out [the action] env [env]",
		"uid 0", "after", "post has state",
	} {
		if n := r.count(l); n != 2 {
			w.t.Errorf("line %q was printed %d times", l, n)
		}
	}
	if w.t.Failed() {
		w.t.Log(r.text())
	}
}
