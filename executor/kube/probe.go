package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/drydock-ci/drydock/executor"
)

// right is one thing that drydock must be allowed to do.
type right struct{ verb, resource, sub string }

func (r right) String() string {
	if r.sub != "" {
		return r.verb + " " + r.resource + "/" + r.sub
	}
	return r.verb + " " + r.resource
}

var (
	rights = []right{
		{"create", "pods", ""}, {"get", "pods", ""}, {"list", "pods", ""}, {"watch", "pods", ""}, {"delete", "pods", ""},
		{"create", "pods", "exec"}, {"get", "pods", "exec"}, {"get", "pods", "log"}, {"create", "secrets", ""},
	}
	besideRight = right{"patch", "pods", "ephemeralcontainers"}
)

// Probe asks the cluster for its version, and whether pods may be made there.
func (x *Executor) Probe(ctx context.Context) (executor.Capabilities, error) {
	c, err := x.connection()
	if err != nil {
		return executor.Capabilities{}, err
	}
	op := "probe the cluster at " + c.config.Host
	var v version.Info
	raw, err := c.core.Get().AbsPath("/version").Timeout(requestTimeout).DoRaw(ctx)
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		return executor.Capabilities{}, c.fail(op, err)
	}
	caps := executor.Capabilities{
		Version: v.GitVersion, OS: "linux", Arch: "amd64", Containers: true, Build: x.opts.Builder != nil, Remote: true,
		Notes: []string{fmt.Sprintf("Kubernetes at %s, namespace %s", c.config.Host, c.namespace)},
	}
	err = c.core.Get().Resource("namespaces").Name(c.namespace).Timeout(requestTimeout).Do(ctx).Error()
	if apierrors.IsNotFound(err) {
		return caps, c.fail(op, err)
	}
	var missing []string
	for _, r := range rights {
		ok, err := c.may(ctx, r)
		if err != nil {
			return caps, c.fail(op, err)
		}
		if !ok {
			missing = append(missing, r.String())
		}
	}
	if len(missing) > 0 {
		return caps, &executor.Error{
			Op: op, Kind: executor.Refused,
			Err:  fmt.Errorf("this user may not %s in namespace %q", strings.Join(missing, ", "), c.namespace),
			Hint: "give it the role of deploy/ in that namespace",
		}
	}
	if ok, err := c.may(ctx, besideRight); err != nil || !ok {
		caps.Notes = append(caps.Notes, "this user may not "+besideRight.String()+": docker actions do not work")
	}
	if arch := c.arch(ctx, x.opts.Pod.NodeSelector); arch != "" {
		caps.Arch = arch
	} else {
		caps.Notes = append(caps.Notes, "the nodes cannot be listed: taken for "+caps.Arch)
	}
	return caps, nil
}

func (c *client) may(ctx context.Context, r right) (bool, error) {
	review := &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authv1.ResourceAttributes{
		Namespace: c.namespace, Verb: r.verb, Resource: r.resource, Subresource: r.sub,
	}}}
	var out authv1.SelfSubjectAccessReview
	err := c.auth.Post().Resource("selfsubjectaccessreviews").Body(review).Timeout(requestTimeout).Do(ctx).Into(&out)
	return out.Status.Allowed, err
}

// arch is the architecture of a node that pods may go to, empty when unknown.
func (c *client) arch(ctx context.Context, selector map[string]string) string {
	if a := selector[corev1.LabelArchStable]; a != "" {
		return a
	}
	o := metav1.ListOptions{Limit: 1, LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: selector})}
	if len(selector) == 0 {
		o.LabelSelector = ""
	}
	var nodes corev1.NodeList
	err := c.core.Get().Resource("nodes").VersionedParams(&o, c.params).Timeout(requestTimeout).Do(ctx).Into(&nodes)
	if err != nil || len(nodes.Items) == 0 {
		return ""
	}
	return nodes.Items[0].Status.NodeInfo.Architecture
}
