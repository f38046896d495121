package runner

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// pulling is an executor with containers that can pull.
type pulling struct {
	*engineWithContainers
	pulled []string
}

func (p *pulling) Pull(_ context.Context, image executor.Image, log func(string)) error {
	p.pulled = append(p.pulled, image.Ref)
	log("pulling")
	if strings.Contains(image.Ref, "missing") {
		return executor.Errorf("pull "+image.Ref, executor.NotFound, "no such image")
	}
	return nil
}

func (p *pulling) HasImage(context.Context, executor.Image) (bool, error) { return false, nil }

func withPulls(b bench, p **pulling) bench {
	var e *engineWithContainers
	b = containers(b, &e)
	before := b.setup
	b.setup = func(engine *Engine, j *Job) {
		before(engine, j)
		*p = &pulling{engineWithContainers: e}
		engine.Executors["fake"] = *p
	}
	return b
}

func TestImagesComeBeforeTheSteps(t *testing.T) {
	const docker = "name: d\nruns: {using: docker, image: Dockerfile, args: [echo hi]}\n"
	var p *pulling
	r := withPulls(bench{
		actions: map[string]map[string]string{
			"d/d@v1": {"action.yml": docker, "Dockerfile": "FROM scratch"},
			"i/i@v1": {"action.yml": "name: i\nruns: {using: docker, image: 'docker://named:1', args: [echo hi]}\n"},
			"c/c@v1": composite("", "- uses: d/d@v1\n- uses: docker://inner:1\n"),
			"a/a@v1": jsAction(withPre),
		},
		workflow: job("steps:\n  - uses: a/a@v1\n  - uses: c/c@v1\n  - uses: docker://named:1\n    if: false\n  - uses: i/i@v1\n  - uses: d/d@v1\n"),
	}, &p).run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Build d/d@v1: success
		3 Pull inner:1: success
		4 Pull named:1: success
		5 Pre Run a/a@v1: success
		6 Run a/a@v1: success
		7 Run c/c@v1: success
		8 Run docker://named:1: skipped
		9 Run i/i@v1: success
		10 Run d/d@v1: success
	`)
	if len(p.built) != 1 || len(p.pulled) != 2 {
		t.Errorf("built %d, pulled %q", len(p.built), p.pulled)
	}
}

func TestImageThatCannotBeHad(t *testing.T) {
	var p *pulling
	r := withPulls(bench{
		actions:  map[string]map[string]string{"a/a@v1": jsAction(withPre)},
		workflow: job("steps:\n  - run: echo no\n  - uses: docker://missing:1\n    if: false\n  - uses: docker://other:1\n    if: false\n  - uses: a/a@v1\n"),
	}, &p).run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps(`
		1 Set up job: success
		2 Pull missing:1: failure
		3 Pull other:1: skipped
		4 Pre Run a/a@v1: success
		5 Run echo no: skipped
		6 Run docker://missing:1: skipped
		7 Run docker://other:1: skipped
		8 Run a/a@v1: skipped
	`)
	if r.Infra != nil {
		t.Errorf("infra %v", r.Infra)
	}
}

// An entrypoint with arguments fails on GitHub and works with act.
func TestEntrypointWithArguments(t *testing.T) {
	var e *engineWithContainers
	b := containers(bench{
		actions:  map[string]map[string]string{"d/d@v1": {"action.yml": "name: d\nruns: {using: docker, image: 'docker://img:1', entrypoint: /bin/sh -c, args: [echo hi]}\n"}},
		workflow: job("steps:\n  - uses: d/d@v1\n"),
	}, &e)
	before := b.setup
	b.setup = func(engine *Engine, j *Job) {
		before(engine, j)
		e.beside = fake.New(fake.Options{Start: func(cmd executor.Command) error {
			if strings.Contains(cmd.Argv[0], " ") {
				return errors.New("no such file")
			}
			return nil
		}})
	}
	r := b.run(t)
	r.wantConclusion(plan.Success)
	if argv := e.beside.Commands()[len(e.beside.Commands())-1].Argv; strings.Join(argv, "|") != "/bin/sh|-c|echo hi" {
		t.Errorf("argv %q", argv)
	}
	if !strings.Contains(r.log(), `[warning]on GitHub this step fails: there is no program "/bin/sh -c"`) {
		t.Errorf("log\n%s", r.log())
	}
}
