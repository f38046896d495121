package kube

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/drydock-ci/drydock/executor"
)

// Sweep deletes the pods of runs that are over. Everything else goes with its
// pod, and what another one sweeps at the same time is its report's.
func (x *Executor) Sweep(ctx context.Context, owner executor.OwnerID, keep func(executor.RunID) bool) (executor.Swept, error) {
	var swept executor.Swept
	if owner == "" {
		return swept, executor.Errorf("sweep", executor.Invalid, "no owner is named")
	}
	clients, err := x.clients()
	if err != nil {
		return swept, err
	}
	var errs []error
	for _, c := range clients {
		removed, err := c.sweep(ctx, owner, keep)
		swept.Removed = append(swept.Removed, removed...)
		errs = append(errs, err)
	}
	slices.Sort(swept.Removed)
	return swept, errors.Join(errs...)
}

// sweep deletes the pods of one namespace.
func (c *client) sweep(ctx context.Context, owner executor.OwnerID, keep func(executor.RunID) bool) (removed []string, err error) {
	var errs []error
	o := metav1.ListOptions{LabelSelector: labels.Set{labelOwner: labelValue(string(owner))}.String(), Limit: 500}
	for {
		list, err := c.pods(ctx, o)
		if err != nil {
			return removed, errors.Join(append(errs, c.fail("list pods", err))...)
		}
		for _, pod := range list.Items {
			a := pod.Annotations
			if a[labelOwner] != string(owner) || pod.DeletionTimestamp != nil || keep != nil && keep(executor.RunID(a[labelRun])) {
				continue
			}
			err := c.deletePod(ctx, podRef{pod.Name, pod.UID})
			switch {
			case err == nil:
				removed = append(removed, "pod "+pod.Name)
			case apierrors.IsNotFound(err), apierrors.IsConflict(err):
			default:
				errs = append(errs, c.fail("delete pod "+pod.Name, err))
			}
		}
		if o.Continue = list.Continue; o.Continue == "" {
			return removed, errors.Join(errs...)
		}
	}
}
