package kube

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

// Attach finds a pod again by its name, and its helper by the token.
func (x *Executor) Attach(ctx context.Context, id executor.EnvironmentID) (executor.Environment, error) {
	namespace, ref, container, token, ok := parseID(id)
	if !ok {
		return nil, executor.Errorf("attach to an environment", executor.NotFound, "its id is not one of a pod")
	}
	c, err := x.connection()
	if err != nil {
		return nil, err
	}
	op := fmt.Sprintf("attach to pod %q", ref.name)
	c = c.in(namespace)
	pod, err := c.pod(ctx, ref.name)
	if err != nil {
		return nil, c.fail(op, err)
	}
	// Of a class that is no more there is nothing special.
	if class, err := x.Class(pod.Annotations[annotationClass]); err == nil {
		x = class
	}
	if pod.UID != ref.uid || pod.Annotations[annotationKind] == "" {
		return nil, executor.Errorf(op, executor.NotFound, "it is another pod of the same name")
	}
	if err := ended(pod); err != nil {
		return nil, &executor.Error{Op: op, Kind: executor.NotFound, Err: err}
	}
	e := &environment{x: x, c: c, pod: ref, container: container, token: token}
	v := look(pod, container)
	if !v.ready {
		return nil, &executor.Error{Op: op, Kind: executor.NotFound, Err: v.err}
	}
	if err := e.open(ctx, pod); err != nil {
		return nil, err
	}
	if container != jobContainer {
		e.info = e.Describe()
		e.info.Linked = true
		e.finish(pod, v.id, nil)
		return e, nil
	}
	services := map[string]record{}
	err = json.Unmarshal([]byte(pod.Annotations[annotationServices]), &services)
	if err == nil {
		err = e.settle(ctx, executor.Kind(pod.Annotations[annotationKind]), hasMount(pod, "externals"))
	}
	if err != nil {
		e.Disconnect()
		return nil, c.fail(op, err)
	}
	e.finish(pod, v.id, services)
	return e, nil
}

// commandOf is how a container's helper was started.
func commandOf(pod *corev1.Pod, container string) []string {
	for _, c := range pod.Spec.Containers {
		if c.Name == container {
			return c.Command
		}
	}
	for _, c := range pod.Spec.EphemeralContainers {
		if c.Name == container {
			return c.Command
		}
	}
	return nil
}

// hasMount tells whether the job's container sees a volume.
func hasMount(pod *corev1.Pod, volume string) bool {
	for _, c := range pod.Spec.Containers {
		for _, m := range c.VolumeMounts {
			if c.Name == jobContainer && m.Name == volume {
				return true
			}
		}
	}
	return false
}
