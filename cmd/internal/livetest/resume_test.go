package livetest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// kept waits until a killed run could go on, and some events more are written.
func (w *world) kept() {
	w.t.Helper()
	eventually(w.t, patience, "the job is kept", func() bool {
		files, _ := filepath.Glob(w.state("runs", "*", "checkpoints", "*.sealed"))
		return len(files) > 0
	})
	time.Sleep(700 * time.Millisecond)
}

// TestResume kills the program with kill -9 in the middle of a step, on the
// engine and on this machine, and goes on: the same job ends green, each line is
// in its log once, and its post runs.
func TestResume(t *testing.T) {
	w := newWorld(t)
	w.file("act/action.yml", "runs: {using: composite, steps: [{shell: sh, run: 'echo \"in the action\"; sleep 1; echo NESTED=yes >> $GITHUB_ENV'}]}\n")
	w.file("late/action.yml", "runs: {using: docker, image: 'docker://"+busybox+"', entrypoint: /bin/true, post-entrypoint: /bin/hostname}\n")
	job := func(label, more string) string {
		return `
    runs-on: ` + label + `
    steps:
      - uses: actions/checkout@v4
` + more + `
      - run: echo COUNT=160 >> $GITHUB_ENV; echo ::add-mask::sesame; echo once >> ran
      - id: long
        run: |
          echo twice >> ran
          i=1; while [ $i -le $COUNT ]; do echo "line $i of $COUNT sesame"; i=$((i+1)); sleep 0.05; done
          echo out=made >> $GITHUB_OUTPUT
      - uses: ./act
      - run: echo "at the end ${{ steps.long.outputs.out }} $NESTED $(wc -l < ran) sesame"
`
	}
	w.workflow("jobs:\n  inside:" + job("ubuntu-latest", "      - uses: ./late") + "  metal:" + job("metal", "") + `
  next:
    needs: [inside, metal]
    runs-on: ubuntu-latest
    steps: [{run: echo next}]
`)
	r := w.start()
	eventually(t, patience, "both jobs are in the middle", func() bool { return r.seen("line 20 of 160 ***") == 2 })
	time.Sleep(500 * time.Millisecond)
	r.crash()
	time.Sleep(time.Second)

	other := w.run("-n") // says nothing of it, changes nothing
	other.wantCode(0)
	again := w.program("resume", "--json").wait()
	again.wantCode(0)
	logs := w.program("logs", "--raw").wait()
	logs.wantCode(0)
	counts := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)Z line (\d+) of 160 \*\*\*$`).FindAllStringSubmatch(logs.out, -1) {
		counts[m[1]]++
	}
	for i := range 160 {
		if n := counts[fmt.Sprint(i+1)]; n != 2 { // of two jobs
			t.Errorf("line %d is there %d times", i+1, n)
		}
	}
	for text, want := range map[string]int{"Z at the end made yes 2 ***": 2, "Z in the action": 2, "Z next": 1, "Post job cleanup.": 1, "sesame\n": 0} {
		if n := strings.Count(logs.out, text); n < want || want == 0 && strings.Contains(logs.out, "Z line 1 of 160 sesame") {
			t.Errorf("%q is there %d times, want %d\n%s", text, n, want, logs.out)
		}
	}
	if runs := w.program("runs", "--json").wait(); strings.Count(runs.out, `"conclusion": "success"`) != 1 {
		t.Errorf("runs: %s", runs.out)
	}
	if r := w.program("resume").wait(); r.code != 2 || !strings.Contains(r.err, "has ended") {
		t.Errorf("a second time: %d %s", r.code, r.err)
	}
}

// TestResumeWithServices: the step that runs has the address and the token of
// the services from the program that was killed, and they are good again.
func TestResumeWithServices(t *testing.T) {
	w := newWorld(t)
	w.env = append(w.env, "DRYDOCK_SERVICES_RUN_STEPS=true")
	ask := `wget -qO- --header "Authorization: Bearer $ACTIONS_RUNTIME_TOKEN" "${ACTIONS_RESULTS_URL}nothing" 2>&1 | grep -o 'HTTP.*' || echo no answer`
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "before $(` + ask + `)"
          ` + held + `
          n=0; until answer=$(` + ask + `); test "$answer" != "no answer" -o $n = 600; do n=$((n+1)); sleep 0.2; done
          echo "after $answer"
      - run: |
          echo "next $(` + ask + `)"
`)
	r := w.start()
	r.until("before HTTP/1.1 404 Not Found")
	w.kept()
	r.crash()
	w.release()
	again := w.program("resume", "--json").wait()
	again.wantCode(0)
	again.wantLines("after HTTP/1.1 404 Not Found", "next HTTP/1.1 404 Not Found")
}

// TestResumeTwice: what goes on can be killed, too.
func TestResumeTwice(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: i=1; while [ $i -le 100 ]; do echo "first $i"; i=$((i+1)); sleep 0.05; done
      - run: i=1; while [ $i -le 100 ]; do echo "second $i"; i=$((i+1)); sleep 0.05; done
`)
	r := w.start()
	r.until("first 50")
	r.crash()
	r = w.program("resume", "--json")
	r.until("second 50")
	r.crash()
	w.program("resume", "--json").wait().wantCode(0)
	logs := w.program("logs", "--raw").wait()
	for i := range 100 {
		for _, word := range []string{"first", "second"} {
			if n := strings.Count(logs.out, fmt.Sprintf("Z %s %d\n", word, i+1)); n != 1 {
				t.Errorf("%s %d is there %d times", word, i+1, n)
			}
		}
	}
}

// TestResumeTooLate: a place lives on for a while only.
func TestResumeTooLate(t *testing.T) {
	w := newWorld(t)
	w.env = append(w.env, "DRYDOCK_RESUME_WITHIN=3s")
	w.workflow("jobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo ready; sleep 600}, {if: always(), run: echo never}]}}\n")
	r := w.start()
	r.until("ready")
	h := w.holds()
	w.kept()
	r.crash()
	eventually(t, patience, "the place ends", func() bool { return remaining(h).empty() })
	late := w.program("resume", "--json").wait()
	late.wantCode(4)
	if !strings.Contains(late.out, `the place of job \"a\" is gone`) {
		t.Errorf("it says\n%s\n%s", late.out, late.err)
	}
	if r := w.program("resume").wait(); r.code != 2 {
		t.Errorf("a second time: %d %s", r.code, r.err)
	}
}

// TestNextRunKeepsWhatCanGoOn: the next run tells of a killed one and leaves
// its place alone, until its time is over.
func TestNextRunKeepsWhatCanGoOn(t *testing.T) {
	w := newWorld(t)
	w.workflow("jobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo ready; sleep 12; echo over}]}}\n")
	r := w.start()
	r.until("ready")
	w.kept()
	h := w.holds()
	r.crash()
	next := w.pass()
	if !strings.Contains(next.err, `"drydock resume 1" goes on with it`) {
		t.Errorf("the next run says\n%s", next.err)
	}
	if remaining(h).empty() {
		t.Error("the place is gone")
	}
	again := w.program("resume", "--json").wait()
	again.wantCode(0)
	again.wantLines("over")
}
