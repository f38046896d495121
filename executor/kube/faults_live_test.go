package kube

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

// fault is a place that cannot be made.
type fault struct {
	name   string
	opts   func(*testing.T, *Options)
	spec   func(*executor.Spec)
	kind   executor.ErrorKind
	reason executor.Reason
	text   string // in the error
	log    string // in the log
}

var faults = []fault{
	{
		name: "no such namespace", opts: func(_ *testing.T, o *Options) { o.Namespace = "no-such-namespace" },
		kind: executor.NotFound, text: "no-such-namespace",
	},
	{
		name: "image that cannot be pulled", spec: func(s *executor.Spec) { s.Image.Ref = "127.0.0.1:1/none:1" },
		kind: executor.Failed, reason: executor.ImagePull, text: "127.0.0.1:1", log: "Waiting for the pod: ErrImagePull",
	},
	{
		name: "image that may not be pulled", spec: func(s *executor.Spec) { s.Image = executor.Image{Ref: "drydock-test/none:1", Pull: executor.PullNever} },
		kind: executor.NotFound, reason: executor.ImagePull, text: "pulling is off",
	},
	{
		name: "image of no name", spec: func(s *executor.Spec) { s.Image.Ref = "Not An Image" },
		kind: executor.Invalid, reason: executor.ImagePull, text: "InvalidImageName",
	},
	{
		name: "quota of 0", opts: func(t *testing.T, o *Options) {
			o.Namespace = namespace(t, "quota", nil)
			quota(t, o.Namespace, "0")
		},
		kind: executor.Unavailable, reason: executor.QuotaExceeded, text: "exceeded quota", log: "Waiting for the pod: exceeded quota",
	},
	{
		name: "no node suits", opts: func(_ *testing.T, o *Options) { o.Pod.NodeSelector = map[string]string{"none": "such"} },
		kind: executor.Unavailable, reason: executor.Unschedulable, text: "node", log: "Waiting for the pod: Unschedulable",
	},
	{
		name: "no room on any node", opts: func(_ *testing.T, o *Options) { o.Pod.Requests = map[string]string{"cpu": "9999"} },
		kind: executor.Unavailable, reason: executor.Unschedulable, text: "Insufficient cpu",
	},
	{
		name: "service that never gets healthy", spec: func(s *executor.Spec) {
			w := web("web", "80", "--health-cmd 'echo not yet; exit 1' --health-interval 1s --health-retries 2")
			w.Command = []string{"sh", "-c", "echo I am here; trap 'exit 0' TERM; while :; do sleep 0.1; done"}
			s.Services = []executor.Service{w}
		},
		kind: executor.Unhealthy, text: `service "web"`, log: "I am here",
	},
	{
		name: "service that ends", spec: func(s *executor.Spec) {
			w := web("web", "80", "--health-cmd true --health-interval 2s") // without a check nobody waits to see it end
			w.Command = []string{"sh", "-c", "echo no configuration; exit 3"}
			s.Services = []executor.Service{w}
		},
		kind: executor.Unhealthy, text: "exit code 3", log: "no configuration",
	},
	{
		name: "helper image without a helper", opts: func(_ *testing.T, o *Options) { o.HelperImage = "drydock-test/busybox:1" },
		kind: executor.Failed, text: "drydock-helper",
	},
	{
		name: "helper image that is not there", opts: func(_ *testing.T, o *Options) { o.HelperImage = "127.0.0.1:1/helper:1" },
		kind: executor.Failed, reason: executor.ImagePull, text: "kubernetes.helper_image",
	},
	{
		name: "services that need one port", spec: func(s *executor.Spec) {
			s.Services = []executor.Service{web("a", "8080:80", ""), web("b", "8081:80", "")}
		},
		kind: executor.Refused, text: "share one network",
	},
	{
		name: "privileged", spec: func(s *executor.Spec) { s.Options = "--privileged" },
		kind: executor.Refused, text: "--privileged",
	},
}

func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			o := Options{Wait: 3 * time.Minute, PullWait: 3 * time.Second}
			if f.reason == executor.QuotaExceeded || f.reason == executor.Unschedulable {
				o.Wait = 20 * time.Second // they last that long; the scheduler needs some of it
			}
			if f.opts != nil {
				f.opts(t, &o)
			}
			x, labels := live(t, o)
			var n notes
			spec := executor.Spec{Name: f.name, Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Log: n.log}
			if f.spec != nil {
				f.spec(&spec)
			}
			e, err := x.Create(t.Context(), spec)
			if err == nil {
				e.Close(context.Background())
				t.Fatal("no error")
			}
			if !executor.IsKind(err, f.kind) || executor.ReasonOf(err) != f.reason || !strings.Contains(err.Error(), f.text) {
				t.Errorf("%v: reason %q; want kind %q, reason %q, %q", err, executor.ReasonOf(err), f.kind, f.reason, f.text)
			}
			if !strings.Contains(n.String(), f.log) {
				t.Errorf("the log lacks %q:\n%s", f.log, n.String())
			}
		})
	}
}

func quota(t *testing.T, namespace, pods string) {
	t.Helper()
	x, _ := live(t, Options{Namespace: namespace})
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	q := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "q"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse(pods)}},
		Status:     corev1.ResourceQuotaStatus{Hard: corev1.ResourceList{"pods": resource.MustParse(pods)}, Used: corev1.ResourceList{"pods": resource.MustParse("0")}},
	}
	// Nothing in the test cluster keeps the books, so the test does.
	err = c.core.Post().Namespace(namespace).Resource("resourcequotas").Body(q).Do(t.Context()).Into(q)
	if err == nil {
		q.Status = corev1.ResourceQuotaStatus{Hard: q.Spec.Hard, Used: corev1.ResourceList{"pods": resource.MustParse("0")}}
		err = c.core.Put().Namespace(namespace).Resource("resourcequotas").Name("q").SubResource("status").Body(q).Do(t.Context()).Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestWaits: what passes is no failure.
func TestWaits(t *testing.T) {
	ns := namespace(t, "waits", nil)
	quota(t, ns, "0")
	x, labels := live(t, Options{Namespace: ns})
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	var n notes
	makeRoom := sync.OnceFunc(func() {
		c.core.Delete().Namespace(ns).Resource("resourcequotas").Name("q").Do(context.Background())
	})
	e := create(t, x, executor.Spec{Name: "waits", Labels: labels, Kind: executor.Machine, Log: func(line string) {
		n.log(line)
		if strings.Contains(line, "exceeded quota") {
			makeRoom()
		}
	}})
	want(t, e, "echo hi", "hi")
	if !strings.Contains(n.String(), "exceeded quota") {
		t.Errorf("log: %s", n.String())
	}
}

func TestNoCluster(t *testing.T) {
	if _, err := New(Options{}); !executor.IsKind(err, executor.Invalid) {
		t.Errorf("no helper image: %v", err)
	}
	x, err := New(Options{HelperImage: "h", Kubeconfig: "/no/such/file"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Probe(t.Context()); !executor.IsKind(err, executor.Unavailable) || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("no configuration: %v", err)
	}
	if *x.found, err = newClient(&rest.Config{Host: "https://127.0.0.1:1"}, "default"); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Probe(t.Context()); !executor.IsKind(err, executor.Unavailable) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("nobody listens: %v", err)
	}
	_, err = x.Attach(t.Context(), "default/pod/uid/job/token")
	if !executor.IsKind(err, executor.Unavailable) {
		t.Errorf("attach: %v", err)
	}
	x.opts.Wait = 1500 * time.Millisecond
	_, err = x.Create(t.Context(), executor.Spec{Kind: executor.Machine, Image: executor.Image{Ref: "a"}})
	if !executor.IsKind(err, executor.Unavailable) {
		t.Errorf("create: %v", err)
	}
}

// TestNoRights uses the cluster as somebody who may do nothing.
func TestNoRights(t *testing.T) {
	x, labels := live(t, Options{})
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	config := *c.config
	config.Impersonate = rest.ImpersonationConfig{UserName: "nobody-" + random(), Groups: []string{"system:authenticated"}}
	y, _ := live(t, Options{})
	if *y.found, err = newClient(&config, "default"); err != nil {
		t.Fatal(err)
	}
	_, err = y.Probe(t.Context())
	if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "may not create pods") {
		t.Errorf("probe: %v", err)
	}
	_, err = y.Create(t.Context(), executor.Spec{Name: "x", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}})
	if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "role of deploy/") {
		t.Errorf("create: %v", err)
	}
	*y.found = c // so that the sweep at the end may
}

// endings are what can become of a pod while a step runs.
var endings = []struct {
	name   string
	do     func(*environment) error
	reason executor.Reason
}{
	{"deleted", func(e *environment) error { return e.c.deletePod(context.Background(), e.pod) }, executor.Deleted},
	{"deleted by force", func(e *environment) error {
		zero := int64(0)
		return e.c.core.Delete().Namespace(e.c.namespace).Resource("pods").Name(e.pod.name).Body(&metav1.DeleteOptions{GracePeriodSeconds: &zero}).Do(context.Background()).Error()
	}, executor.Deleted},
	{"evicted", func(e *environment) error {
		body := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`, e.pod.name, e.c.namespace)
		return e.c.core.Post().Namespace(e.c.namespace).Resource("pods").Name(e.pod.name).SubResource("eviction").
			SetHeader("Content-Type", "application/json").Body([]byte(body)).Do(context.Background()).Error()
	}, executor.Evicted},
	{"out of memory", nil, executor.OutOfMemory},
}

func TestEndings(t *testing.T) {
	for _, tc := range endings {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			x, labels := live(t, Options{})
			e := create(t, x, executor.Spec{Name: tc.name, Labels: labels, Kind: executor.Machine, Options: "--memory 64m"})
			script := "echo ready; sleep 600"
			if tc.do == nil {
				script = "head -c 200000000 /dev/zero | tail -c 150000000 >/dev/null"
			}
			started := make(chan bool)
			var once sync.Once
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			p, err := e.Start(ctx, executor.Command{ID: "step", Argv: []string{"sh", "-c", script}, Dir: "/"}, func(int64, []byte) {
				once.Do(func() { close(started) })
			})
			if err != nil {
				t.Fatal(err)
			}
			if tc.do != nil {
				<-started
				if err := tc.do(e); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			exit, err := p.Wait(ctx)
			t.Logf("after %s: %+v, %v", time.Since(began).Round(10*time.Millisecond), exit, err)
			if tc.do == nil && err == nil && exit.OOM { // the kernel chose the step alone
				return
			}
			if !executor.IsKind(err, executor.Lost) || executor.ReasonOf(err) != tc.reason {
				t.Errorf("exit %+v, error %v, reason %q, want %q", exit, err, executor.ReasonOf(err), tc.reason)
			}
		})
	}
}

// line is the way to the API server, which can be cut.
type line struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool
}

// lineTo leads x to its API server through a line.
func lineTo(t *testing.T, x *Executor) *line {
	t.Helper()
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &line{conns: map[net.Conn]bool{}}
	go w.serve(l, strings.TrimPrefix(c.config.Host, "https://"))
	config := *c.config
	config.Host = "https://" + l.Addr().String()
	if *x.found, err = newClient(&config, c.namespace); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		*x.found = c
	})
	return w
}

func (w *line) serve(l net.Listener, target string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		down := w.down
		w.conns[in] = true
		w.mu.Unlock()
		out, err := net.Dial("tcp", target)
		if err != nil || down {
			in.Close()
			continue
		}
		go func() { io.Copy(in, out); in.Close() }()
		go func() { io.Copy(out, in); out.Close() }()
	}
}

// cut ends all connections, and tells how many there were.
func (w *line) cut(down bool) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	for conn := range w.conns {
		if conn.Close() == nil {
			n++
		}
		delete(w.conns, conn)
	}
	return n
}

// counted starts a step that prints lines 1 to 300 in three seconds, and gives
// the function that waits for it.
func counted(t *testing.T, e executor.Environment) func() {
	t.Helper()
	var out strings.Builder
	p, err := e.Start(t.Context(), executor.Command{
		ID: "step", Argv: []string{"sh", "-c", "for i in $(seq 300); do echo line $i; sleep 0.01; done"}, Dir: "/",
	}, func(_ int64, b []byte) { out.Write(b) })
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		exit, err := p.Wait(t.Context())
		if err != nil || exit.Code != 0 {
			t.Fatalf("%+v, %v", exit, err)
		}
		var all strings.Builder
		for i := range 300 {
			fmt.Fprintf(&all, "line %d\n", i+1)
		}
		if out.String() != all.String() {
			t.Errorf("got %d bytes, want %d", out.Len(), all.Len())
		}
	}
}

// TestBrokenStream cuts every connection to the API server in the middle of a
// step, again and again.
func TestBrokenStream(t *testing.T) {
	x, labels := live(t, Options{})
	w := lineTo(t, x)
	e := create(t, x, executor.Spec{Name: "cut", Labels: labels, Kind: executor.Machine})
	wait := counted(t, e)
	for range 4 {
		time.Sleep(700 * time.Millisecond)
		executortest.Eventually(t, "there is something to cut", func() bool { return w.cut(false) > 0 })
	}
	wait()
}

// TestOutage has no API server for a while: when the pod is made, while it
// starts, in the middle of a step and when it is to be deleted.
func TestOutage(t *testing.T) {
	x, labels := live(t, Options{})
	w := lineTo(t, x)
	out := func(d time.Duration) {
		w.cut(true)
		time.AfterFunc(d, func() { w.cut(false) })
	}
	out(1500 * time.Millisecond)
	time.AfterFunc(2500*time.Millisecond, func() { out(3 * time.Second) })
	e := create(t, x, executor.Spec{Name: "outage", Labels: labels, Kind: executor.Machine, Env: map[string]string{"A": "b"}})
	time.Sleep(3 * time.Second)
	wait := counted(t, e)
	time.Sleep(500 * time.Millisecond)
	out(5 * time.Second)
	wait()
	out(2 * time.Second)
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
