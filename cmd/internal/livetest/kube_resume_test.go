package livetest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestKubeResume kills the program with kill -9 in the middle of a step, and of
// a docker action, and goes on in the same pod: green, with each line once.
func TestKubeResume(t *testing.T) {
	w := newKubeWorld(t)
	w.file("!act.sh", "#!/bin/sh\ni=1; while [ $i -le 60 ]; do echo \"act $i\"; i=$((i+1)); sleep 0.1; done; echo D=done >> $GITHUB_ENV\n")
	w.workflow(`
jobs:
  script:
    runs-on: ubuntu-latest
    steps:
      - run: echo A=1 >> $GITHUB_ENV
      - run: i=1; while [ $i -le 100 ]; do echo "line $i"; i=$((i+1)); sleep 0.1; done
      - run: echo "after $A"
  action:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: docker://` + busybox + `
        with: {entrypoint: /github/workspace/act.sh}
      - run: echo "then $D"
`)
	r := w.start()
	r.until("line 20", "act 10")
	time.Sleep(700 * time.Millisecond)
	r.crash()
	time.Sleep(time.Second)
	w.program("resume", "--json").wait().wantCode(0)
	logs := w.program("logs", "--raw").wait()
	for word, n := range map[string]int{"line": 100, "act": 60} {
		for i := range n {
			if got := strings.Count(logs.out, fmt.Sprintf("Z %s %d\n", word, i+1)); got != 1 {
				t.Errorf("%s %d is there %d times", word, i+1, got)
			}
		}
	}
	for _, want := range []string{"Z after 1\n", "Z then done\n"} {
		if !strings.Contains(logs.out, want) {
			t.Errorf("no line %q in\n%s", want, logs.out)
		}
	}
}
