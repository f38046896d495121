package livetest

import (
	"slices"
	"testing"
)

// TestNeighbours runs two repositories at the same time that have the same
// folder name, workflow, job and service names, the same port and the same
// container names, once as one person and once as two.
func TestNeighbours(t *testing.T) {
	for _, person := range []string{"one", "two"} {
		t.Run(person, func(t *testing.T) {
			a := newWorld(t)
			b := a.neighbour()
			if person == "two" {
				b.home = t.TempDir()
				t.Cleanup(b.leaveNothing)
			}
			for who, w := range map[string]*world{"red": a, "blue": b} {
				w.workflow(`
name: same
jobs:
  machine:
    runs-on: ubuntu-latest
    services:
      cache:
        image: "` + busybox + `"
        ports: ["6379:6379"]
        options: --name cache-fixed --health-cmd "wget -q -O /dev/null http://localhost:6379/" --health-interval 200ms --health-retries 300
        env: {WHO: ` + who + `}
        volumes: ["data:/data"]
        entrypoint: sh
        command: -c 'echo "$WHO" > /data/index.html; exec httpd -f -p 6379 -h /data'
    steps: &steps
      - run: |
          for i in 1 2 3 4 5 6; do
            test "$(wget -q -O - "http://$TARGET:6379/")" = ` + who + ` || { echo "not ` + who + `"; exit 1; }
            sleep 0.3
          done
          echo "only ` + who + `"
        env: {TARGET: "${{ job.container.id && 'cache' || 'localhost' }}"}
  contained:
    runs-on: ubuntu-latest
    container: {image: "` + bash + `", options: --name job-fixed --hostname fixed}
    services:
      cache:
        image: "` + busybox + `"
        ports: ["6379:6379"]
        options: --name cache-fixed --health-cmd "wget -q -O /dev/null http://localhost:6379/" --health-interval 200ms --health-retries 300
        env: {WHO: ` + who + `}
        volumes: ["data:/data"]
        entrypoint: sh
        command: -c 'echo "$WHO" > /data/index.html; exec httpd -f -p 6379 -h /data'
    steps: *steps
`)
			}
			ra, rb := a.start(), b.start()
			one, two := ra.wait(), rb.wait()
			one.wantCode(0)
			two.wantCode(0)
			for who, r := range map[string]result{"red": one, "blue": two} {
				if r.count("only "+who) != 2 || slices.Contains(r.lines(), "not "+who) {
					t.Errorf("%s:\n%s", who, r.text())
				}
			}
			// They did run at the same time.
			if one.events[0].Time.After(two.events[len(two.events)-1].Time) || two.events[0].Time.After(one.events[len(one.events)-1].Time) {
				t.Error("one ran after the other")
			}
		})
	}
}
