package livetest

import (
	"os/exec"
	"strings"
	"testing"
)

func TestDockerActions(t *testing.T) {
	w := newWorld(t)
	// The name is this test's own: it removes the image in the end.
	w.file("described/Dockerfile", `FROM `+busybox+`
COPY entry.sh /entry.sh
USER app
ENTRYPOINT ["/entry.sh"]
`)
	w.file("!described/entry.sh", `#!/bin/sh -e
echo "user $(id -un), args $# [$1] [$2], home $HOME, dir $PWD"
test -s "$GITHUB_EVENT_PATH" && grep -q '"ref"' "$GITHUB_EVENT_PATH" && echo "event readable"
echo "from=the action" >> "$GITHUB_OUTPUT"
echo "FROM_ACTION=env" >> "$GITHUB_ENV"
echo "summary" >> "$GITHUB_STEP_SUMMARY"
printf '%s' "$TRICKY" | od -An -tx1 | tr -d ' \n'; echo
cat "$GITHUB_WORKSPACE/before.txt"
echo "input: $INPUT_WHO"
test "$GITHUB_RUN_NUMBER" != 1 || `+held+`
`)
	w.file("described/action.yml", `
name: act
inputs: {who: {default: nobody}}
outputs: {from: {description: x}}
runs:
  using: docker
  image: Dockerfile
  args: ["one two", "${{ inputs.who }}"]
`)
	tricky := "a \"b\" 'c' $(id) ${HOME} `x`\nsecond=line\\n\n  \ttail \u00fc"
	w.file("tricky.txt", tricky)
	w.workflow(`
jobs:
  machine:
    runs-on: ubuntu-latest
    env: {FROM_JOB: job env}
    steps: &steps
      - uses: actions/checkout@v4
      - run: |
          echo before > before.txt
          { echo "TRICKY<<END_OF_IT"; cat tricky.txt; echo; echo END_OF_IT; } >> "$GITHUB_ENV"
      - {id: act, uses: ./described, with: {who: mona}}
      - run: echo "out [${{ steps.act.outputs.from }}] env [$FROM_ACTION]"
      - uses: docker://` + busybox + `
        with:
          entrypoint: /bin/sh
          args: -c 'echo "raw $HOME $PWD $FROM_JOB"; echo after > after.txt; echo "uid $(id -u)"'
      - run: cat after.txt
  contained:
    runs-on: ubuntu-latest
    container: "` + bash + `"
    env: {FROM_JOB: job env}
    steps: *steps
`)
	r := w.start()
	var definitions strings.Builder
	for done := false; !done; {
		select {
		case <-r.ended:
			done = true
		default:
			seen := w.inspectText()
			if definitions.WriteString(seen); strings.Contains(seen, "drydock-action/") {
				w.release()
			}
		}
	}
	res := r.wait()
	res.wantCode(0)
	for _, l := range []string{
		"user app, args 2 [one two] [mona], home /github/home, dir /github/workspace",
		"event readable", hexOf(tricky), "before", "input: mona", "out [the action] env [env]",
		"raw /github/home /github/workspace job env", "uid 0", "after",
	} {
		if n := res.count(l); n != 2 {
			t.Errorf("line %q was printed %d times", l, n)
		}
	}
	if t.Failed() {
		t.Log(res.text())
	}
	if s := definitions.String(); !strings.Contains(s, "drydock-action/") || strings.Contains(s, "second=line") || strings.Contains(s, "FROM_JOB") {
		t.Errorf("the definition of a container holds a step's environment, or none was seen (%d bytes)", len(s))
	}
	// Built once: the second time the image is there.
	start := w.pass()
	t.Logf("first run %.1f s with two builds at once, second %.1f s", res.took.Seconds(), start.took.Seconds())
	for _, image := range strings.Fields(docker(t, "images", "-q", "--filter", "reference=drydock-action/local/project/described")) {
		_ = exec.Command(client, "rmi", image).Run()
	}
}

func hexOf(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
