package kube

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drydock-ci/drydock/executor"
)

func waitingFor(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func over(reason string, code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, Message: message}}
}

func statuses(name string, s corev1.ContainerState) []corev1.ContainerStatus {
	return []corev1.ContainerStatus{{Name: name, State: s, Image: "img", ContainerID: "containerd://abc"}}
}

func TestLook(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	now := metav1.Now()
	probed := corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "service-db", ReadinessProbe: &corev1.Probe{}}},
		Containers: []corev1.Container{{Name: jobContainer, Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
		}}},
	}
	for name, tc := range map[string]struct {
		pod    corev1.Pod
		ready  bool
		state  string
		kind   executor.ErrorKind
		reason executor.Reason
		text   string
	}{
		"new": {},
		"unschedulable": {pod: corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes"},
		}}}, state: "Unschedulable: 0/3 nodes", reason: executor.Unschedulable},
		"creating":  {pod: corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, waitingFor("ContainerCreating", ""))}}},
		"running":   {pod: corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, running)}}, ready: true},
		"ephemeral": {pod: corev1.Pod{Status: corev1.PodStatus{EphemeralContainerStatuses: statuses(jobContainer, running)}}, ready: true},
		"pull": {
			pod:   corev1.Pod{Status: corev1.PodStatus{InitContainerStatuses: statuses("service-db", waitingFor("ImagePullBackOff", "Back-off"))}},
			state: "ImagePullBackOff: Back-off", reason: executor.ImagePull,
		},
		"never pull": {
			pod:  corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, waitingFor("ErrImageNeverPull", "x"))}},
			kind: executor.NotFound, reason: executor.ImagePull, text: "pulling is off",
		},
		"secret on its way": {
			pod:   corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, waitingFor("CreateContainerConfigError", `secret "x" not found`))}},
			state: `CreateContainerConfigError: secret "x" not found`,
		},
		"root where it may not": {
			pod:  corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, waitingFor("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"))}},
			kind: executor.Refused, text: "no container may be root here",
		},
		"runtime error": {
			pod:   corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, waitingFor("CreateContainerError", "no space left"))}},
			state: "CreateContainerError: no space left",
		},
		"service ends": {
			pod:  corev1.Pod{Status: corev1.PodStatus{InitContainerStatuses: statuses("service-web", over("Error", 3, ""))}},
			kind: executor.Unhealthy, text: "exit code 3",
		},
		"service out of memory": {
			pod:  corev1.Pod{Spec: probed, Status: corev1.PodStatus{InitContainerStatuses: statuses("service-db", over("OOMKilled", 137, ""))}},
			kind: executor.Unhealthy, text: "killed for memory",
		},
		"no shell-less helper": {
			pod:  corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, over("StartError", 128, "exec format error"))}},
			kind: executor.Failed, text: "exec format error",
		},
		"evicted": {
			pod:  corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "low on memory"}},
			kind: executor.Lost, reason: executor.Evicted, text: "low on memory",
		},
		"drained": {pod: corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "drain"},
		}}}, kind: executor.Lost, reason: executor.Evicted, text: "drain"},
		"node lost": {pod: corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "DeletionByTaintManager", Message: "node is gone"},
		}}}, kind: executor.Lost, reason: executor.NodeLost, text: "node is gone"},
		"node shut down": {
			pod:  corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Terminated", Message: "Pod was terminated in response to imminent node shutdown."}},
			kind: executor.Lost, reason: executor.NodeLost, text: "shutdown",
		},
		"deleted": {pod: corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}}, kind: executor.Lost, reason: executor.Deleted, text: "deleted"},
		"out of memory": {
			pod:  corev1.Pod{Spec: probed, Status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: statuses(jobContainer, over("OOMKilled", 137, ""))}},
			kind: executor.Lost, reason: executor.OutOfMemory, text: "a limit of 64Mi",
		},
		"over": {
			pod:  corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: statuses(jobContainer, over("Completed", 0, ""))}},
			kind: executor.Lost, text: "exit code 0",
		},
	} {
		v := look(&tc.pod, jobContainer)
		if v.ready != tc.ready || v.state != tc.state {
			t.Errorf("%s: %+v", name, v)
		}
		reason := v.reason
		if v.err != nil {
			reason = executor.ReasonOf(v.err)
		}
		if (v.err == nil) != (tc.kind == "") || tc.kind != "" && (!executor.IsKind(v.err, tc.kind) || !strings.Contains(v.err.Error(), tc.text)) || reason != tc.reason {
			t.Errorf("%s: error %v, reason %q; want kind %q, reason %q, %q", name, v.err, reason, tc.kind, tc.reason, tc.text)
		}
	}
}

// TestPeak: what is known of a container that was killed as a whole.
func TestPeak(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: jobContainer, Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
		}}}},
		Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, over("OOMKilled", 137, ""))},
	}
	const text = `pod "p": container "job" was killed for memory; it has a limit of 64Mi`
	for peak, want := range map[int64]string{0: text + ": use less", 63 << 20: text + ", and its peak was 63 MiB when last looked at: use less"} {
		if err := withPeak(ended(pod), peak); !strings.HasPrefix(err.Error(), want) || executor.ReasonOf(err) != executor.OutOfMemory {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	gone := deleted("p")
	if err := withPeak(gone, 1<<20); err.Error() != gone.Error() || withPeak(nil, 1) != nil {
		t.Errorf("got %v", err)
	}
}

// TestLookAfter: services have their own time each.
func TestLookAfter(t *testing.T) {
	quick := &corev1.Probe{InitialDelaySeconds: 1, PeriodSeconds: 1, FailureThreshold: 2, TimeoutSeconds: 30}
	slow := &corev1.Probe{InitialDelaySeconds: 30, PeriodSeconds: 30, FailureThreshold: 3, TimeoutSeconds: 30}
	if d := timeOf(&corev1.Probe{PeriodSeconds: 1 << 20, FailureThreshold: 1 << 20}); d < 0 {
		t.Errorf("a check takes %s", d)
	}
	status := func(name string, ready bool) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, Ready: ready, Image: "img"}
	}
	for name, tc := range map[string]struct {
		quick, slow bool // ready
		up          time.Duration
		ready       bool
		state, text string
	}{
		"both":            {quick: true, slow: true, up: time.Hour, ready: true},
		"none yet":        {up: 4 * time.Second, state: `service "slow" is not healthy yet`},
		"one":             {quick: true, up: 100 * time.Second, state: `service "slow" is not healthy yet`},
		"quick's is over": {up: 6 * time.Second, text: `wait for service "quick": its health check fails`},
		"slow's is over":  {quick: true, up: 151 * time.Second, text: `wait for service "slow": its health check fails`},
	} {
		pod := &corev1.Pod{
			Spec: corev1.PodSpec{InitContainers: []corev1.Container{
				{Name: helperContainer}, {Name: "service-quick", ReadinessProbe: quick}, {Name: "service-none"}, {Name: "service-slow", ReadinessProbe: slow},
			}},
			Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{
				status(helperContainer, false), status("service-quick", tc.quick), status("service-none", false), status("service-slow", tc.slow),
			}},
		}
		v := lookAfter(pod, tc.up)
		if v.ready != tc.ready || v.state != tc.state || (v.err != nil) != (tc.text != "") ||
			v.err != nil && (!executor.IsKind(v.err, executor.Unhealthy) || !strings.Contains(v.err.Error(), tc.text)) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestPullsToldOnce: a kubelet's turns between two words for a pull are one state.
func TestPullsToldOnce(t *testing.T) {
	var n notes
	w := newTest(t, Options{Wait: time.Minute, PullWait: time.Minute}).waiter(nil, jobContainer, n.log)
	w.began, w.reminded = time.Now(), time.Now()
	for _, reason := range []string{"ErrImagePull", "ImagePullBackOff", "ErrImagePull", "ImagePullBackOff"} {
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, waitingFor(reason, "i/o timeout"))}}
		if _, err, done := w.judge(t.Context(), pod); err != nil || done {
			t.Fatalf("%s: %v", reason, err)
		}
	}
	if want := "Waiting for the pod: ErrImagePull: i/o timeout"; n.String() != want {
		t.Errorf("said %q, want %q", n.String(), want)
	}
}

// TestPatience: the log hears of what lasts, and no state lasts for ever.
func TestPatience(t *testing.T) {
	x := newTest(t, Options{Wait: time.Minute, PullWait: 30 * time.Second})
	for name, tc := range map[string]struct {
		state  corev1.ContainerState
		ago    time.Duration
		over   bool
		kind   executor.ErrorKind
		reason executor.Reason
		said   string
	}{
		"fresh":                {waitingFor("CreateContainerError", "x"), time.Second, false, "", "", ""},
		"lasting":              {waitingFor("CreateContainerError", "x"), 10 * time.Second, false, "", "", "Waiting for the pod: CreateContainerError: x"},
		"reminder":             {waitingFor("ContainerCreating", ""), 30 * time.Second, false, "", "", "Still waiting for the pod (30s): its containers are being made"},
		"for ever":             {waitingFor("ContainerCreating", ""), 2 * time.Minute, true, executor.Unavailable, "", ""},
		"pull that may work":   {waitingFor("ErrImagePull", "i/o timeout"), 20 * time.Second, false, "", "", "Waiting for the pod: ErrImagePull: i/o timeout"},
		"pull that failed":     {waitingFor("ErrImagePull", "i/o timeout"), 40 * time.Second, true, executor.Failed, executor.ImagePull, ""},
		"no such image":        {waitingFor("ErrImagePull", "manifest unknown"), 20 * time.Second, true, executor.NotFound, executor.ImagePull, ""},
		"no right to an image": {waitingFor("ImagePullBackOff", "401 Unauthorized"), 20 * time.Second, true, executor.NotFound, executor.ImagePull, ""},
	} {
		synctest.Test(t, func(t *testing.T) { // the time stands
			var n notes
			w := x.waiter(nil, jobContainer, n.log)
			pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses(jobContainer, tc.state)}}
			then := time.Now().Add(-tc.ago)
			w.began, w.since, w.reminded = then, then, then
			w.last = look(pod, jobContainer)
			if w.last.pull {
				w.pulls = then
			}
			_, err, done := w.judge(t.Context(), pod)
			if done != tc.over || (err == nil) != (tc.kind == "") || err != nil && (!executor.IsKind(err, tc.kind) || executor.ReasonOf(err) != tc.reason) {
				t.Errorf("%s: %v, over %v", name, err, done)
			}
			if n.String() != tc.said && tc.said != "" {
				t.Errorf("%s: said %q, want %q", name, n.String(), tc.said)
			}
		})
	}
}
