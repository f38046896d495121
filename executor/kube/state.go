package kube

import (
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

// verdict is what a pod's status comes to while one of its containers is
// waited for.
type verdict struct {
	ready  bool
	id     string // of the container, once it runs
	state  string // what is waited for, for the log; empty: nothing special
	reason executor.Reason
	pull   bool   // the time for failing pulls counts
	helper bool   // it is about the image of the helper
	err    error  // it will not start
	failed string // the container whose output says more
	before bool   // that of its run before this one
}

// look judges a pod. What only time can tell is left to the caller.
func look(pod *corev1.Pod, container string) verdict {
	op := fmt.Sprintf("start pod %q", pod.Name)
	if err := ended(pod); err != nil {
		return verdict{err: &executor.Error{Op: op, Kind: executor.Lost, Err: err}}
	}
	for _, s := range pod.Status.InitContainerStatuses {
		if v := initState(op, s); v.err != nil || v.state != "" {
			return v
		}
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses} {
		for _, s := range list {
			if s.Name != container {
				continue
			}
			switch st := s.State; {
			case st.Running != nil:
				return verdict{ready: true, id: bare(s.ContainerID)}
			case st.Terminated != nil:
				return verdict{failed: s.Name, err: &executor.Error{
					Op: fmt.Sprintf("start the helper in image %q", s.Image), Kind: executor.Failed, Err: errors.New(terminated(st.Terminated)),
				}}
			case st.Waiting != nil:
				return waiting(op, s.Image, st.Waiting)
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return verdict{state: join(c.Reason, c.Message), reason: executor.Unschedulable}
		}
	}
	return verdict{}
}

// initState judges the container that brings the helper, or a service.
func initState(op string, s corev1.ContainerStatus) verdict {
	if w := s.State.Waiting; w != nil && s.RestartCount == 0 {
		v := waiting(op, s.Image, w)
		v.helper = s.Name == helperContainer
		return v
	}
	if s.Name == helperContainer {
		if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
			return verdict{failed: s.Name, err: &executor.Error{
				Op: fmt.Sprintf("bring the helper from image %q", s.Image), Kind: executor.Failed, Err: errors.New(terminated(t)),
				Hint: "is it drydock's helper image, of this version?",
			}}
		}
		return verdict{}
	}
	// A service that ends does so for all time in a job; that it would be
	// started again helps nobody.
	t := s.State.Terminated
	if t == nil {
		t = s.LastTerminationState.Terminated
	}
	if t == nil {
		return verdict{}
	}
	return verdict{failed: s.Name, before: s.RestartCount > 0, err: sick(s, "it ended: "+terminated(t))}
}

func sick(s corev1.ContainerStatus, why string) error {
	return &executor.Error{
		Op: fmt.Sprintf("wait for service %q", strings.TrimPrefix(s.Name, servicePrefix)), Kind: executor.Unhealthy,
		Err: fmt.Errorf("%s (image %q)", why, s.Image),
	}
}

// lookAfter judges the services of a pod that has come up: all start at once,
// and each has the time that its own check gives it.
func lookAfter(pod *corev1.Pod, up time.Duration) verdict {
	v := verdict{ready: true}
	for _, c := range pod.Spec.InitContainers {
		if c.ReadinessProbe == nil {
			continue
		}
		for _, s := range pod.Status.InitContainerStatuses {
			switch {
			case s.Name != c.Name || s.Ready:
			case up > timeOf(c.ReadinessProbe):
				return verdict{failed: s.Name, err: sick(s, "its health check fails")}
			default:
				v = verdict{state: fmt.Sprintf("service %q is not healthy yet", strings.TrimPrefix(s.Name, servicePrefix))}
			}
		}
	}
	return v
}

// waiting judges what a kubelet says of a container that does not run yet.
func waiting(op, image string, w *corev1.ContainerStateWaiting) verdict {
	text := join(w.Reason, w.Message)
	switch w.Reason {
	case "", "ContainerCreating", "PodInitializing":
		return verdict{}
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable":
		return verdict{state: text, reason: executor.ImagePull, pull: true}
	case "InvalidImageName":
		return verdict{err: &executor.Error{
			Op: fmt.Sprintf("pull image %q", image), Kind: executor.Invalid, Reason: executor.ImagePull, Err: errors.New(text),
		}}
	case "ErrImageNeverPull":
		return verdict{err: &executor.Error{
			Op: fmt.Sprintf("pull image %q", image), Kind: executor.NotFound, Reason: executor.ImagePull,
			Err: errors.New("the node does not have it, and pulling is off"), Hint: "allow pulling, or bring the image to the nodes",
		}}
	case "CreateContainerConfigError":
		if strings.Contains(w.Message, "not found") { // our Secret comes right after the pod
			return verdict{state: text}
		}
		e := &executor.Error{Op: op, Kind: executor.Refused, Err: errors.New(text)}
		if strings.Contains(w.Message, "runAsNonRoot") {
			e.Hint = "no container may be root here: use an image with another user, or option --user with a number"
		}
		return verdict{err: e}
	}
	return verdict{state: text}
}

// ended says why a pod that was made is no place (any more); nil: it may be.
func ended(pod *corev1.Pod) error {
	e := &executor.Error{Op: fmt.Sprintf("pod %q", pod.Name), Kind: executor.Lost}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			e.Reason, e.Err = executor.Evicted, fmt.Errorf("the cluster took its room: %s", join(c.Reason, c.Message))
			if c.Reason == "DeletionByPodGC" || c.Reason == "DeletionByTaintManager" {
				e.Reason = executor.NodeLost
			}
			return e
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		t := s.State.Terminated
		if s.Name != jobContainer || t == nil || t.Reason != "OOMKilled" {
			continue
		}
		limit := "no limit of its own"
		for _, c := range pod.Spec.Containers {
			if q, has := c.Resources.Limits[corev1.ResourceMemory]; has && c.Name == s.Name {
				limit = "a limit of " + q.String()
			}
		}
		e.Reason, e.Err = executor.OutOfMemory, fmt.Errorf("container %q was killed for memory; it has %s", s.Name, limit)
		e.Hint = "use less memory, or ask for more with the option --memory"
		return e
	}
	if pod.DeletionTimestamp != nil {
		e.Reason, e.Err = executor.Deleted, errors.New("somebody deleted it")
		return e
	}
	switch pod.Status.Phase {
	case corev1.PodFailed, corev1.PodSucceeded:
	default:
		return nil
	}
	switch pod.Status.Reason {
	case "Evicted", "Preempting", "OutOfcpu", "OutOfmemory", "OutOfpods", "OutOfephemeral-storage":
		e.Reason = executor.Evicted
	case "NodeLost", "Shutdown", "Terminated", "NodeShutdown":
		e.Reason = executor.NodeLost
	}
	text := join(pod.Status.Reason, pod.Status.Message)
	for _, s := range pod.Status.ContainerStatuses {
		if t := s.State.Terminated; s.Name == jobContainer && t != nil && text == "" {
			text = terminated(t)
		}
	}
	if text == "" {
		text = "it is over"
	}
	e.Err = errors.New(text)
	return e
}

func terminated(t *corev1.ContainerStateTerminated) string {
	if t.Reason == "OOMKilled" {
		return "it was killed for memory"
	}
	text := fmt.Sprintf("exit code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" && t.Reason != "Completed" {
		text = t.Reason + ", " + text
	}
	if t.Message != "" {
		text += ": " + last(t.Message)
	}
	return text
}

// last keeps the end of what a container runtime says, where the cause is.
func last(s string) string {
	if len(s) > 200 {
		s = "..." + strings.ToValidUTF8(s[len(s)-197:], "")
	}
	return s
}

func join(reason, message string) string {
	if reason == "" || message == "" {
		return reason + message
	}
	return reason + ": " + message
}

// bare takes the runtime's name off a container's id.
func bare(id string) string {
	if _, rest, ok := strings.Cut(id, "://"); ok {
		return rest
	}
	return id
}
