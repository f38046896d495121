package livetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// BenchmarkFirstLine is the time from a push that GitHub has taken to the first line
// of its job in the page's stream, beside what a bare container of the same image
// takes to print a line, in turns.
func BenchmarkFirstLine(b *testing.B) {
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		b.Skip("needs a Docker engine: set DRYDOCK_TEST_DOCKER=1")
	}
	w := &world{t: b, home: b.TempDir()}
	w.init()
	s := serve(b, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash)
	repo := s.gh.Repository("octo/demo", githubtest.Files{".github/workflows/ci.yml": `
on: {push: {branches: [bench]}}
jobs: {one: {runs-on: ubuntu-latest, steps: [{run: 'echo first-$((1)); sleep 1'}]}}
`})
	var served, bare []time.Duration
	n := 0
	for b.Loop() {
		n++
		began := time.Now()
		if out, err := exec.Command(client, "run", "--rm", bash, "bash", "-c", "echo first").CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		bare = append(bare, time.Since(began))

		sha := repo.Commit("bench", githubtest.Files{"n": fmt.Sprint(n)}, "change") // GitHub answers when it has it
		began = time.Now()
		path := fmt.Sprintf("/api/v1/runs/%d/attempts/1/events?job=one", n)
		for !bytes.Contains(s.peek(path), []byte("first-1")) {
			if time.Since(began) > time.Minute {
				b.Fatal("no line comes")
			}
			time.Sleep(5 * time.Millisecond)
		}
		served = append(served, time.Since(began))
		s.completed(repo, sha, 1)
	}
	slices.Sort(served)
	slices.Sort(bare)
	s1, b1 := served[len(served)/2], bare[len(bare)/2]
	b.ReportMetric(float64(s1.Milliseconds()), "served-ms")
	b.ReportMetric(float64(b1.Milliseconds()), "docker-run-ms")
	b.ReportMetric(float64((s1 - b1).Milliseconds()), "more-ms")
}
