package history

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/plan"
)

const again = `
on: push
jobs:
  build: {runs-on: x, steps: [{run: echo}]}
  lint: {runs-on: x, steps: [{run: echo}]}
  off: {if: false, runs-on: x, steps: [{run: echo}]}
  test:
    needs: build
    strategy: {fail-fast: false, matrix: {n: [1, 2]}}
    runs-on: x
    steps: [{run: echo}]
  report: {needs: [test, off], if: always(), runs-on: x, steps: [{run: echo}]}
  deploy: {needs: lint, uses: ./called.yml}
  done: {needs: deploy, runs-on: x, steps: [{run: echo}]}
`

const called = `
on: workflow_call
jobs:
  up: {runs-on: x, steps: [{run: echo}]}
  check: {needs: up, runs-on: x, steps: [{run: echo}]}
  other: {runs-on: x, steps: [{run: echo}]}
`

func TestReuse(t *testing.T) {
	p := planOf(t, again, called)
	record := func(failed ...plan.LegID) []*Job {
		var jobs []*Job
		for _, id := range []plan.LegID{"build", "lint", "off", "test/0", "test/1", "report", "deploy/up", "deploy/check", "deploy/other", "done"} {
			c := plan.Success
			if slices.Contains(failed, id) {
				c = plan.Failure
			}
			if id == "off" {
				c = plan.Skipped
			}
			jobs = append(jobs, &Job{ID: id, Conclusion: c, Started: moment, Outputs: map[string]string{"from": string(id)}})
		}
		return jobs
	}
	for _, c := range []struct {
		name    string
		jobs    []*Job
		choose  Selection
		rerun   string // what runs again
		problem string
	}{
		{name: "everything", jobs: record("build"), rerun: "all"},
		{name: "a leg and what needs it", jobs: record("test/1"), choose: Selection{Failed: true}, rerun: "test/1 report"},
		{name: "all behind the first", jobs: record("build"), choose: Selection{Failed: true}, rerun: "build test/0 test/1 report"},
		{name: "inside a called workflow", jobs: record("deploy/up"), choose: Selection{Failed: true}, rerun: "deploy/up deploy/check done"},
		{name: "a whole call", jobs: record("lint"), choose: Selection{Failed: true}, rerun: "lint deploy/up deploy/check deploy/other done"},
		{name: "nothing failed", jobs: record(), choose: Selection{Failed: true}, rerun: ""},
		{name: "a job", jobs: record("lint"), choose: Selection{Jobs: []string{"TEST"}}, rerun: "test/0 test/1 report"},
		{name: "a leg", jobs: record("test/1"), choose: Selection{Jobs: []string{"test/0"}}, rerun: "test/0 report"},
		{name: "a job of a call", jobs: record(), choose: Selection{Jobs: []string{"deploy/check"}}, rerun: "deploy/check done"},
		{name: "a call", jobs: record(), choose: Selection{Jobs: []string{"deploy"}}, rerun: "deploy/up deploy/check deploy/other done"},
		{name: "a skipped job", jobs: record(), choose: Selection{Jobs: []string{"off"}}, rerun: "off report"},
		{name: "no such job", jobs: record(), choose: Selection{Jobs: []string{"nosuch"}}, problem: `job "nosuch": the run has no such job: there are build,`},
	} {
		got, err := Reuse(p, c.jobs, c.choose)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.rerun == "all" {
			if len(got) != 0 {
				t.Errorf("%s: %v is reused", c.name, got)
			}
			continue
		}
		var rerun []string
		for _, j := range c.jobs {
			if result, ok := got[j.ID]; !ok {
				rerun = append(rerun, string(j.ID))
			} else if result.Outputs["from"] != string(j.ID) || result.Conclusion != j.Conclusion {
				t.Errorf("%s: %s: %+v", c.name, j.ID, result)
			}
		}
		if strings.Join(rerun, " ") != c.rerun {
			t.Errorf("%s: %v runs again, want %s (%v)", c.name, rerun, c.rerun, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestWithAttempt(t *testing.T) {
	p := planOf(t, simple)
	q := WithAttempt(p, 4)
	before, _ := p.Contexts["github"].Lookup("run_attempt")
	after, _ := q.Contexts["github"].Lookup("run_attempt")
	name, _ := q.Contexts["github"].Lookup("workflow")
	if before.Text() != "1" || after.Text() != "4" || name.Text() != "CI" || len(q.Contexts["github"].Keys()) != 3 {
		t.Errorf("%s %s %s", before.Text(), after.Text(), q.Contexts["github"].JSON(false))
	}
}
