package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// The time-out of a step holds for its pre and its post, each on its own.
func TestTimeoutOfPreAndPost(t *testing.T) {
	a := jsAction(withPre, withPost)
	a["pre.js"], a["main.js"], a["post.js"] = "sleep 40s\n", "sleep 40s\n", "sleep 1h\n"
	r := bench{actions: map[string]map[string]string{"a/a@v1": a}, workflow: job("steps:\n  - {uses: a/a@v1, timeout-minutes: 1}\n")}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantTook(140 * time.Second)
	r.wantSteps("1 Set up job: success\n2 Pre Run a/a@v1: success\n3 Run a/a@v1: success\n4 Post Run a/a@v1: failure\n")
	r.wantLog("4 [error]The action 'Post Run a/a@v1' has timed out after 1 minutes.")
	if n := strings.Count(r.log(), "[error]"); n != 1 {
		t.Errorf("%d errors\n%s", n, r.log())
	}
}

func TestContinueOnErrorOfPreAndPost(t *testing.T) {
	a := jsAction(withPre, withPost)
	a["pre.js"], a["post.js"] = "exit 1\n", "exit 2\n"
	r := bench{
		actions:  map[string]map[string]string{"a/a@v1": a},
		workflow: job("steps:\n  - {uses: a/a@v1, continue-on-error: \"${{ github.ref_name == 'main' }}\"}\n  - run: echo on\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Pre Run a/a@v1: failure -> success
		3 Run a/a@v1: success
		4 Run echo on: success
		5 Post Run a/a@v1: failure -> success
	`)
}

func TestCancelledPost(t *testing.T) {
	for _, tt := range []struct {
		condition, want string
		took            time.Duration
	}{{"", "success", 2 * time.Minute}, {"  post-if: success()\n", "cancelled", time.Minute}, {"  post-if: job.status != 'cancelled'\n", "cancelled", time.Minute}} {
		a := jsAction(withPost, tt.condition)
		a["post.js"] = "sleep 2m\n"
		r := bench{actions: map[string]map[string]string{"a/a@v1": a}, workflow: job("steps:\n  - uses: a/a@v1\n"), cancelAfter: time.Minute}.run(t)
		r.wantConclusion(plan.Cancelled)
		r.wantSteps("1 Set up job: success\n2 Run a/a@v1: success\n3 Post Run a/a@v1: " + tt.want + "\n")
		r.wantTook(tt.took)
	}
}

// Posts inside a composite action run in the reverse order of its steps, also
// when a pre registered one of them earlier.
func TestOrderOfPostsInComposites(t *testing.T) {
	r := bench{
		actions: map[string]map[string]string{
			"a/late@v1": jsAction(withPost, withName), "a/early@v1": jsAction(withPre, withPost, withName),
			"c/inner@v1": composite("", "- {uses: a/late@v1, with: {name: i1}}\n- {uses: a/early@v1, with: {name: i2}}\n"),
			"c/outer@v1": composite("", "- {uses: a/late@v1, with: {name: o1}}\n- uses: c/inner@v1\n- {uses: a/early@v1, with: {name: o3}}\n- {uses: a/late@v1, if: false, with: {name: o4}}\n"),
		},
		workflow: job("steps:\n  - uses: c/outer@v1\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	var posts []string
	for line := range strings.Lines(r.log()) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), "post of "); ok {
			posts = append(posts, name)
		}
	}
	if got := strings.Join(posts, " "); got != "o3 i2 i1 o1" {
		t.Errorf("posts %s", got)
	}
}
