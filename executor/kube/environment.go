package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
)

// shutdownTimeout is how long the helper may take to end what runs.
const shutdownTimeout = 2 * time.Second

// environment is one place: the job's container, or an ephemeral one beside it.
// Processes and files are the helper's business.
type environment struct {
	*helper.Place
	x         *Executor
	c         *client
	pod       podRef
	container string
	token     string
	switched  bool // the helper is root, its processes are not
	linger    int  // seconds, of the helper
	info      executor.Info

	mu     sync.Mutex
	closed bool
}

var (
	_ executor.Environment = (*environment)(nil)
	_ executor.Containers  = (*environment)(nil)
)

// ID is the pod, the container and the token that its helper obeys: who has it
// and may reach the cluster can run commands in the place.
func (e *environment) ID() executor.EnvironmentID {
	return executor.EnvironmentID(strings.Join([]string{e.c.namespace, e.pod.name, string(e.pod.uid), e.container, e.token}, "/"))
}

// parseID takes an ID apart.
func parseID(id executor.EnvironmentID) (namespace string, p podRef, container, token string, ok bool) {
	parts := strings.Split(string(id), "/")
	if len(parts) != 5 {
		return "", podRef{}, "", "", false
	}
	for _, s := range parts {
		if s == "" {
			return "", podRef{}, "", "", false
		}
	}
	return parts[0], podRef{parts[1], types.UID(parts[2])}, parts[3], parts[4], true
}

// Info says what the place is like.
func (e *environment) Info() executor.Info { return e.info }

// open connects to the helper.
func (e *environment) open(ctx context.Context, pod *corev1.Pod) error {
	command := commandOf(pod, e.container)
	e.switched = slices.Contains(command, "--user")
	if i := slices.Index(command, "--linger"); i >= 0 && i+1 < len(command) {
		e.linger, _ = strconv.Atoi(command[i+1]) // our own; else 0 will do
	}
	redial := e.x.opts.Redial
	if redial <= 0 { // as long as the helper waits for somebody
		redial = max(helper.DefaultRedial, time.Duration(e.linger)*time.Second)
	}
	var place atomic.Pointer[helper.Place]
	dial := e.c.dialer(e.pod, e.container)
	p, err := helper.Open(ctx, helper.Options{
		Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
			s, err := dial(ctx)
			if p := place.Load(); p != nil {
				err = withPeak(err, p.Memory().Peak)
			}
			return s, err
		},
		Token: e.token, Redial: redial, Memory: e.container == jobContainer, Log: e.x.log.With("pod", e.pod.name),
	})
	if err != nil {
		return err
	}
	e.Place = p
	place.Store(p)
	return nil
}

// withPeak adds the last known peak to the error of a place that was killed for
// memory: nobody can be asked any more.
func withPeak(err error, peak int64) error {
	var e *executor.Error
	if peak > 0 && executor.ReasonOf(err) == executor.OutOfMemory && errors.As(err, &e) {
		e.Err = fmt.Errorf("%w, and its peak was %s when last looked at", e.Err, executor.Mebibytes(peak))
	}
	return err
}

// finish adds what is known of the containers.
func (e *environment) finish(pod *corev1.Pod, id string, services map[string]record) {
	e.info.Container = &executor.ContainerInfo{ID: id, Network: pod.Name}
	e.info.Services = map[string]executor.ServiceInfo{}
	ids := map[string]string{}
	for _, s := range pod.Status.InitContainerStatuses {
		ids[s.Name] = bare(s.ContainerID)
	}
	for id, r := range services {
		e.info.Services[id] = executor.ServiceInfo{ID: ids[r.Container], Network: pod.Name, Ports: r.Ports}
	}
}

// Close ends the processes, then deletes the pod; an ephemeral container
// cannot be deleted, it ends with its helper. Kubernetes does the rest by itself.
func (e *environment) Close(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	var err error
	if e.Place != nil {
		short, cancel := context.WithTimeout(ctx, shutdownTimeout)
		err = e.Shutdown(short)
		cancel()
		e.Disconnect()
	}
	if e.container == jobContainer {
		if err = persist(ctx, func() error { return e.c.deletePod(ctx, e.pod) }); !gone(err) {
			return e.c.fail("delete pod "+e.pod.name, err)
		}
		err = nil
	}
	if err == nil {
		e.closed = true
	}
	return err
}
