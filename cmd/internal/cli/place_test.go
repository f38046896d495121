package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const placeRunners = `
- {labels: [linux, gpu], group: big, executor: kubernetes, image: cuda, arch: arm64, kubernetes: {namespace: gpus}}
- {labels: [linux, gpu], image: cuda-here}
- {labels: metal, executor: host}
- {labels: engine, executor: docker, image: in-docker}
- {group: any, executor: kubernetes, image: by-group}
`

func TestPlace(t *testing.T) {
	down := errors.New("it is down")
	for name, tc := range map[string]struct {
		flags     map[string][]string
		env       []string
		labels    string
		group     string
		container bool
		docker    error
		kube      error
		want      runner.Place
		err       string
	}{
		"all labels, group":      {labels: "gpu,Linux", group: "BIG", want: runner.Place{Executor: "kubernetes", Image: "cuda", Class: "linux,gpu@big", Options: "--platform linux/arm64"}},
		"no group is any group":  {labels: "gpu", want: runner.Place{Executor: "kubernetes", Image: "cuda", Class: "linux,gpu@big", Options: "--platform linux/arm64"}},
		"another group":          {labels: "gpu", group: "small", want: runner.Place{Executor: "docker", Image: "cuda-here"}},
		"group alone":            {group: "any", want: runner.Place{Executor: "kubernetes", Image: "by-group", Class: "@any"}},
		"one label too many":     {labels: "linux,gpu,fast", err: `the runner of "linux", "gpu" (DRYDOCK_RUNNERS:2:3) lacks "fast"`},
		"host":                   {labels: "metal", want: runner.Place{Executor: "host"}},
		"container on the host":  {labels: "metal", container: true, want: runner.Place{Executor: "docker"}},
		"the engine is down":     {labels: "engine", docker: down, err: "it is down"},
		"the cluster is down":    {group: "any", kube: down, err: "it is down"},
		"entries before images":  {env: []string{"DRYDOCK_PLATFORMS="}, labels: "engine", want: runner.Place{Executor: "docker", Image: "in-docker"}},
		"what is typed":          {flags: map[string][]string{"platform": {"gpu=mine"}}, labels: "gpu", want: runner.Place{Executor: "docker", Image: "mine"}},
		"typed docker":           {flags: map[string][]string{"executor": {"docker"}}, labels: "gpu", group: "big", want: runner.Place{Executor: "docker", Image: "cuda", Options: "--platform linux/arm64"}},
		"typed host":             {flags: map[string][]string{"executor": {"host"}}, labels: "gpu", want: runner.Place{Executor: "host"}},
		"typed kubernetes":       {flags: map[string][]string{"executor": {"kubernetes"}}, labels: "engine", want: runner.Place{Executor: "kubernetes", Image: "in-docker", Class: "engine"}},
		"typed, without image":   {flags: map[string][]string{"executor": {"kubernetes"}}, labels: "metal", err: `the runner of "metal" (DRYDOCK_RUNNERS:4:3) is this machine itself`},
		"typed, own image":       {flags: map[string][]string{"executor": {"kubernetes"}}, labels: "metal", container: true, want: runner.Place{Executor: "kubernetes"}},
		"usual label":            {flags: map[string][]string{"executor": {"kubernetes"}, "platform": {"a=b"}}, labels: "a", want: runner.Place{Executor: "kubernetes", Image: "b"}},
		"usual label, host":      {flags: map[string][]string{"executor": {"kubernetes"}}, labels: "self-hosted", err: "but --executor kubernetes was asked for"},
		"usual label, no engine": {labels: "ubuntu-latest", docker: down, want: runner.Place{Executor: "host"}},
		"unknown, like another":  {labels: "engin", err: `did you mean "engine"?`},
		"wrong group":            {labels: "engine", group: "x", want: runner.Place{Executor: "docker", Image: "in-docker"}},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			c, err := config.Load(config.Options{Dir: home, Flags: tc.flags,
				Env: append([]string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "DRYDOCK_RUNNERS=" + placeRunners}, tc.env...)})
			if err != nil {
				t.Fatal(err)
			}
			p := &placer{config: c, docker: func() error { return tc.docker }, kube: func(string) error { return tc.kube }}
			leg := &plan.Leg{Job: &plan.Job{}}
			if tc.container {
				leg.Job.Container = workflow.Str("image")
			}
			var labels []string
			if tc.labels != "" {
				labels = strings.Split(tc.labels, ",")
			}
			got, err := p.place(leg, labels, tc.group)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got %+v, %v, want %q", got, err, tc.err)
				}
				return
			}
			got.Labels = nil
			if err != nil || got.Executor != tc.want.Executor || got.Image != tc.want.Image || got.Class != tc.want.Class || got.Options != tc.want.Options {
				t.Errorf("got %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}
