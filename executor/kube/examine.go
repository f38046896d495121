package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drydock-ci/drydock/executor"
)

// Finding is one thing that Examine looked at.
type Finding struct {
	What string // access, rights, security, quota, pod
	Bad  bool   // jobs will not run
	Poor bool   // something does not work, or could not be looked at
	Text string
	Mend string
}

const levelLabel = "pod-security.kubernetes.io/enforce"

// Examine says what stands in the way of jobs: access, rights, the Pod Security
// level, quota, and whether a pod with the helper starts. It makes one pod and
// removes it.
func (x *Executor) Examine(ctx context.Context, labels executor.Labels) []Finding {
	caps, err := x.Probe(ctx)
	if caps.Version == "" {
		return []Finding{bad("access", err)}
	}
	c, cerr := x.connection()
	if cerr != nil {
		return []Finding{bad("access", cerr)}
	}
	all := []Finding{{What: "access", Text: fmt.Sprintf("Kubernetes %s at %s, namespace %s", caps.Version, c.config.Host, c.namespace)}}
	if err != nil {
		return append(all, bad("rights", err))
	}
	all = append(all, x.examineRights(ctx, c), x.examineLevel(ctx, c))
	all = append(all, c.examineQuota(ctx)...)
	return append(all, x.examinePod(ctx, labels))
}

func bad(what string, err error) Finding {
	f := Finding{What: what, Bad: true, Text: err.Error()}
	var e *executor.Error
	if errors.As(err, &e) && e.Hint != "" {
		f.Text, f.Mend = strings.TrimSuffix(f.Text, ": "+e.Hint), e.Hint
	}
	return f
}

// examineRights looks at those without which most works: Probe has asked for
// the others.
func (x *Executor) examineRights(ctx context.Context, c *client) Finding {
	var lacks []string
	for r, what := range map[right]string{
		besideRight:            "docker actions do not work",
		{"list", "events", ""}: "what the health check of a service says is not told",
	} {
		if ok, err := c.may(ctx, r); err == nil && !ok {
			lacks = append(lacks, fmt.Sprintf("this user may not %s: %s", r, what))
		}
	}
	if len(lacks) > 0 {
		slices.Sort(lacks)
		return Finding{What: "rights", Poor: true, Text: strings.Join(lacks, "; "), Mend: "give it the role of deploy/ in namespace \"" + c.namespace + "\""}
	}
	return Finding{What: "rights", Text: "all that jobs need"}
}

func (x *Executor) examineLevel(ctx context.Context, c *client) Finding {
	own := "baseline"
	if x.opts.Pod.Restricted {
		own = "restricted"
	}
	var ns corev1.Namespace
	err := c.core.Get().Resource("namespaces").Name(c.namespace).Timeout(requestTimeout).Do(ctx).Into(&ns)
	level := ns.Labels[levelLabel]
	switch {
	case err != nil:
		return Finding{What: "security", Text: "pods keep to the level " + own + "; that of the namespace may not be looked at"}
	case level == "restricted" && own != level:
		return Finding{
			What: "security", Bad: true, Text: "the namespace enforces the Pod Security level restricted, pods keep to " + own,
			Mend: "set kubernetes.restricted: true, and use images whose user is not root",
		}
	case level == "" || level == "privileged":
		return Finding{
			What: "security", Poor: true, Text: "the namespace enforces no Pod Security level; pods keep to " + own,
			Mend: fmt.Sprintf("kubectl label namespace %s %s=%s", c.namespace, levelLabel, own),
		}
	}
	return Finding{What: "security", Text: "the namespace enforces the level " + level + ", pods keep to " + own}
}

func (c *client) examineQuota(ctx context.Context) []Finding {
	var list corev1.ResourceQuotaList
	o := metav1.ListOptions{}
	err := c.core.Get().Namespace(c.namespace).Resource("resourcequotas").VersionedParams(&o, c.params).Timeout(requestTimeout).Do(ctx).Into(&list)
	if err != nil {
		return []Finding{{What: "quota", Text: "it may not be looked at"}}
	}
	var all []Finding
	for _, q := range list.Items {
		var parts []string
		f := Finding{What: "quota"}
		for _, name := range slices.Sorted(maps.Keys(q.Status.Hard)) {
			hard, used := q.Status.Hard[name], q.Status.Used[name]
			parts = append(parts, fmt.Sprintf("%s %s of %s", name, used.String(), hard.String()))
			if used.Cmp(hard) >= 0 && (name == corev1.ResourcePods || name == "count/pods" || hard.IsZero()) {
				f.Poor, f.Mend = true, "jobs wait until there is room: raise the quota, or set kubernetes.wait"
			}
		}
		f.Text = q.Name + ": " + strings.Join(parts, ", ")
		all = append(all, f)
	}
	if len(all) == 0 {
		return []Finding{{What: "quota", Text: "there is none"}}
	}
	return all
}

// patience is how long the pod that Examine makes may take.
const patience = 45 * time.Second

// examinePod asks for a pod as a job's, then makes one and speaks to its helper.
func (x *Executor) examinePod(ctx context.Context, labels executor.Labels) Finding {
	y := *x
	y.opts.Wait, y.opts.PullWait = min(y.opts.Wait, patience), min(y.opts.PullWait, patience/2)
	x = &y
	spec := executor.Spec{Name: "doctor", Labels: labels, Kind: executor.Container, Image: executor.Image{Ref: x.opts.HelperImage}}
	if x.opts.Pod.Restricted {
		spec.Options = "--user 65532"
	}
	d, err := x.draft(spec)
	if err != nil {
		return bad("pod", err)
	}
	c, err := x.connection()
	if err != nil {
		return bad("pod", err)
	}
	err = c.core.Post().Namespace(c.namespace).Resource("pods").VersionedParams(&metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}, c.params).
		Body(d.pod).Timeout(requestTimeout).Do(ctx).Error()
	switch {
	case overQuota(err):
		return Finding{What: "pod", Poor: true, Text: "there is no room for one now: " + quotaText(err), Mend: "jobs wait until there is: raise the quota, or stop what runs"}
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "failed quota"):
		f := bad("pod", c.fail("create a pod", err))
		f.Mend = "the quota asks for requests and limits: set kubernetes.requests and kubernetes.limits, and those of services by a LimitRange"
		return f
	case err != nil:
		return bad("pod", c.fail("create a pod", err))
	}
	began := time.Now()
	e, err := x.Create(ctx, spec)
	if err != nil {
		f := bad("pod", err)
		if executor.ReasonOf(err) == executor.ImagePull {
			f.Mend = fmt.Sprintf("bring image %q to where the nodes find it (make image-helper makes it), and name it as kubernetes.helper_image", x.opts.HelperImage)
		}
		return f
	}
	took := time.Since(began)
	if err := e.Close(context.WithoutCancel(ctx)); err != nil {
		return bad("pod", err)
	}
	return Finding{What: "pod", Text: fmt.Sprintf("a pod with the helper (%s) started in %.1f s", x.opts.HelperImage, took.Seconds())}
}
