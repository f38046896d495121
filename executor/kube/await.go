package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/drydock-ci/drydock/executor"
)

// How often a job that waits says so, and how long what passes by itself goes
// unsaid.
const (
	remindEvery = 30 * time.Second
	silence     = 5 * time.Second
)

// definite is how long a pull may fail for what waiting seldom mends: there is
// no such image, or no right to it.
const definite = 15 * time.Second

// waiter follows one pod until one of its containers runs.
type waiter struct {
	x         *Executor
	c         *client
	container string
	log       func(string)

	began, since time.Time // of everything, of the present state
	up           time.Time // set: the container runs, and its services are waited for
	last         verdict
	told         bool
	pulls        time.Time // when pulls began to fail
	reminded     time.Time // when the log last heard that it goes on
}

func (x *Executor) waiter(c *client, container string, log func(string)) *waiter {
	now := time.Now()
	return &waiter{x: x, c: c, container: container, log: log, began: now, since: now, reminded: now}
}

// wait returns the pod in which the container runs, and the container's id.
// One request does it, unless the API server ends the watch.
func (w *waiter) wait(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, string, error) {
	ref := podRef{pod.Name, pod.UID}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if id, err, over := w.judge(ctx, pod); over {
			return pod, id, err
		}
		events, err := w.c.watchPod(ctx, pod)
		if err != nil {
			w.x.log.Debug("watch a pod", "pod", ref.name, "error", err)
		} else {
			next, id, err, over := w.follow(ctx, pod, events, tick.C)
			events.Stop()
			if over {
				return next, id, err
			}
			pod = next
		}
		// The watch ended: look again, not too often.
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return pod, "", err
		}
		fresh, err := w.c.pod(ctx, ref.name)
		switch {
		case err == nil && fresh.UID == ref.uid:
			pod = fresh
		case err == nil || apierrors.IsNotFound(err):
			return pod, "", deleted(ref.name)
		case !passing(err):
			return pod, "", w.c.fail(fmt.Sprintf("look after pod %q", ref.name), err)
		}
	}
}

// healthy waits until all services of the pod, which runs, are. Their times count
// from now on.
func (w *waiter) healthy(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	w.up = time.Now()
	w.since, w.told = w.up, false
	pod, _, err := w.wait(ctx, pod)
	return pod, err
}

// follow takes events until the container runs, or the watch ends.
func (w *waiter) follow(ctx context.Context, pod *corev1.Pod, events watch.Interface, tick <-chan time.Time) (_ *corev1.Pod, id string, err error, over bool) {
	for {
		select {
		case <-ctx.Done():
			return pod, "", context.Cause(ctx), true
		case <-tick:
		case e, ok := <-events.ResultChan():
			next, isPod := e.Object.(*corev1.Pod)
			if !ok || !isPod { // an error event is the watch's own, such as 410
				return pod, "", nil, false
			}
			if e.Type == watch.Deleted {
				return pod, "", deleted(pod.Name), true
			}
			pod = next
		}
		if id, err, over := w.judge(ctx, pod); over {
			return pod, id, err, true
		}
	}
}

func deleted(name string) error {
	return &executor.Error{
		Op: fmt.Sprintf("pod %q", name), Kind: executor.Lost, Reason: executor.Deleted, Err: errors.New("somebody deleted it"),
	}
}

// judge tells whether the wait is over, and tells the log what goes on.
func (w *waiter) judge(ctx context.Context, pod *corev1.Pod) (id string, err error, over bool) {
	v := look(pod, w.container)
	now := time.Now()
	if v.ready && !w.up.IsZero() {
		id := v.id
		v = lookAfter(pod, now.Sub(w.up))
		v.id = id
	}
	if v.ready {
		return v.id, nil, true
	}
	if v.err != nil {
		return "", w.explain(ctx, pod, v), true
	}
	// A kubelet says by turns that a pull failed and that it waits for the next one.
	if v.state != w.last.state && !(v.pull && w.last.pull) {
		w.since, w.told = now, false
	}
	w.last = v
	if v.state != "" && !w.told && (v.reason != "" || now.Sub(w.since) > silence) {
		w.told = true
		w.log("Waiting for the pod: " + v.state)
	}
	if now.Sub(w.reminded) >= remindEvery {
		w.reminded = now
		w.log(fmt.Sprintf("Still waiting for the pod (%s): %s", now.Sub(w.began).Round(time.Second), orNothing(v.state)))
	}
	if v.pull && w.pulls.IsZero() {
		w.pulls = now
	} else if !v.pull {
		w.pulls = time.Time{}
	}
	if v.pull {
		kind, hint := pullKind(v.state)
		if v.helper {
			hint = "set kubernetes.helper_image to an image that the nodes can pull"
		}
		limit := w.x.opts.PullWait
		if kind != executor.Failed {
			limit = min(limit, definite)
		}
		if now.Sub(w.pulls) > limit {
			return "", &executor.Error{
				Op: "pull an image for pod \"" + pod.Name + "\"", Kind: kind, Reason: executor.ImagePull, Err: errors.New(v.state), Hint: hint,
			}, true
		}
	}
	if spent := now.Sub(w.began); spent > w.x.opts.Wait {
		return "", w.late(v, spent), true
	}
	return "", nil, false
}

// late is the error when the time for waiting is over.
func (w *waiter) late(v verdict, spent time.Duration) *executor.Error {
	return &executor.Error{
		Op: "wait for the pod to start", Kind: executor.Unavailable, Reason: v.reason,
		Err:  fmt.Errorf("not after %s: %s", spent.Round(time.Second), orNothing(v.state)),
		Hint: "make room in the cluster, or let jobs wait longer",
	}
}

func orNothing(state string) string {
	if state == "" {
		return "its containers are being made"
	}
	return state
}

// pullKind reads what a registry answered.
func pullKind(text string) (kind executor.ErrorKind, hint string) {
	text = strings.ToLower(text)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("no such host", "i/o timeout", "connection refused", "toomanyrequests", "too many requests"):
		return executor.Failed, "check the nodes' network"
	case has("unauthorized", "denied", "authentication required", "no basic auth", "not found", "manifest unknown", "no match for platform"):
		return executor.NotFound, "check the name, the tag and the credentials"
	}
	return executor.Failed, "check the nodes' network"
}

// explain gives the last output of a container that failed: of a service to the
// log, with what the kubelet last said of its health check; a line of our own
// program belongs into the error.
func (w *waiter) explain(ctx context.Context, pod *corev1.Pod, v verdict) error {
	if v.failed == "" {
		return v.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	service := executor.IsKind(v.err, executor.Unhealthy)
	if service {
		if list, err := w.c.events(ctx, podRef{pod.Name, pod.UID}); err == nil {
			for i := len(list.Items) - 1; i >= 0; i-- {
				if e := list.Items[i]; e.Reason == "Unhealthy" && strings.Contains(e.InvolvedObject.FieldPath, "{"+v.failed+"}") {
					w.log(strings.TrimSpace(e.Message))
					break
				}
			}
		}
	}
	out, err := w.c.logTail(ctx, pod.Name, v.failed, v.before)
	text := strings.TrimSpace(string(out))
	var e *executor.Error
	switch {
	case err != nil:
		w.log(fmt.Sprintf("The output of %s cannot be read: %v", v.failed, err))
	case text == "" && service:
		w.log(strings.TrimPrefix(v.failed, servicePrefix) + " printed nothing")
	case text == "":
	case !service && len(text) < 500 && errors.As(v.err, &e):
		e.Err = fmt.Errorf("%w: %s", e.Err, text)
	default:
		w.log("Last output of " + strings.TrimPrefix(v.failed, servicePrefix) + ":")
		for line := range strings.Lines(text) {
			w.log("  " + strings.TrimRight(line, "\r\n"))
		}
		if errors.As(v.err, &e) && e.Hint == "" {
			e.Hint = "its last output is in the job's log"
		}
	}
	return v.err
}

// watchPod follows one pod from the state that is known.
func (c *client) watchPod(ctx context.Context, pod *corev1.Pod) (watch.Interface, error) {
	o := metav1.ListOptions{Watch: true, FieldSelector: "metadata.name=" + pod.Name, ResourceVersion: pod.ResourceVersion}
	return c.core.Get().Namespace(c.namespace).Resource("pods").VersionedParams(&o, c.params).Watch(ctx)
}

// pause waits, or gives the context's cause.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
