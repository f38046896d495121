package kube

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

func newTest(t *testing.T, o Options) *Executor {
	t.Helper()
	o.HelperImage = "helper:1"
	x, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestDraft(t *testing.T) {
	x := newTest(t, Options{Externals: "/externals", Pod: Pod{
		ServiceAccount: "ci", NodeSelector: map[string]string{"pool": "ci"}, RuntimeClass: "gvisor", PriorityClass: "low",
		Tolerations: []Toleration{{Key: "ci", Operator: "Exists", Effect: "NoSchedule"}}, PullSecrets: []string{"mirror"},
		Requests: map[string]string{"cpu": "2", "memory": "4Gi"}, Limits: map[string]string{"memory": "8Gi"},
		Labels: map[string]string{"team": "a", labelOwner: "not theirs"}, Annotations: map[string]string{"note": "b"},
	}})
	d, err := x.draft(executor.Spec{
		Name: "Build (ünit)", Labels: executor.Labels{Owner: "me@host", Run: "1", Job: "build"}, Kind: executor.Container,
		Image:   executor.Image{Ref: "registry.example/app:1", Credentials: &executor.Credentials{Username: "u", Password: "p"}, Platform: "linux/arm64"},
		Options: "--memory 16g --cpus 1", Provide: []executor.Provided{{Source: "/cache", Target: "/__e"}}, Env: map[string]string{"A": "1"},
		Services: []executor.Service{
			{ID: "redis", Image: executor.Image{Ref: "redis:7"}, Ports: []string{"6379"}, Volumes: []string{"d:/d"}, Command: []string{"echo", "$(A)"}},
			{ID: "Redis", Image: executor.Image{Ref: "app:2", Credentials: &executor.Credentials{Username: "x", Password: "y"}}, Volumes: []string{"d:/e"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := d.pod
	if len(p.Name) > 63 || !strings.HasPrefix(p.Name, "drydock-build-nit-") || p.Labels[labelOwner] == "me@host" || p.Annotations[labelOwner] != "me@host" {
		t.Errorf("name %q, labels %v, annotations %v", p.Name, p.Labels, p.Annotations)
	}
	if p.Labels["team"] != "a" || p.Annotations["note"] != "b" {
		t.Errorf("labels %v, annotations %v", p.Labels, p.Annotations)
	}
	s := p.Spec
	if s.ServiceAccountName != "ci" || *s.RuntimeClassName != "gvisor" || s.PriorityClassName != "low" || *s.AutomountServiceAccountToken || s.RestartPolicy != "Never" {
		t.Errorf("spec %+v", s)
	}
	if s.NodeSelector["pool"] != "ci" || s.NodeSelector[corev1.LabelArchStable] != "arm64" || len(s.Tolerations) != 1 || len(s.ImagePullSecrets) != 2 {
		t.Errorf("placement %v, %v, %v", s.NodeSelector, s.Tolerations, s.ImagePullSecrets)
	}
	job := s.Containers[0]
	if job.Resources.Limits.Memory().String() != "8Gi" || job.Resources.Limits.Cpu().String() != "1" || job.Resources.Requests.Cpu().String() != "1" {
		t.Errorf("resources %v", job.Resources)
	}
	if !strings.Contains(strings.Join(d.notes, "\n"), "more than the 8Gi that the operator allows") {
		t.Errorf("notes %q", d.notes)
	}
	if len(s.InitContainers) != 3 || s.InitContainers[1].Name == s.InitContainers[2].Name || *s.InitContainers[1].RestartPolicy != "Always" {
		t.Errorf("init containers %+v", s.InitContainers)
	}
	if s.InitContainers[1].Args[1] != "$$(A)" {
		t.Errorf("args %q", s.InitContainers[1].Args)
	}
	if p.Annotations[annotationHosts] == "" || !strings.Contains(p.Annotations[annotationHosts], "127.0.0.1 redis Redis\n") {
		t.Errorf("hosts %q", p.Annotations[annotationHosts])
	}
	var shared []string
	for _, c := range s.InitContainers[1:] {
		for _, m := range c.VolumeMounts {
			if m.MountPath == "/d" || m.MountPath == "/e" {
				shared = append(shared, m.Name)
			}
		}
	}
	if len(shared) != 2 || shared[0] != shared[1] {
		t.Errorf("the named volume is not shared: %q", shared)
	}
	known := map[string]bool{}
	for _, v := range s.Volumes {
		if v.HostPath != nil || known[v.Name] {
			t.Errorf("volume %+v", v)
		}
		known[v.Name] = true
	}
	for _, c := range append(s.InitContainers, s.Containers...) {
		if *c.SecurityContext.AllowPrivilegeEscalation || c.SecurityContext.Privileged != nil {
			t.Errorf("container %q: %+v", c.Name, c.SecurityContext)
		}
		for _, m := range c.VolumeMounts {
			if !known[m.Name] {
				t.Errorf("container %q mounts %q, which is not there", c.Name, m.Name)
			}
		}
	}
	o, err := d.secret.object(&corev1.Pod{})
	if err != nil || o.Type != corev1.SecretTypeDockerConfigJson || string(o.Data["env-0"]) != "1" {
		t.Errorf("secret %+v, %v", o, err)
	}
	var logins struct{ Auths map[string]login }
	if err := json.Unmarshal(o.Data[corev1.DockerConfigJsonKey], &logins); err != nil || logins.Auths["registry.example/app"].Username != "u" || len(logins.Auths) != 4 {
		t.Errorf("logins %v, %v", logins, err)
	}
}

func TestDraftRefuses(t *testing.T) {
	x := newTest(t, Options{})
	restricted := newTest(t, Options{Pod: Pod{Restricted: true}})
	image := executor.Image{Ref: "a"}
	for name, tc := range map[string]struct {
		x    *Executor
		spec executor.Spec
		kind executor.ErrorKind
	}{
		"kind":  {x, executor.Spec{Kind: "other", Image: image}, executor.Invalid},
		"image": {x, executor.Spec{Kind: executor.Machine}, executor.Invalid},
		"two architectures": {x, executor.Spec{Kind: executor.Machine, Image: image, Options: "--platform linux/amd64",
			Services: []executor.Service{{ID: "a", Image: executor.Image{Ref: "b", Platform: "linux/arm64"}}}}, executor.Refused},
		"service id":            {x, executor.Spec{Kind: executor.Machine, Image: image, Services: []executor.Service{{ID: "a b", Image: image}}}, executor.Invalid},
		"service user by name":  {x, executor.Spec{Kind: executor.Machine, Image: image, Services: []executor.Service{{ID: "a", Image: image, Options: "-u me"}}}, executor.Refused},
		"root where restricted": {restricted, executor.Spec{Kind: executor.Machine, Image: image, Options: "-u 0"}, executor.Refused},
		"name where restricted": {restricted, executor.Spec{Kind: executor.Machine, Image: image, Options: "-u app"}, executor.Refused},
		"one port, two services": {x, executor.Spec{Kind: executor.Container, Image: image, Services: []executor.Service{
			{ID: "a", Image: image, Ports: []string{"80"}}, {ID: "b", Image: image, Ports: []string{"8080:80"}}}}, executor.Refused},
		"mapped to another's": {x, executor.Spec{Kind: executor.Machine, Image: image, Services: []executor.Service{
			{ID: "a", Image: image, Ports: []string{"8080:80"}}, {ID: "b", Image: image, Ports: []string{"81:8080"}}}}, executor.Refused},
		"mapped twice": {x, executor.Spec{Kind: executor.Machine, Image: image, Services: []executor.Service{
			{ID: "a", Image: image, Ports: []string{"8080:80"}}, {ID: "b", Image: image, Ports: []string{"8080:81"}}}}, executor.Invalid},
	} {
		if _, err := tc.x.draft(tc.spec); !executor.IsKind(err, tc.kind) {
			t.Errorf("%s: %v, want kind %q", name, err, tc.kind)
		}
	}
	for _, o := range []Options{{}, {HelperImage: "h", Pod: Pod{Limits: map[string]string{"cpu": "many"}}}, {HelperImage: "h", Pod: Pod{Requests: map[string]string{"cpu": "-1"}}}} {
		if _, err := New(o); !executor.IsKind(err, executor.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{"1000": "1000", "1000:5": "1000:5", "root": "0", "root:root": "0:0", "me": "", "1:me": "", "-1": "", "4294967295": ""} {
		uid, gid, ok := numbers(in)
		got := ""
		if ok {
			got = fmt.Sprint(uid)
			if gid != nil {
				got += fmt.Sprint(":", *gid)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestLabelValue(t *testing.T) {
	seen := map[string]string{}
	for _, in := range []string{
		"", "plain", "A-b_c.9", "me@host", "me/host", "-x", "x-", "ä", "日本語", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 300),
		strings.Repeat("x", 299) + "y", "\x00", "..", " ", "a b", "a\nb",
	} {
		v := labelValue(in)
		if len(v) > 63 || strings.Trim(v, "-_.") != v || strings.ContainsFunc(v, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
		}) {
			t.Errorf("%q: %q cannot be a label", in, v)
		}
		if other, has := seen[v]; has {
			t.Errorf("%q and %q both give %q", in, other, v)
		}
		seen[v] = in
	}
}

func FuzzNames(f *testing.F) {
	f.Add("Job (1, ä)")
	f.Fuzz(func(t *testing.T, s string) {
		if n := newName(s); len(n) > 63 || !dnsName(n) {
			t.Errorf("%q gives the name %q", s, n)
		}
		if v := labelValue(s); len(v) > 63 || v != "" && labelValue(v) != v {
			t.Errorf("%q gives the label %q", s, v)
		}
		if c := servicePrefix + safe(s, 30); len(c) > 63 || !dnsName(c) {
			t.Errorf("%q gives the container %q", s, c)
		}
	})
}

func TestParseID(t *testing.T) {
	for _, in := range []string{"", "no-such/environment", "a/b/c/d", "a/b/c/d/e/f", "a//c/d/e"} {
		if _, _, _, _, ok := parseID(executor.EnvironmentID(in)); ok {
			t.Errorf("%q was taken for an id", in)
		}
	}
	e := &environment{c: &client{namespace: "n"}, pod: podRef{"p", "u"}, container: "job", token: "t"}
	n, p, c, tok, ok := parseID(e.ID())
	if !ok || n != "n" || p != e.pod || c != "job" || tok != "t" {
		t.Errorf("%q: %q %v %q %q", e.ID(), n, p, c, tok)
	}
}
