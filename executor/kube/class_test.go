package kube

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

func TestClass(t *testing.T) {
	x := newTest(t, Options{
		Pod: Pod{ServiceAccount: "usual", NodeSelector: map[string]string{"pool": "ci"}},
		Classes: map[string]Class{
			"gpu": {Namespace: "gpus", Pod: Pod{ServiceAccount: "special", NodeSelector: map[string]string{corev1.LabelArchStable: "arm64"}}},
		},
	})
	spec := executor.Spec{Name: "a", Kind: executor.Machine, Image: executor.Image{Ref: "a"}, Class: "gpu"}
	y, err := x.Class("gpu")
	if err != nil {
		t.Fatal(err)
	}
	d, err := y.draft(spec)
	if err != nil {
		t.Fatal(err)
	}
	if s := d.pod.Spec; s.ServiceAccountName != "special" || s.NodeSelector["pool"] != "" || d.pod.Annotations[annotationClass] != "gpu" {
		t.Errorf("spec %+v", s)
	}
	if same, err := x.Class(""); err != nil || same != x {
		t.Errorf("got %v, %v", same, err)
	}
	if _, err := x.Class("other"); !executor.IsKind(err, executor.Invalid) {
		t.Errorf("got %v", err)
	}
	// A workflow cannot go where the operator does not want it.
	spec.Options = "--platform linux/amd64"
	if _, err := y.draft(spec); !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "linux/arm64") {
		t.Errorf("got %v", err)
	}
	if _, err := New(Options{HelperImage: "a", Classes: map[string]Class{"gpu": {Pod: Pod{Limits: map[string]string{"cpu": "lots"}}}}}); err == nil || !strings.Contains(err.Error(), "gpu") {
		t.Errorf("got %v", err)
	}
}

// TestClassLive places, finds and sweeps a pod in the namespace of its class.
func TestClassLive(t *testing.T) {
	other := namespace(t, "class", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	classes := map[string]Class{"strict": {Namespace: other, Pod: Pod{
		Restricted: true, Limits: map[string]string{"memory": "128Mi"}, Labels: map[string]string{"team": "a"},
	}}}
	x, labels := live(t, Options{Classes: classes})
	spec := executor.Spec{Name: "class", Labels: labels, Kind: executor.Machine, Class: "strict", Image: executor.Image{Ref: testImage}, Options: "--user 1000", Containers: true}
	e := create(t, x, spec)
	pod, err := e.c.pod(t.Context(), e.pod.name)
	if err != nil {
		t.Fatal(err)
	}
	if pod.Namespace != other || pod.Labels["team"] != "a" || pod.Spec.Containers[0].Resources.Limits.Memory().String() != "128Mi" {
		t.Errorf("namespace %s, labels %v, resources %v", pod.Namespace, pod.Labels, pod.Spec.Containers[0].Resources)
	}
	again, err := x.Attach(t.Context(), e.ID())
	if err != nil {
		t.Fatal(err)
	}
	want(t, again, "id -u", "1000")
	// What is added later is of the class too: no image of root.
	_, err = again.(executor.Containers).Container(t.Context(), executor.ContainerSpec{Name: "a", Image: executor.Image{Ref: testImage}, Dir: "/"})
	if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "root") {
		t.Errorf("a container beside the job: %v", err)
	}
	swept, err := x.Sweep(t.Context(), labels.Owner, nil)
	if err != nil || len(swept.Removed) != 1 {
		t.Errorf("swept %v, %v", swept, err)
	}
	plain := spec
	plain.Class = ""
	if p := create(t, x, plain); p.c.namespace == other {
		t.Error("the class is kept for jobs without one")
	}
}
