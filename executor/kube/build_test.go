package kube

import (
	"context"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

// builds stands for a configured builder.
type builds func(executor.BuildSpec) executor.Image

func (b builds) Build(_ context.Context, spec executor.BuildSpec, _ func(string)) (executor.Image, error) {
	return b(spec), nil
}

// TestBuild: without a builder the error tells what to set; with one it is asked,
// for places of every class.
func TestBuild(t *testing.T) {
	spec := executor.BuildSpec{Repository: "a/b", Context: "/c"}
	x, err := New(Options{HelperImage: helperImage})
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.Build(t.Context(), spec, nil)
	if !executor.IsKind(err, executor.Unsupported) || !strings.Contains(err.Error(), "kubernetes.builder") || !strings.Contains(err.Error(), "kubernetes.registry") {
		t.Error(err)
	}
	x, err = New(Options{
		HelperImage: helperImage, Classes: map[string]Class{"big": {Namespace: "other"}},
		Builder: builds(func(s executor.BuildSpec) executor.Image { return executor.Image{Ref: "r.test/" + s.Repository} }),
	})
	if err == nil {
		x, err = x.Class("big")
	}
	if err != nil {
		t.Fatal(err)
	}
	if img, err := x.Build(t.Context(), spec, nil); err != nil || img.Ref != "r.test/a/b" {
		t.Errorf("%v, %v", img, err)
	}
}
