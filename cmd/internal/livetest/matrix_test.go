package livetest

import "testing"

func TestMatrix(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  legs:
    runs-on: ubuntu-latest
    strategy:
      max-parallel: 5
      matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]}
    steps: [{run: "echo leg ${{ matrix.n }}; sleep 0.2"}]
`)
	r := w.pass()
	running, most, done := 0, 0, 0
	for _, e := range r.events {
		switch e.Type {
		case "job-started":
			running++
			most = max(most, running)
		case "job-finished":
			running--
			if e.Conclusion == "success" {
				done++
			}
		}
	}
	if most > 5 || most < 2 || done != 20 {
		t.Errorf("%d legs at once, %d passed", most, done)
	}
	t.Logf("20 legs, 5 at a time: %.1f s", r.took.Seconds())
}

func TestFailFast(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  legs:
    runs-on: ubuntu-latest
    strategy:
      max-parallel: 3
      matrix: {n: [1, 2, 3, 4, 5, 6]}
    steps:
      - run: 'echo leg ${{ matrix.n }} runs; test ${{ matrix.n }} != 2 || { ` + held + `; exit 1; }; sleep 600'
      - {if: always(), run: echo cleaned up}
  after: {needs: legs, runs-on: ubuntu-latest, steps: [{run: echo not reached}]}
`)
	run := w.start()
	run.until("leg 1 runs", "leg 2 runs", "leg 3 runs")
	w.release()
	r := run.wait()
	r.wantCode(1)
	ends := map[string]int{}
	for _, e := range r.events {
		if e.Type == "job-finished" {
			ends[e.Conclusion]++
		}
	}
	if ends["failure"] != 1 || ends["cancelled"] != 5 || ends["skipped"] != 1 || r.count("cleaned up") != 3 {
		t.Errorf("%v, cleaned up %d times:\n%s", ends, r.count("cleaned up"), r.text())
	}
	t.Logf("fail-fast: %.1f s", r.took.Seconds())
}
