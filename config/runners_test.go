package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const runnersYAML = `
kubernetes:
  namespace: ci
  node_selector: {pool: ci}
  tolerations: [dedicated=ci:NoSchedule]
  limits: {memory: 4Gi}
runners:
  - labels: [Linux, GPU, linux]
    group: big
    executor: kubernetes
    image: ghcr.io/me/cuda:12
    arch: arm64
    kubernetes:
      namespace: gpu
      node_selector: {gpu: "yes"}
      tolerations: [gpu]
      limits: {nvidia.com/gpu: 1}
      restricted: true
  - {labels: metal, executor: host}
  - {group: small, image: "alpine:3"}
`

func TestRunners(t *testing.T) {
	w := newWorld(t, runnersYAML, "")
	c, err := w.load(nil)
	if err != nil {
		t.Fatal(err)
	}
	general := Kubernetes{
		Namespace: "ci", NodeSelector: map[string]string{"pool": "ci"}, Tolerations: []string{"dedicated=ci:NoSchedule"},
		Limits: map[string]string{"memory": "4Gi"}, Wait: c.Kubernetes.Wait, PullWait: c.Kubernetes.PullWait,
	}
	// Lists replace, maps add.
	gpu := general
	gpu.Namespace, gpu.Restricted, gpu.Tolerations = "gpu", true, []string{"gpu"}
	gpu.NodeSelector = map[string]string{"pool": "ci", "gpu": "yes"}
	gpu.Limits = map[string]string{"memory": "4Gi", "nvidia.com/gpu": "1"}
	want := []Runner{
		{Labels: []string{"linux", "gpu"}, Group: "big", Executor: "kubernetes", Image: "ghcr.io/me/cuda:12", Arch: "arm64", Kubernetes: gpu},
		{Labels: []string{"metal"}, Executor: "host", Kubernetes: general},
		{Group: "small", Executor: "auto", Image: "alpine:3", Kubernetes: general},
	}
	if diff := cmp.Diff(want, c.Runners, cmpopts.IgnoreUnexported(Runner{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(general, c.Kubernetes); diff != "" {
		t.Errorf("an entry changed what is set for all: %s", diff)
	}
	if c.Runners[0].Name() != "linux,gpu@big" {
		t.Errorf("name %q", c.Runners[0].Name())
	}
	var lines []string
	for _, s := range c.Settings() {
		lines = append(lines, s.Key+"="+s.Value+" ("+s.Origin.String()+")")
	}
	all := strings.Join(lines, "\n")
	for _, line := range []string{
		"runners[0]=labels=linux,gpu group=big executor=kubernetes image=ghcr.io/me/cuda:12 arch=arm64 kubernetes.namespace=gpu " +
			"kubernetes.restricted=true kubernetes.node_selector.gpu=yes kubernetes.node_selector.pool=ci kubernetes.tolerations=gpu " +
			"kubernetes.limits.memory=4Gi kubernetes.limits.nvidia.com/gpu=1 (" + w.userFile() + ":8:5)",
		"runners[1]=labels=metal executor=host (" + w.userFile() + ":19:5)",
		"kubernetes.limits.memory=4Gi (" + w.userFile() + ":6:20)",
	} {
		if !strings.Contains(all, line) {
			t.Errorf("no line %q in\n%s", line, all)
		}
	}

	c, err = w.load(nil, `DRYDOCK_RUNNERS=[{labels: [a], image: b, kubernetes: {service_account: c}}]`, "DRYDOCK_KUBERNETES_NAMESPACE=here")
	if err != nil || len(c.Runners) != 1 || c.Runners[0].Kubernetes.ServiceAccount != "c" || c.Runners[0].Kubernetes.Namespace != "here" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestRunnerProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		yaml string
		want []string
	}{
		"no list":          {"runners: {a: b}", []string{`drydock.yaml:1:10): "runners" must be a list of entries`}},
		"no mapping":       {"runners: [a]", []string{`drydock.yaml:1:11): an entry of "runners" must be a mapping`}},
		"unknown key":      {"runners:\n  - labels: a\n    img: b", []string{`drydock.yaml:3:5): unknown key "img" of a runner: did you mean "image"?`}},
		"unknown setting":  {"runners: [{labels: a, image: b, kubernetes: {namespce: x}}]", []string{`unknown key "namespce" of a runner's kubernetes: did you mean "namespace"?`}},
		"not per runner":   {"runners: [{labels: a, image: b, kubernetes: {context: x}}]", []string{`"kubernetes.context" is the same for all runners`}},
		"twice":            {"runners: [{labels: a, image: b, image: c}]", []string{`key "image" stands here again`}},
		"no labels":        {"runners: [{image: b}]", []string{`drydock.yaml:1:11`, "neither labels nor a group"}},
		"no image":         {"runners: [{labels: a}]", []string{`"runners[0]"`, `"" is no image`}},
		"image on host":    {"runners: [{labels: a, executor: host, image: b}]", []string{"leave image and arch out"}},
		"executor":         {"runners: [{labels: a, image: b, executor: kubernets}]", []string{`did you mean "kubernetes"?`}},
		"arch":             {"runners: [{labels: a, image: b, arch: amd46}]", []string{`arch "amd46" is not one of`, `did you mean "amd64"?`}},
		"same":             {"runners: [{labels: [a, b], image: b}, {labels: [A, B], image: c}]", []string{`"runners[1]"`, "runners[0] has the same labels"}},
		"no effect":        {"runners: [{labels: a, image: b, executor: docker, kubernetes: {namespace: x}}]", []string{"have no effect"}},
		"map of maps":      {"runners: [{labels: a, image: b, kubernetes: {limits: {cpu: {a: b}}}}]", []string{`"kubernetes.limits" must map names to values`}},
		"label of maps":    {"runners: [{labels: {a: b}, image: b}]", []string{`"runners: labels" must be a string or a list`}},
		"bool":             {"runners: [{labels: a, image: b, kubernetes: {restricted: yes}}]", []string{`"kubernetes.restricted" of runners[0]`, `"yes" is neither true nor false`}},
		"toleration":       {"runners: [{labels: a, image: b, kubernetes: {tolerations: 'x:NoShedule'}}]", []string{`tolerations: "x:NoShedule"`, `did you mean "NoSchedule"?`}},
		"both":             {"kubernetes: {restricted: true, allow_escalation: true}", []string{`"kubernetes.allow_escalation"`, "leave one of the two out"}},
		"no time":          {"kubernetes: {wait: 0s}", []string{`"kubernetes.wait"`, "is no time to wait"}},
		"no registry":      {"kubernetes: {builder: 'tcp://b:1'}", []string{`"kubernetes.builder"`, "set kubernetes.registry too"}},
		"no builder":       {"kubernetes: {registry: r.test/ci}", []string{`"kubernetes.registry"`, "set kubernetes.builder too"}},
		"general position": {"kubernetes:\n  tolerations: ['a b']", []string{"drydock.yaml:2:16", "is no toleration"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newWorld(t, tc.yaml, "").load(nil)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
	for _, yaml := range []string{"runners: [{labels: a, image: b}]", "kubernetes: {context: prod}", "kubernetes: {service_account: admin}", "kubernetes: {builder: 'tcp://b:1', registry: r}"} {
		if _, err := newWorld(t, "", yaml).load(nil); err == nil || !strings.Contains(err.Error(), "a project's file may not set it") {
			t.Errorf("%s in a project's file: %v", yaml, err)
		}
	}
}

// TestProjectCannotChooseTheCluster: its file may ask for Kubernetes only where
// the user has said which.
func TestProjectCannotChooseTheCluster(t *testing.T) {
	w := newWorld(t, "", "executor: kubernetes\n")
	if _, err := w.load(nil); err == nil || !strings.Contains(err.Error(), "which cluster") {
		t.Errorf("got %v", err)
	}
	if _, err := w.load(nil, "DRYDOCK_KUBERNETES_NAMESPACE=ci"); err != nil {
		t.Error(err)
	}
	if _, err := w.load(map[string][]string{"executor": {"kubernetes"}}); err != nil {
		t.Error(err)
	}
}

func TestToleration(t *testing.T) {
	for text, want := range map[string]Toleration{
		"dedicated=ci:NoSchedule": {"dedicated", "ci", true, "NoSchedule"},
		"gpu:NoExecute":           {"gpu", "", false, "NoExecute"},
		"gpu":                     {Key: "gpu"},
		"a=":                      {Key: "a", HasValue: true},
		"*":                       {},
		"*:NoSchedule":            {Effect: "NoSchedule"},
	} {
		if got, err := ParseToleration(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":NoSchedule", "=x", "a:b", "a b", "*=x"} {
		if got, err := ParseToleration(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
