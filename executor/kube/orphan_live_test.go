package kube

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

// TestCancelledCreate gives up at several moments; live looks for what is left.
func TestCancelledCreate(t *testing.T) {
	x, labels := live(t, Options{})
	cause := errors.New("enough")
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 300 * time.Millisecond, 800 * time.Millisecond} {
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := time.AfterFunc(after, func() { cancel(cause) })
		if after == 0 {
			cancel(cause)
		}
		e, err := x.Create(ctx, executor.Spec{
			Name: "cancelled", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Env: map[string]string{"A": "b"},
		})
		stop.Stop()
		if err == nil { // quicker than the clock
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, cause) {
			t.Errorf("after %s: %v", after, err)
		}
		cancel(nil)
	}
}

// TestNobodyComesBack: a place ends by itself, and a sweep removes it.
func TestNobodyComesBack(t *testing.T) {
	x, labels := live(t, Options{})
	e := create(t, x, executor.Spec{Name: "orphan", Labels: labels, Kind: executor.Machine, Linger: 10})
	if _, err := e.Start(t.Context(), executor.Command{ID: "s", Argv: []string{"sleep", "1000"}, Dir: "/"}, nil); err != nil {
		t.Fatal(err)
	}
	e.Disconnect() // as if the program was killed
	executortest.Eventually(t, "the pod ends", func() bool {
		pod, err := e.c.pod(t.Context(), e.pod.name)
		return err == nil && pod.Status.Phase == corev1.PodSucceeded
	})
	if _, err := x.Attach(t.Context(), e.ID()); !executor.IsKind(err, executor.NotFound) {
		t.Errorf("attach: %v", err)
	}
	swept, err := x.Sweep(t.Context(), labels.Owner, func(r executor.RunID) bool { return r != labels.Run })
	if err != nil || len(swept.Removed) != 1 {
		t.Errorf("sweep: %+v, %v", swept, err)
	}
}
