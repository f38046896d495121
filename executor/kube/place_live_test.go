package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

// notes gathers what a place says while it is made.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) log(l string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, l)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}

// web is a service that answers "hello" at port.
func web(id, port, options string) executor.Service {
	return executor.Service{
		ID: id, Image: executor.Image{Ref: testImage}, Env: map[string]string{"TEXT": "hello"}, Options: options,
		Ports:   []string{port},
		Command: []string{"sh", "-c", `mkdir /www; echo $TEXT >/www/i; exec httpd -f -p "$PORT" -h /www`},
	}
}

// answers is a script that waits until a service without a health check listens.
func answers(url string) string {
	return "until wget -q -O /dev/null " + url + " 2>/dev/null; do sleep 0.2; done; "
}

func TestServices(t *testing.T) {
	x, labels := live(t, Options{})
	var n notes
	one := web("web", "8080:80", `--health-cmd "wget -q -O- http://localhost/i" --health-interval 1s --health-retries 120 --network-alias other -e PORT=80`)
	one.Volumes = []string{"data:/data"}
	two := web("my_db", "81", `-e PORT=81`)
	spec := executor.Spec{
		Name: "ct", Labels: labels, Kind: executor.Container, Services: []executor.Service{one, two, {ID: "skipped"}},
		Volumes: []string{"data:/data", "/anonymous"}, Options: "--cpus 1 --memory=256m --shm-size 8m --add-host far:10.9.8.7", Log: n.log,
		Env: map[string]string{"FROM_SPEC": "a $(b) c"},
	}
	t.Run("container", func(t *testing.T) {
		e := create(t, x, spec)
		want(t, e, answers("http://my_db:81/i")+"wget -q -O- http://web/i; wget -q -O- http://other/i; wget -q -O- http://my_db:81/i", "hello\nhello\nhello")
		want(t, e, "cd; pwd -P; touch ~/x; ls -d /github/workflow/ /__w/_temp /__t | wc -l", "/__w/_temp/_github_home\n3")
		want(t, e, `echo 1 >/data/x; echo $HOME "$FROM_SPEC"; grep -c far /etc/hosts; df -m /dev/shm | tail -1 | awk '{print $2}'`, "/github/home a $(b) c\n1\n8")
		s := e.Info().Services
		if len(s) != 2 || s["web"].Ports["80"] != "8080" || s["my_db"].Ports["81"] != "81" || s["web"].ID == "" || s["web"].ID == s["my_db"].ID {
			t.Errorf("services: %+v", s)
		}
		if !strings.Contains(n.String(), "Service web (drydock-test/busybox:1) is healthy") {
			t.Errorf("log: %s", n.String())
		}
		again, err := x.Attach(t.Context(), e.ID())
		if err != nil {
			t.Fatal(err)
		}
		a, b := again.Info(), e.Info()
		if a.Services["web"].ID != b.Services["web"].ID || a.Services["web"].Ports["80"] != "8080" || a.Paths != b.Paths || a.Container.ID != b.Container.ID {
			t.Errorf("attached: %+v, was: %+v", a, b)
		}
		want(t, again, "wget -q -O- http://web/i", "hello")
	})
	t.Run("at once", func(t *testing.T) {
		spec := spec
		spec.Services = nil
		for i := range 3 {
			id := fmt.Sprintf("slow%d", i)
			s := web(id, fmt.Sprint(90+i), fmt.Sprintf(`--health-cmd "wget -q -O- http://localhost:%d/i" --health-interval 1s --health-retries 120 -e PORT=%[1]d`, 90+i))
			// None gets healthy before all have begun.
			s.Command[2] = fmt.Sprintf("echo > /tmp/begun; httpd -p 919%d -h /tmp; for n in 0 1 2; do until wget -q -O /dev/null http://localhost:919$n/begun; do sleep 0.2; done; done; ", i) + s.Command[2]
			spec.Services = append(spec.Services, s)
		}
		create(t, x, spec) // one after another, they would wait for ever
	})
	t.Run("machine", func(t *testing.T) {
		spec := spec
		spec.Kind = executor.Machine
		e := create(t, x, spec)
		want(t, e, answers("http://127.0.0.1:81/i")+"wget -q -O- http://localhost:8080/i; wget -q -O- http://127.0.0.1:81/i", "hello\nhello")
		want(t, e, "echo $HOME", "/root")
		// A memory limit of the job's own.
		want(t, e, "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true", "268435456")
	})
	t.Run("nothing secret in the pod", func(t *testing.T) {
		spec := spec
		spec.Env = map[string]string{"TOKEN": "hush-hush"}
		spec.Image.Credentials = &executor.Credentials{Username: "me", Password: "hush-hush"}
		e := create(t, x, spec)
		want(t, e, "echo $TOKEN", "hush-hush")
		pod, err := e.c.pod(t.Context(), e.pod.name)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(pod)
		if strings.Contains(string(text), "hush-hush") || strings.Contains(string(text), "aHVzaC1odXNo") || strings.Contains(string(text), e.token) {
			t.Errorf("the pod shows a secret: %s", text)
		}
		name := pod.Spec.ImagePullSecrets[0].Name
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		executortest.Eventually(t, "the Secret goes with the pod", func() bool {
			return gone(e.c.core.Get().Namespace(e.c.namespace).Resource("secrets").Name(name).Do(t.Context()).Error()) &&
				e.c.core.Get().Namespace(e.c.namespace).Resource("secrets").Name(name).Do(t.Context()).Error() != nil
		})
	})
}

func TestUsers(t *testing.T) {
	x, labels := live(t, Options{})
	for _, tc := range []struct{ image, options, user, home string }{
		{testImage, "", "root", "/root"},
		{userImage, "", "app", "/home/app"},
		{testImage, "--user app", "app", "/home/app"},
		{testImage, "-u 1000:0", "app", "/home/app"},
		{testImage, "--user 4711", "4711", "/"},
	} {
		t.Run(tc.image+tc.options, func(t *testing.T) {
			e := create(t, x, executor.Spec{Name: "user", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: tc.image}, Options: tc.options})
			if i := e.Info(); i.User != tc.user || i.Home != tc.home || i.Env["HOME"] != tc.home {
				t.Errorf("user %q home %q env %q", i.User, i.Home, i.Env["HOME"])
			}
			want(t, e, "echo $HOME", tc.home)
			want(t, e, "touch "+e.Info().Paths.Work+"/a "+e.Info().Paths.Temp+"/b "+e.Info().Paths.ToolCache+"/c && echo ok", "ok")
		})
	}
	_, err := x.Create(t.Context(), executor.Spec{Name: "user", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Options: "--user nosuch"})
	if err == nil || !strings.Contains(err.Error(), `user "nosuch" is not in /etc/passwd`) {
		t.Errorf("got %v", err)
	}
}

// TestNames: whatever a run is called, it can be found by it again.
func TestNames(t *testing.T) {
	x, labels := live(t, Options{})
	long := strings.Repeat("Länge/\"x\" ", 30)
	labels.Run, labels.Job = executor.RunID(long), long
	e := create(t, x, executor.Spec{Name: long, Labels: labels, Kind: executor.Machine, Options: "--hostname box"})
	want(t, e, "hostname", "box")
	var asked []executor.RunID
	swept, err := x.Sweep(t.Context(), labels.Owner, func(r executor.RunID) bool { asked = append(asked, r); return true })
	if err != nil || len(swept.Removed) != 0 || len(asked) != 1 || asked[0] != labels.Run {
		t.Errorf("sweep: %+v, %v, asked for %q", swept, err, asked)
	}
	// Two servers sweep at once.
	var all sync.WaitGroup
	var removed atomic.Int64
	for range 4 {
		all.Go(func() {
			s, err := x.Sweep(context.Background(), labels.Owner, nil)
			if err != nil {
				t.Error(err)
			}
			removed.Add(int64(len(s.Removed)))
		})
	}
	all.Wait()
	if removed.Load() == 0 {
		t.Error("nobody swept the pod")
	}
	if _, err := x.Attach(t.Context(), e.ID()); !executor.IsKind(err, executor.NotFound) {
		t.Errorf("attach to what was swept: %v", err)
	}
}

// namespace makes one for a test.
func namespace(t *testing.T, name string, labels map[string]string) string {
	t.Helper()
	x, _ := live(t, Options{})
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	name += "-" + random()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if err := c.core.Post().Resource("namespaces").Body(ns).Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.core.Delete().Resource("namespaces").Name(name).Do(context.Background()).Error(); err != nil {
			t.Error(err)
		}
	})
	executortest.Eventually(t, "the namespace has its service account", func() bool {
		return c.core.Get().Namespace(name).Resource("serviceaccounts").Name("default").Do(t.Context()).Error() == nil
	})
	return name
}

// TestPodSecurity: the levels are enforced by the cluster here.
func TestPodSecurity(t *testing.T) {
	services := []executor.Service{web("web", "8080", "-e PORT=8080 --user 1000")}
	spec := func(l executor.Labels, image string) executor.Spec {
		return executor.Spec{Name: "sec", Labels: l, Kind: executor.Container, Image: executor.Image{Ref: image}, Services: services}
	}
	for i := range services {
		services[i].Command = []string{"sh", "-c", "exec httpd -f -p 8080 -h /tmp"}
	}
	x, labels := live(t, Options{Namespace: namespace(t, "baseline", map[string]string{"pod-security.kubernetes.io/enforce": "baseline"})})
	e := create(t, x, spec(labels, testImage))
	b, err := e.Container(t.Context(), executor.ContainerSpec{Name: "a", Image: executor.Image{Ref: testImage}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, b, "id -u", "0")

	restricted := namespace(t, "restricted", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	x, labels = live(t, Options{Namespace: restricted, Pod: Pod{Restricted: true}})
	s := spec(labels, testImage)
	s.Options = "--user 1000"
	e = create(t, x, s)
	want(t, e, "id -u; grep CapEff /proc/self/status | awk '{print $2}'; touch ~/x /__t/y", "1000\n0000000000000000")
	_, err = x.Create(t.Context(), spec(labels, testImage))
	if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "root") {
		t.Errorf("an image of root: %v", err)
	}
	x, labels = live(t, Options{Namespace: restricted})
	_, err = x.Create(t.Context(), spec(labels, testImage))
	if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "kubernetes.restricted") {
		t.Errorf("baseline where restricted is wanted: %v", err)
	}
}

// TestRequests counts what a job costs the API server.
func TestRequests(t *testing.T) {
	x, labels := live(t, Options{})
	var n atomic.Int64
	var list sync.Map
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	config := *c.config
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return requests{rt, &n, &list} })
	if *x.found, err = newClient(&config, c.namespace); err != nil {
		t.Fatal(err)
	}
	e := create(t, x, executor.Spec{
		Name: "count", Labels: labels, Kind: executor.Container, Env: map[string]string{"A": "b"},
		Services: []executor.Service{web("web", "80", "-e PORT=80")},
	})
	want(t, e, "echo hi", "hi")
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	list.Range(func(_, v any) bool { t.Log(v); return true })
	if n.Load() > 6 {
		t.Errorf("%d requests", n.Load())
	}
}
