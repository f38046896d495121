package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/drydock-ci/drydock/executor"
)

// maxText bounds what is kept of the standard error of an exec.
const maxText = 4 << 10

// dialer gives the function that reaches the helper of one container. The first
// stream is opened at once: somebody has just seen the container run. Each one
// after that asks first what became of the pod, so that one that is gone is not
// dialled for a minute.
func (c *client) dialer(p podRef, container string) func(context.Context) (io.ReadWriteCloser, error) {
	var mu sync.Mutex
	again := false
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		mu.Lock()
		ask := again
		again = true
		mu.Unlock()
		if ask {
			if err := c.alive(ctx, p, container); err != nil {
				return nil, err
			}
		}
		return c.exec(p.name, container)
	}
}

// alive is nil while the container may be reached again.
func (c *client) alive(ctx context.Context, p podRef, container string) error {
	pod, err := c.pod(ctx, p.name)
	if apierrors.IsNotFound(err) || err == nil && pod.UID != p.uid {
		return deleted(p.name)
	}
	if err != nil {
		return c.fail(fmt.Sprintf("look after pod %q", p.name), transient{err})
	}
	if err := ended(pod); err != nil {
		return err
	}
	for _, s := range append(pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses...) {
		if t := s.State.Terminated; s.Name == container && t != nil {
			e := executor.Errorf(fmt.Sprintf("container %q of pod %q", container, p.name), executor.Lost, "%s", terminated(t))
			if t.Reason == "OOMKilled" {
				e.Reason = executor.OutOfMemory
			}
			return e
		}
	}
	return nil
}

// transient hides what the API server said: no right today may be one
// tomorrow, and a job is not given up for it.
type transient struct{ error }

// exec opens one byte stream to the helper, by WebSocket or, where a proxy
// on the way knows none, by SPDY.
func (c *client) exec(pod, container string) (io.ReadWriteCloser, error) {
	url := c.core.Post().Namespace(c.namespace).Resource("pods").Name(pod).SubResource("exec").VersionedParams(&corev1.PodExecOptions{
		Container: container, Stdin: true, Stdout: true, Stderr: true,
		Command: []string{helperTarget, "connect", "--socket", socketOf(container)},
	}, c.params).URL()
	op := fmt.Sprintf("reach the helper of pod %q", pod)
	ws, err := remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, url.String())
	if err != nil {
		return nil, c.fail(op, err)
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.config, http.MethodPost, url)
	if err != nil {
		return nil, c.fail(op, err)
	}
	either, err := remotecommand.NewFallbackExecutor(ws, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return nil, c.fail(op, err)
	}
	return open(either, op), nil
}

// stream is an exec as one byte stream; what little comes on standard error is
// kept for the error.
type stream struct {
	in     *io.PipeWriter
	out    *io.PipeReader
	cancel context.CancelFunc
	stderr text
}

func open(e remotecommand.Executor, op string) *stream {
	// Close ends it. The library would print to standard error what it meets at
	// the end of a stream.
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), klog.Logger{}))
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	s := &stream{in: in, out: out, cancel: cancel}
	go func() {
		err := e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout, Stderr: &s.stderr})
		cancel()
		if said := s.stderr.String(); said != "" {
			err = errors.New(said)
		}
		if err == nil {
			err = io.EOF
		} else {
			err = fmt.Errorf("%s: %w", op, err)
		}
		stdout.CloseWithError(err)
		stdin.CloseWithError(err)
	}()
	return s
}

func (s *stream) Read(b []byte) (int, error)  { return s.out.Read(b) }
func (s *stream) Write(b []byte) (int, error) { return s.in.Write(b) }

func (s *stream) Close() error {
	s.cancel()
	return errors.Join(s.in.Close(), s.out.Close())
}

// text keeps the beginning of what is written to it.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b[:min(len(b), maxText-t.buf.Len())])
	return len(b), nil
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf.Bytes()))
}
