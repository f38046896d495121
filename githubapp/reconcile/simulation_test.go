package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// TestSimulation: with webhooks lost, forgotten, repeated and reordered, and an API
// that fails, every pushed commit runs exactly once.
func TestSimulation(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, 0)
			var repositories []*githubtest.Repository
			for n := range 3 {
				r := w.github.Repository(fmt.Sprintf("octo/r%d", n), githubtest.Files{".github/workflows/ci.yml": "on: push\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n"})
				r.Commit("main", githubtest.Files{"a": "0"}, "x")
				repositories = append(repositories, r)
			}
			w.runs()
			w.pass() // what was there before
			w.github.Faults(githubtest.Faults{
				Seed: seed, Errors: 0.03, LoseWebhooks: 0.2, ForgetWebhooks: 0.1, RepeatWebhooks: 0.2, ReorderWebhooks: 0.2, WebhookDelay: 50 * time.Millisecond,
			})
			heads := map[string]bool{} // what a branch is at in the end must have run
			for n := range 20 {
				for _, r := range repositories {
					branch := fmt.Sprintf("b%d", n)
					heads["push "+r.Commit(branch, githubtest.Files{"a": branch + r.FullName}, "x")] = true
				}
			}
			w.runs()
			w.github.Faults(githubtest.Faults{})
			for range 4 {
				w.advance(11 * time.Minute)
				w.pass()
				w.runs()
			}
			count := map[string]int{}
			for _, run := range w.runs() {
				count[run]++
			}
			for head := range heads {
				if count[head] != 1 {
					t.Errorf("%s ran %d times", head, count[head])
				}
			}
		})
	}
}
