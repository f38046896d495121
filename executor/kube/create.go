package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// cleanTimeout bounds the removal of what a failed Create made.
const cleanTimeout = 30 * time.Second

// Create makes the pod and waits until its job container runs, which it does
// when the services are healthy.
func (x *Executor) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	x, err := x.Class(spec.Class)
	if err != nil {
		return nil, err
	}
	c, err := x.connection()
	if err != nil {
		return nil, err
	}
	d, err := x.draft(spec)
	if err != nil {
		return nil, err
	}
	log := lines(spec.Log)
	for _, n := range d.notes {
		log(n)
	}
	w := x.waiter(c, jobContainer, log)
	pod, err := w.admit(ctx, d.pod)
	if err != nil {
		return nil, err
	}
	e := &environment{x: x, c: c, pod: podRef{pod.Name, pod.UID}, container: jobContainer, token: helper.NewToken()}
	if err := e.start(ctx, w, d, pod, log); err != nil {
		bg, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		if cerr := e.Close(bg); cerr != nil {
			x.log.Warn("remove a half made pod", "pod", pod.Name, "error", cerr)
		}
		if ctx.Err() != nil && !executor.IsKind(err, executor.Lost) {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return e, nil
}

// start brings a pod that was admitted to the point where commands can run.
func (e *environment) start(ctx context.Context, w *waiter, d *draft, pod *corev1.Pod, log func(string)) error {
	if !d.secret.empty() {
		s, err := d.secret.object(pod)
		if err != nil {
			return err
		}
		// A request that is cut off may still be carried out; it goes with the pod.
		if err := persist(ctx, func() error { return e.c.createSecret(ctx, s) }); err != nil && !apierrors.IsAlreadyExists(err) {
			return e.c.fail("create the Secret of the pod", err)
		}
	}
	pod, id, err := w.wait(ctx, pod)
	if err != nil {
		return err
	}
	if err := e.open(ctx, pod); err != nil {
		if executor.IsKind(err, executor.Lost) && executor.ReasonOf(err) == "" { // it does not like what it was told
			err = w.explain(ctx, pod, verdict{failed: jobContainer, err: &executor.Error{
				Op: fmt.Sprintf("start the helper in image %q", d.spec.Image.Ref), Kind: executor.Failed, Err: err,
			}})
		}
		return err
	}
	if err := e.settle(ctx, d.spec.Kind, d.provided()); err != nil {
		return err
	}
	if err := e.bringTrust(ctx); err != nil {
		return err
	}
	// The helper has somebody to talk to by now: it would not wait for ever.
	if pod, err = w.healthy(ctx, pod); err != nil {
		return err
	}
	for _, s := range d.services {
		how := "is there"
		if s.settings.health.probe() != nil {
			how = "is healthy"
		}
		log(fmt.Sprintf("Service %s (%s) %s", s.spec.ID, s.spec.Image.Ref, how))
	}
	e.finish(pod, id, records(d.services))
	for _, f := range d.forwards {
		if !f.reachable {
			log(fmt.Sprintf("Port %d of service %s is reachable as %d only", f.from, f.service, f.to))
			continue
		}
		_, err := e.Forward(ctx, wire.Forwarding{Listen: fmt.Sprintf("127.0.0.1:%d", f.from), Dial: fmt.Sprintf("127.0.0.1:%d", f.to)})
		if err != nil {
			return err
		}
		_, _ = e.Forward(ctx, wire.Forwarding{Listen: fmt.Sprintf("[::1]:%d", f.from), Dial: fmt.Sprintf("127.0.0.1:%d", f.to)}) // not every pod has IPv6
	}
	return nil
}

// admit creates the pod, and waits while the namespace has no room for it.
func (w *waiter) admit(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	const op = "create a pod"
	tried := false
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		// A request that is cut off may still be carried out: it is seen through.
		out, err := w.c.createPod(context.WithoutCancel(ctx), pod)
		if tried && apierrors.IsAlreadyExists(err) { // an answer of before was lost
			out, err = w.c.pod(ctx, pod.Name)
		}
		if err == nil {
			if ctx.Err() == nil {
				return out, nil
			}
			bg, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
			defer cancel()
			if derr := w.c.deletePod(bg, podRef{out.Name, out.UID}); !gone(derr) {
				w.x.log.Warn("remove a half made pod", "pod", pod.Name, "error", derr)
			}
			return nil, context.Cause(ctx)
		}
		v := verdict{state: "the API server does not answer: " + err.Error()}
		switch {
		case overQuota(err):
			v = verdict{reason: executor.QuotaExceeded, state: quotaText(err)}
		case !passing(err):
			return nil, w.c.fail(op, err)
		}
		tried = true
		spent := time.Since(w.began)
		if spent >= w.x.opts.Wait {
			e := w.late(v, spent)
			if v.reason == "" {
				e.Hint = "does the cluster run, and can it be reached from here?"
			}
			return nil, e
		}
		if v.state != w.last.state {
			w.log("Waiting for the pod: " + v.state)
		} else {
			w.log(fmt.Sprintf("Still waiting for the pod (%s): %s", spent.Round(time.Second), v.state))
		}
		w.last = v
		if err := pause(ctx, min(wait, w.x.opts.Wait-spent)); err != nil {
			return nil, err
		}
	}
}

// quotaText is the part of the message that says which quota, and how full.
func quotaText(err error) string {
	text := err.Error()
	if i := strings.Index(text, "exceeded quota"); i >= 0 {
		return text[i:]
	}
	return text
}

// lines makes a log that takes one line at a time.
func lines(log func(string)) func(string) {
	var mu sync.Mutex
	return func(line string) {
		if log == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		log(line)
	}
}

// toolCaches are the variables by which the image of a GitHub-hosted machine
// says where its tools are.
var toolCaches = []string{"RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"}

// settle makes the folders of the place, and fills Info.
func (e *environment) settle(ctx context.Context, kind executor.Kind, provided bool) error {
	e.info = e.Describe()
	uid, gid := e.IDs()
	owner := ""
	if uid != 0 && e.switched {
		owner = fmt.Sprintf("%d:%d", uid, gid) // fresh volumes are root's
	}
	tools := "/__t"
	if kind == executor.Machine {
		tools = "/opt/hostedtoolcache"
		for _, k := range toolCaches {
			if v := e.info.Env[k]; strings.HasPrefix(v, "/") {
				tools = v
				break
			}
		}
		if err := e.Setup(ctx, []wire.Entry{{Path: tools, Owner: owner}}); err != nil {
			if executor.IsKind(err, executor.Lost) || ctx.Err() != nil {
				return err
			}
			tools = machineWork + "/_tool" // the image's user may not make it
		}
	}
	e.info.Paths, e.info.Provided = pathsOf(kind, tools), provided
	var entries []wire.Entry
	for _, dir := range []string{e.info.Paths.Work, e.info.Paths.Temp, e.info.Paths.Actions, tools} {
		entries = append(entries, wire.Entry{Path: dir, Owner: owner})
	}
	if kind == executor.Container {
		home, flow := e.info.Paths.Temp+"/_github_home", e.info.Paths.Temp+"/_github_workflow"
		entries = append(entries, wire.Entry{Path: home, Owner: owner}, wire.Entry{Path: flow, Owner: owner},
			wire.Entry{Path: githubDir + "/home", Target: home, Owner: owner},
			wire.Entry{Path: githubDir + "/workflow", Target: flow, Owner: owner})
	}
	err := e.Setup(ctx, entries)
	var lost *executor.Error
	if errors.As(err, &lost) && kind == executor.Machine {
		lost.Hint = "the image's user must be able to write to " + e.info.Paths.Work
	}
	return err
}
