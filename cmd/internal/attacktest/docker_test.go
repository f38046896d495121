package attacktest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/docker"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const (
	busybox = "drydock-test/busybox:1"
	bash    = "drydock-test/bash:1"
)

// yard is a Docker engine and what one attacker makes there.
type yard struct {
	t     *testing.T
	owner executor.OwnerID
}

func newYard(t *testing.T) yard {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs a Docker engine: set DRYDOCK_TEST_DOCKER=1")
	}
	for _, image := range []string{busybox, bash} {
		if exec.Command(dockerClient(), "image", "inspect", image).Run() != nil {
			if out, err := exec.Command("../../../.ci/testimage.sh", "busybox", "bash").CombinedOutput(); err != nil {
				t.Fatalf("make the test images: %v: %s", err, out)
			}
		}
	}
	y := yard{t, executor.OwnerID("attack-" + rand.Text())}
	t.Cleanup(func() {
		for _, kind := range []string{"container", "network", "volume"} {
			if left := y.list(kind); len(left) > 0 {
				t.Errorf("%s left: %q", kind, left)
				if _, err := docker.New(docker.Options{}).Sweep(t.Context(), y.owner, func(executor.RunID) bool { return false }); err != nil {
					t.Log(err)
				}
			}
		}
	})
	return y
}

func dockerClient() string {
	if c := os.Getenv("DRYDOCK_TEST_DOCKER_CLI"); c != "" {
		return c
	}
	return "docker"
}

func (y yard) docker(args ...string) string {
	out, _ := exec.Command(dockerClient(), args...).CombinedOutput()
	return string(out)
}

func (y yard) list(kind string) []string {
	args := []string{kind, "ls", "-q", "--filter", "label=io.drydock.owner=" + string(y.owner)}
	if kind == "container" {
		args = append(args, "-a")
	}
	return strings.Fields(y.docker(args...))
}

// attack runs a job in a container of the engine.
func (y yard) attack(a attack) *outcome {
	y.t.Helper()
	a.executor = docker.New(docker.Options{})
	if a.place.Image == "" {
		a.place.Image = bash
	}
	before := a.setup
	a.setup = func(e *runner.Engine, j *runner.Job) {
		e.Owner = y.owner
		if before != nil {
			before(e, j)
		}
	}
	return a.run(y.t)
}

// TestHelperIsOutOfReach_CVE_2025_30066: a step reads nothing of the process
// that carries the secrets of all steps, as another user and as root.
func TestHelperIsOutOfReach_CVE_2025_30066(t *testing.T) {
	y := newYard(t)
	for _, user := range []string{"app", "root"} {
		o := y.attack(attack{secrets: map[string]string{"LATER": "canary-for-later-steps"}, workflow: job(`
container: {image: "` + bash + `", options: --user ` + user + `}
steps:
  - run: "true"
    env: {SECRET: "${{ secrets.LATER }}"}
  - name: attack
    shell: bash
    run: |
      [ "$(tr '\0' ' ' < /proc/1/cmdline | grep -c drydock-helper)" = 1 ] && echo "this is the helper"
      got() { echo "REACHED $*"; }
      for f in environ maps auxv stack syscall; do [ -n "$(cat /proc/1/$f 2>/dev/null | head -c 1 | od -An -tx1)" ] && got $f; done
      [ -n "$(dd if=/proc/1/mem bs=1 count=1 skip=4194304 2>/dev/null | od -An -tx1)" ] && got mem
      ls /proc/1/fd/0 >/dev/null 2>&1 && got fd
      ls /proc/1/cwd/ >/dev/null 2>&1 && got cwd
      (exec 3>/proc/1/mem) 2>/dev/null && got mem writeable
      kill -STOP 1 2>/dev/null && [ "$(id -u)" != 0 ] && got signal
      (echo x > /.drydock/drydock-helper) 2>/dev/null && got program
      rm -f /.drydock/drydock-helper 2>/dev/null && got program removed
      touch -c -d 2001-01-01 /.drydock/drydock-helper 2>/dev/null && got program touched
      (echo x > /__e/evil) 2>/dev/null && got externals
      [ "$(id -u)" = 0 ] || { (cd /.drydock/run && ls) >/dev/null 2>&1 && got folder; }
      [ "$(id -u)" = 0 ] || { /.drydock/drydock-helper connect --socket /.drydock/run/helper.sock --wait 1 </dev/null >/dev/null 2>&1 && got socket; }
      echo "user $(id -un) done"
`)})
		o.wantConclusion(plan.Success)
		o.wantLines("this is the helper", "user "+user+" done")
		for _, l := range o.lines() {
			if strings.Contains(l, "REACHED") {
				t.Errorf("as %s: %s", user, l)
			}
		}
	}
}

// TestCommandFilesAreNoLinks: the helper, which may read every file of the
// place, reads none for a step of another user that puts a link in the place
// of a command file.
func TestCommandFilesAreNoLinks(t *testing.T) {
	y := newYard(t)
	o := y.attack(attack{workflow: job(`
container: {image: "` + bash + `", options: --user app}
steps:
  - shell: bash
    run: |
      for f in "$GITHUB_STEP_SUMMARY" "$GITHUB_OUTPUT" "$GITHUB_ENV"; do rm -f "$f"; ln -s /etc/passwd "$f"; done
      ln -sf /etc/passwd "$GITHUB_PATH"
  - shell: bash
    run: |
      case $PATH in *root:*) echo path read;; esac; echo done
`)})
	o.wantConclusion(plan.Success)
	o.wantLines("done")
	o.wantNever("root:x:")
	if slices.Contains(o.lines(), "path read") {
		t.Error("PATH was read through a link")
	}
	for _, e := range o.events {
		if s, ok := e.(runner.Summarised); ok {
			t.Errorf("a summary through a link: %q", s.Markdown)
		}
	}
}

// TestServicesCannotEscape_Forgejo_6_0: what is refused to a job's container is
// refused to a service, before anything is made.
func TestServicesCannotEscape_Forgejo_6_0(t *testing.T) {
	y := newYard(t)
	x := docker.New(docker.Options{})
	create := func(s executor.Service, image string) error {
		s.ID, s.Image = "db", executor.Image{Ref: busybox}
		if image != "" {
			s.Image.Ref = image
		}
		place, err := x.Create(t.Context(), executor.Spec{
			Name: "attack", Kind: executor.Machine, Image: executor.Image{Ref: bash}, Services: []executor.Service{s},
			Labels: executor.Labels{Owner: y.owner, Run: "1", Job: "j"},
		})
		if err == nil {
			_ = place.Close(t.Context())
		}
		return err
	}
	for _, options := range append(escapes, "--network host", "--net=host") {
		if strings.Contains(options, "--use-api-socket") {
			continue
		}
		err := create(executor.Service{Options: options}, "")
		if !executor.IsKind(err, executor.Refused) && !executor.IsKind(err, executor.Invalid) {
			t.Errorf("a service with %q: %v", options, err)
		}
	}
	for _, volume := range []string{"/:/host", "/var/run/docker.sock:/var/run/docker.sock", "//etc:/host", "../x:/host", "~/x:/host", "a/../../etc:/host", "xx:/.drydock"} {
		err := create(executor.Service{Volumes: []string{volume}}, "")
		if !executor.IsKind(err, executor.Refused) && !executor.IsKind(err, executor.Invalid) {
			t.Errorf("a service with the volume %q: %v", volume, err)
		}
	}
	for _, image := range []string{"--privileged", "-v/:/host", "a b", "busybox\nx", "../x", "$(id)"} {
		if err := create(executor.Service{}, image); err == nil {
			t.Errorf("the image %q is taken", image)
		}
	}
	for _, kind := range []string{"container", "network", "volume"} {
		if made := y.list(kind); len(made) > 0 {
			t.Errorf("made before it was refused: %s %q", kind, made)
		}
	}
}

// tricky are values that have left their quotes somewhere.
var tricky = map[string]string{
	"QUOTES": `a"b'c` + "`d`", "SHELL": `$(touch /pwned);${HOME}|x&&y`, "NEWLINE": "a\nINJECTED=1\n--privileged", "BACKSLASH": `\" -v /:/host \`,
	"DASHES": "--privileged", "EQUALS": "a=b=c", "EMPTY": "", "UNICODE": "ü\u202e☃", "TAB": "\t x ", "PERCENT": "%0A%s",
}

// TestValuesKeepTheirQuotes_CVE_2022_39321: environment and labels of
// containers come there byte by byte and change no definition.
func TestValuesKeepTheirQuotes_CVE_2022_39321(t *testing.T) {
	y := newYard(t)
	var env, print strings.Builder
	for _, k := range slices.Sorted(maps.Keys(tricky)) {
		fmt.Fprintf(&env, "    %s: %q\n", k, strings.ReplaceAll(tricky[k], "\u202e", "\u202E"))
		fmt.Fprintf(&print, "      printf '%s '; printf '%%s' \"$%s\" | od -An -v -tx1 | tr -d ' \\n'; echo\n", k, k)
	}
	o := y.attack(attack{workflow: job(`
container:
  image: "` + bash + `"
  options: --label 'q="x" --privileged' --label "n=$(id)"
  env:
` + env.String() + `steps:
  - shell: bash
    run: |
` + print.String() + `      echo "injected [$INJECTED]"; [ -e /pwned ] && echo pwned; echo "caps $(grep CapEff /proc/self/status)"
`)})
	o.wantConclusion(plan.Success)
	for k, v := range tricky {
		o.wantLines(strings.TrimSpace(fmt.Sprintf("%s %x", k, v)) + strings.Repeat(" ", map[bool]int{true: 1}[v == ""]))
	}
	o.wantLines("injected []")
	for _, l := range o.lines() {
		if l == "pwned" || strings.HasPrefix(l, "caps") && strings.Contains(l, "1ffffffffff") {
			t.Errorf("line %q", l)
		}
	}
}

// TestDefinitionsHoldNoSecrets_Woodpecker_5305: `docker inspect`, the list of
// processes and image names show no secret of a step while it runs.
func TestDefinitionsHoldNoSecrets_Woodpecker_5305(t *testing.T) {
	y := newYard(t)
	secret := "definition-canary-4711"
	shown, ended := make(chan string, 1), make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		var b strings.Builder
		eventually(t, "the docker step runs", func() bool { return len(y.list("container")) >= 3 })
		for _, id := range y.list("container") {
			b.WriteString(y.docker("inspect", id) + y.docker("top", id, "-eo", "pid,args"))
		}
		b.WriteString(y.docker("images"))
		shown <- b.String()
		for { // the step waits until it was looked at
			for _, id := range y.list("container") {
				y.docker("exec", "-u", "0", id, "/bin/busybox", "touch", "/seen")
			}
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	d := newDesk(t)
	o := y.attack(attack{secrets: map[string]string{"S": secret, "GITHUB_TOKEN": secret + "-token"}, setup: d.forScripts, workflow: job(`
services: {db: {image: "` + busybox + `", command: sleep 600}}
env: {JOB: "${{ secrets.S }}"}
steps:
  - uses: docker://` + busybox + `
    env: {S: "${{ secrets.S }}", T: "${{ github.token }}"}
    with: {entrypoint: sh, args: "-c 'echo $S; until [ -e /seen ]; do sleep 0.1; done; echo looked at'", more: "${{ secrets.S }}"}
`)})
	close(ended)
	looking.Wait()
	o.wantConclusion(plan.Success)
	o.wantLines("looked at")
	o.wantNever(secret)
	if text := <-shown; !strings.Contains(text, "drydock-helper") || strings.Contains(text, secret) || strings.Contains(text, "ACTIONS_RUNTIME_TOKEN=") {
		t.Errorf("a definition holds a secret, or none was seen (%d bytes)", len(text))
	}
}

// TestEngineSocketIsNotInJobs_Gitea_24438: no container of a job reaches the
// engine, nor has more rights than the engine gives to any.
func TestEngineSocketIsNotInJobs_Gitea_24438(t *testing.T) {
	y := newYard(t)
	probe := `for s in /var/run/docker.sock /run/docker.sock /run/podman/podman.sock /run/containerd/containerd.sock; do [ -e $s ] && echo "REACHED $s"; done; ` +
		`env | grep -q ^DOCKER_HOST= && echo REACHED host; grep CapEff /proc/self/status | grep -q 0000000000000000 || echo "caps $(grep CapEff /proc/self/status | tr -d '\t')"; echo probed`
	o := y.attack(attack{workflow: job(`
services: {db: {image: "` + busybox + `", command: sleep 600}}
steps:
  - shell: bash
    run: ` + fmt.Sprintf("%q", probe) + `
  - uses: docker://` + busybox + `
    with: {entrypoint: sh, args: ` + fmt.Sprintf("%q", "-c '"+strings.ReplaceAll(probe, `'\t'`, `"\t"`)+"'") + `}
`)})
	o.wantConclusion(plan.Success)
	n := 0
	for _, l := range o.lines() {
		if strings.Contains(l, "REACHED") || strings.HasPrefix(l, "caps") && !strings.Contains(l, "a80425fb") {
			t.Errorf("line %q", l)
		}
		if l == "probed" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d of 2 containers looked\n%s", n, o.all())
	}
}

// TestImagesDoNotCollide_Gitea_1051: the image of a Dockerfile action belongs
// to its repository and content, so none stands in for another's.
func TestImagesDoNotCollide_Gitea_1051(t *testing.T) {
	y := newYard(t)
	x := docker.New(docker.Options{})
	refs := map[string]string{}
	build := func(repository, text string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+busybox+"\nLABEL is="+text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		img, err := x.Build(t.Context(), executor.BuildSpec{
			Repository: repository, Context: dir, Dockerfile: "Dockerfile", Labels: executor.Labels{Owner: y.owner, Run: "1", Job: "j"},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { y.docker("rmi", img.Ref) })
		if other, taken := refs[img.Ref]; taken {
			t.Errorf("%s with %q and %s share the image %s", repository, text, other, img.Ref)
		}
		refs[img.Ref] = repository
		if got := strings.TrimSpace(y.docker("inspect", "-f", `{{index .Config.Labels "is"}}`, img.Ref)); got != text {
			t.Errorf("the image of %s is %q", repository, got)
		}
	}
	mark := strings.ToLower(rand.Text())
	for _, repository := range []string{"octo/act", "evil/act", "octo/a_ct", "octo/a-ct", "octo/act/sub", "OCTO/a.ct", "octo/../evil/act"} {
		build(repository, mark)
	}
	build("octo/act", mark+"2")
}

// TestToolCacheIsPerJob_Gitea_1171: what one job leaves in the tool cache, the
// home, the temporary folder or a named volume meets no other job.
func TestToolCacheIsPerJob_Gitea_1171(t *testing.T) {
	y := newYard(t)
	steps := `
container: {image: "` + bash + `", volumes: ["shared:/shared"]}
steps:
  - shell: bash
    run: |
      for d in "$RUNNER_TOOL_CACHE" "$HOME" "$RUNNER_TEMP" /shared "$GITHUB_WORKSPACE" /tmp; do
        mkdir -p "$d"; echo evil > "$d/planted-$RANDOM$RANDOM"
      done
      sleep 3
      for d in "$RUNNER_TOOL_CACHE" "$HOME" "$RUNNER_TEMP" /shared "$GITHUB_WORKSPACE" /tmp; do
        set -- "$d"/planted-*
        [ $# = 1 ] || echo "planted in $d"
      done
      echo "in $RUNNER_TOOL_CACHE"
`
	look := func() {
		o := y.attack(attack{workflow: job(steps)})
		o.wantConclusion(plan.Success)
		o.wantLines("in /__t")
		for _, l := range o.lines() {
			if strings.HasPrefix(l, "planted") {
				t.Error(l)
			}
		}
	}
	t.Run("at once", func(t *testing.T) {
		for _, name := range []string{"one", "two"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				look()
			})
		}
	})
	look() // and what is left of the two
}

// TestSparseFilesFillNoDisk: a local action with a file that costs its place
// nothing is refused by its size, before this machine has written it.
func TestSparseFilesFillNoDisk(t *testing.T) {
	y := newYard(t)
	o := y.attack(attack{workflow: job(`
steps:
  - shell: bash
    run: |
      mkdir act; echo 'FROM ` + busybox + `' > act/Dockerfile
      echo 'runs: {using: docker, image: Dockerfile}' > act/action.yml
      truncate -s 5G act/sparse
  - uses: ./act
`)})
	o.wantConclusion(plan.Failure)
	if !strings.Contains(o.all(), "archive too large") {
		t.Errorf("another reason: %s", o.all())
	}
}
