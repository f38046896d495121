package runner

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// engineWithContainers is a fake whose places can have containers beside them.
type engineWithContainers struct {
	executor.Executor
	beside *fake.Executor // of the containers
	asked  []executor.ContainerSpec
	built  []executor.BuildSpec
}

type placeWithContainers struct {
	executor.Environment
	e *engineWithContainers
}

func (e *engineWithContainers) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	env, err := e.Executor.Create(ctx, spec)
	return placeWithContainers{env, e}, err
}

func (e *engineWithContainers) Build(_ context.Context, spec executor.BuildSpec, log func(string)) (executor.Image, error) {
	e.built = append(e.built, spec)
	log("built")
	return executor.Image{Ref: "built:1"}, nil
}

func (p placeWithContainers) Container(ctx context.Context, spec executor.ContainerSpec) (executor.Environment, error) {
	p.e.asked = append(p.e.asked, spec)
	env, err := p.e.beside.Create(ctx, executor.Spec{})
	if err != nil {
		return nil, err
	}
	env.(*fake.Environment).WriteFile("/github/workspace/x", nil, 0o644)
	return env, nil
}

// containers makes b run with containers; they act out what the words of their
// command say, each "+" beginning a new line.
func containers(b bench, r **engineWithContainers) bench {
	before := b.setup
	b.setup = func(e *Engine, j *Job) {
		x := &engineWithContainers{Executor: e.Executors["fake"], beside: fake.New(fake.Options{
			Info: executor.Info{Entrypoint: []string{"/entry"}, Cmd: []string{"image", "cmd"}},
			Script: func(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
				cmd.Files = nil
				cmd.Argv = []string{strings.ReplaceAll(strings.Join(cmd.Argv[1:], " "), " +", "\n")}
				return actOut(ctx, cmd, io)
			},
		})}
		*r = x
		e.Executors["fake"] = x
		if before != nil {
			before(e, j)
		}
	}
	return b
}

func TestDockerImageStep(t *testing.T) {
	tests := []struct{ name, with, argv string }{
		{"as the image says", "{}", "/entry image cmd"},
		{"args", "{args: one 'two words'}", "/entry|one|two words"},
		{"entrypoint", "{entrypoint: /bin/x}", "/bin/x"},
		{"both", "{entrypoint: /bin/x, args: y}", "/bin/x|y"},
		{"empty entrypoint", "{entrypoint: ''}", "/entry image cmd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e *engineWithContainers
			r := containers(bench{workflow: job("steps:\n  - uses: docker://alpine:3\n    with: " + tt.with + "\n")}, &e).run(t)
			r.wantConclusion(plan.Success)
			want := strings.Split(tt.argv, "|")
			if len(want) == 1 {
				want = strings.Fields(tt.argv)
			}
			if got := e.beside.Commands()[0].Argv; !slices.Equal(got, want) {
				t.Errorf("argv %q, want %q", got, want)
			}
			if len(e.asked) != 1 || e.asked[0].Image.Ref != "alpine:3" || e.asked[0].Dir != "/github/workspace" || len(e.beside.Environments()) != 0 {
				t.Errorf("containers %+v, %d left", e.asked, len(e.beside.Environments()))
			}
		})
	}
}

const dockerAction = `name: d
inputs:
  who: {default: nobody}
runs:
  using: docker
  image: Dockerfile
  pre-entrypoint: /pre
  entrypoint: /main
  post-entrypoint: /post
  args:
    - echo ${{ inputs.who }} [$SET] $UNSET [$STATE_s] $HOME $GITHUB_WORKSPACE $RUNNER_TEMP
    - +to GITHUB_STATE s=state
    - +to GITHUB_OUTPUT o=out
    - +to GITHUB_ENV E=env
    - +echo ::error file=/github/workspace/src/a.c,line=3::bad
  env:
    SET: from-action
    UNSET: from-action
`

func TestDockerAction(t *testing.T) {
	var e *engineWithContainers
	r := containers(bench{
		actions: map[string]map[string]string{"d/d@v1": {"action.yml": dockerAction, "Dockerfile": "FROM scratch"}},
		workflow: job(`
steps:
  - id: d
    uses: d/d@v1
    env: {SET: "", ELSEWHERE: /tmp/x}
    with: {who: me}
  - run: echo ${{ steps.d.outputs.o }} $E
`)}, &e).run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Build d/d@v1: success
		3 Pre Run d/d@v1: success
		4 Run d/d@v1: success
		5 Run echo out $E: success
		6 Post Run d/d@v1: success
	`)
	r.wantLog("3 me [] from-action [] /github/home /github/workspace /github/runner_temp",
		"4 me [] from-action [state] /github/home /github/workspace /github/runner_temp",
		"6 me [] from-action [state] /github/home /github/workspace /github/runner_temp")
	var points []string
	for _, c := range e.beside.Commands() {
		points = append(points, c.Argv[0])
	}
	if strings.Join(points, " ") != "/pre /main /post" {
		t.Errorf("entrypoints %v", points)
	}
	if f := r.FirstError; f == nil || f.File != "src/a.c" {
		t.Errorf("annotation %+v", f)
	}
	if len(e.built) != 1 || e.built[0].Repository != "d/d" || e.built[0].Dockerfile != "Dockerfile" {
		t.Errorf("built %+v", e.built)
	}
	env := e.beside.Commands()[1].Env
	if env["GITHUB_OUTPUT"] == "" || !strings.HasPrefix(env["GITHUB_OUTPUT"], "/github/file_commands/set_output_") ||
		env["GITHUB_EVENT_PATH"] != "/github/workflow/event.json" || env["ELSEWHERE"] != "/tmp/x" || env["INPUT_WHO"] != "me" {
		t.Errorf("env %v", env)
	}
	if !r.fake.Calls("create")[0].Spec.Containers {
		t.Error("the place was not told of containers")
	}
}

func TestDockerArguments(t *testing.T) {
	const action = "name: d\nruns:\n  using: docker\n  image: docker://img:1\n"
	tests := []struct {
		name, action, with string
		argv               []string
	}{
		{"nothing", action, "{}", []string{"/entry", "image", "cmd"}},
		{"with", action, "{entryPoint: /x, args: a 'b c'}", []string{"/x", "a", "b c"}},
		{"the action's own win", action + "  entrypoint: /own\n  args: [mine]\n", "{entrypoint: /x, args: a}", []string{"/own", "mine"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e *engineWithContainers
			r := containers(bench{
				actions:  map[string]map[string]string{"d/d@v1": {"action.yml": tt.action}},
				workflow: job("steps:\n  - uses: d/d@v1\n    with: " + tt.with + "\n"),
			}, &e).run(t)
			r.wantConclusion(plan.Success)
			r.wantNotInLog("Unexpected input")
			if got := e.beside.Commands()[0].Argv; !slices.Equal(got, tt.argv) || e.asked[0].Image.Ref != "img:1" {
				t.Errorf("argv %q of %q, want %q", got, e.asked[0].Image.Ref, tt.argv)
			}
		})
	}
}

func TestDockerFailures(t *testing.T) {
	var e *engineWithContainers
	r := containers(bench{workflow: job("steps:\n  - uses: docker://alpine\n    with: {args: exit 5}\n")}, &e).run(t)
	r.wantConclusion(plan.Failure)
	r.wantLog("2 [error]Docker run failed with exit code 5")
	if r.Steps[1].ExitCode != 5 {
		t.Errorf("exit code %d", r.Steps[1].ExitCode)
	}
	r = bench{workflow: job("steps:\n  - uses: docker://alpine\n")}.run(t)
	r.wantConclusion(plan.Failure)
	if !strings.Contains(r.Steps[1].Reason, "needs a container") {
		t.Errorf("reason %q", r.Steps[1].Reason)
	}
}

func TestTranslate(t *testing.T) {
	shares := []executor.Share{{Path: "/w", Target: "/a"}, {Path: "/w/deep", Target: "/b"}}
	for p, want := range map[string]string{
		"/w": "/a", "/w/x": "/a/x", "/w/deep": "/b", "/w/deep/y": "/b/y", "/w/deeper": "/a/deeper", "/wx": "/wx", "x/w": "x/w", "": "",
	} {
		if got := translate(shares, p); got != want {
			t.Errorf("%q becomes %q, want %q", p, got, want)
		}
	}
}
