package livetest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsStayInside(t *testing.T) {
	w := newWorld(t)
	const secret = "s3cr3t-needle-4711"
	w.workflow(`
jobs:
  use:
    runs-on: ubuntu-latest
    container: {image: "` + bash + `", options: --user app, env: {INNOCENT: "yes"}}
    services: {web: {image: "` + busybox + `", command: sleep 600}}
    env: {IN_JOB: "${{ secrets.TOKEN }}"}
    steps:
      - run: |
          echo "length ${#IN_JOB} ${#IN_STEP}"; echo "value $IN_STEP and ${{ secrets.TOKEN }}"
          echo "$IN_STEP" | base64
          for f in environ mem maps cwd/x; do (cat /proc/1/$f >/dev/null) 2>/dev/null && echo "read /proc/1/$f"; done
          (ls /proc/1/fd/) 2>/dev/null && echo "read /proc/1/fd"
          tr '\0' ' ' < /proc/1/cmdline; echo
          echo step ready; ` + held + `
        env: {IN_STEP: "${{ secrets.TOKEN }}"}
      - uses: docker://` + busybox + `
        with: {entrypoint: sh, args: "-c 'echo length ${#INPUT_T}; echo action ready; ` + held + `'", t: "${{ secrets.TOKEN }}"}
`)
	w.env = []string{"TOKEN=" + secret}
	r := w.start("-s", "TOKEN")
	for _, line := range []string{"step ready", "action ready"} {
		r.until(line)
		text := w.inspectText()
		if !strings.Contains(text, `"Env"`) || strings.Contains(text, secret) {
			t.Errorf("%s: docker inspect shows the secret, or nothing (%d bytes)", line, len(text))
		}
		if found := marked(secret); len(found) > 0 {
			t.Errorf("%s: in the arguments of %q", line, found)
		}
		w.release()
	}
	res := r.wait()
	res.wantCode(0)
	res.wantLines("length 18 18", "value *** and ***", "length 18")
	if strings.Contains(res.out+res.err, secret) {
		t.Error("the log shows the secret")
	}
	for _, l := range res.lines() {
		if strings.HasPrefix(l, "read /proc/1/") {
			t.Errorf("a step could %s of the helper", l)
		}
	}
	// Nothing of it stays on this machine's disk.
	_ = filepath.Walk(w.home, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() < 1<<20 {
			if data, _ := os.ReadFile(path); bytes.Contains(data, []byte(secret)) {
				t.Errorf("%q holds the secret", path)
			}
		}
		return nil
	})
}
