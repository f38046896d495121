package kube

import (
	"fmt"
	"slices"

	"github.com/drydock-ci/drydock/executor"
)

// Class is what the operator decides about the places of one Spec.Class.
type Class struct {
	Namespace string // empty: that of Options
	Pod       Pod
}

// Class gives the executor whose pods are of that class, at the same cluster;
// "" is x itself.
func (x *Executor) Class(name string) (*Executor, error) {
	if name == "" {
		return x, nil
	}
	c, ok := x.opts.Classes[name]
	if !ok {
		return nil, executor.Errorf("create a pod", executor.Invalid, "nothing is set for its class %q", name)
	}
	y := *x
	y.opts.Pod, y.namespace = c.Pod, c.Namespace
	return &y, nil
}

// checkClasses reads what New can read of the classes.
func checkClasses(classes map[string]Class) error {
	for name, c := range classes {
		for what, list := range map[string]map[string]string{"requests": c.Pod.Requests, "limits": c.Pod.Limits} {
			if _, err := quantities(list); err != nil {
				return executor.Errorf(fmt.Sprintf("set up Kubernetes for %q", name), executor.Invalid, "%s: %w", what, err)
			}
		}
	}
	return nil
}

// in gives the same client for another namespace; "" is its own.
func (c *client) in(namespace string) *client {
	if namespace == "" || namespace == c.namespace {
		return c
	}
	other := *c
	other.namespace = namespace
	return &other
}

// clients are one for each namespace that pods may be in.
func (x *Executor) clients() ([]*client, error) {
	c, err := x.connection()
	if err != nil {
		return nil, err
	}
	all := []*client{c}
	for _, class := range x.opts.Classes {
		other := c.in(class.Namespace)
		if !slices.ContainsFunc(all, func(c *client) bool { return c.namespace == other.namespace }) {
			all = append(all, other)
		}
	}
	return all, nil
}

// CheckOptions says what is wrong with options for the container of a job that
// come from what.
func CheckOptions(what, options string) error {
	_, err := judge(request{what: what, role: roleJob, options: options})
	return err
}
