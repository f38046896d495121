package docker

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	dockervolume "github.com/docker/docker/api/types/volume"
	"github.com/drydock-ci/drydock/executor"
)

func TestMachine(t *testing.T) {
	x, labels := live(t, Options{
		Proxy:  map[string]string{"http_proxy": "http://proxy.example:3128"},
		CACert: []byte("-----BEGIN CERTIFICATE-----\n"),
	})
	provided := t.TempDir()
	if err := os.WriteFile(filepath.Join(provided, "node"), []byte("24"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := create(t, x, executor.Spec{
		Name: "Hello, World!", Labels: labels, Kind: executor.Machine, Env: map[string]string{"FROM_SPEC": "a b"},
		Provide: []executor.Provided{{Source: provided, Target: "/__e/node24"}},
	})
	info := e.Info()
	if info.OS != "linux" || info.User != "root" || info.Home != "/root" || !info.Provided || info.Paths.Work != "/home/runner/work" {
		t.Errorf("info: %+v", info)
	}
	if info.Env["PATH"] == "" || info.Env["FROM_SPEC"] != "a b" || info.Env["HTTP_PROXY"] == "" {
		t.Errorf("env: %v", info.Env)
	}
	if len(info.Cmd) != 1 || info.Cmd[0] != "/bin/sh" {
		t.Errorf("cmd: %q", info.Cmd)
	}
	want(t, e, `echo "$FROM_SPEC $http_proxy"`, "a b http://proxy.example:3128")
	want(t, e, `cat $SSL_CERT_FILE`, "-----BEGIN CERTIFICATE-----")
	want(t, e, `cat /__e/node24/node; touch /__e/node24/x 2>/dev/null || echo " read-only"`, "24 read-only")
	want(t, e, `ls -d /home/runner/work/_temp /home/runner/work/_actions /opt/hostedtoolcache | wc -l`, "3")
	want(t, e, `mount | grep -c ' /home/runner/work '`, "1")
	if _, code := sh(t, e, "exit 7"); code != 7 {
		t.Errorf("exit code %d", code)
	}
	// Nothing of the operator's machine is there.
	want(t, e, `test -e /var/run/docker.sock || echo none`, "none")
	if _, code := sh(t, e, "cat /proc/1/environ"); code == 0 {
		t.Log("root in the place can read the helper's environment, which is the image's")
	}
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(context.Background()); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := e.Start(context.Background(), executor.Command{ID: "x", Argv: []string{"true"}}, nil); !executor.IsKind(err, executor.Lost) {
		t.Errorf("start after close: %v", err)
	}
	if _, err := x.Attach(context.Background(), e.ID()); !executor.IsKind(err, executor.NotFound) {
		t.Errorf("attach after close: %v", err)
	}
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
			want(t, e, "touch /home/runner/work/a /home/runner/work/_temp/b /opt/hostedtoolcache/c && echo ok", "ok")
		})
	}
	t.Run("unknown", func(t *testing.T) {
		_, err := x.Create(context.Background(), executor.Spec{Name: "user", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Options: "--user nosuch"})
		if err == nil || !strings.Contains(err.Error(), `user "nosuch" is not in /etc/passwd`) {
			t.Errorf("got %v", err)
		}
	})
}

func TestJobContainerWithServices(t *testing.T) {
	x, labels := live(t, Options{})
	var mu sync.Mutex
	var lines []string
	log := func(l string) { mu.Lock(); defer mu.Unlock(); lines = append(lines, l) }
	service := executor.Service{
		ID: "web", Image: executor.Image{Ref: testImage, Pull: executor.PullNever}, Env: map[string]string{"TEXT": "hello"},
		Ports: []string{"8080:80"}, Command: []string{"sh", "-c", `mkdir /www; echo $TEXT > /www/i; exec httpd -f -p 80 -h /www`},
		Options: `--health-cmd "wget -q -O- http://localhost/i" --health-interval 100ms --health-retries 600 --network-alias other`,
		Volumes: []string{"data:/data"},
	}
	spec := executor.Spec{
		Name: "ct", Labels: labels, Kind: executor.Container, Services: []executor.Service{service, {ID: "skipped"}},
		Volumes: []string{"data:/data", "/anonymous"}, Options: "--cpus 1 --memory=256m", Log: log,
	}
	t.Run("container", func(t *testing.T) {
		e := create(t, x, spec)
		want(t, e, "wget -q -O- http://web/i; wget -q -O- http://other/i", "hello\nhello")
		want(t, e, "cd; pwd -P; touch ~/x; ls -d /github/workflow/ /__w/_temp /__t | wc -l", "/__w/_temp/_github_home\n3")
		want(t, e, "echo 1 > /data/x; echo $HOME", "/github/home")
		s := e.Info().Services
		if len(s) != 1 || s["web"].Ports["80"] != "8080" || s["web"].ID == "" {
			t.Errorf("services: %+v", s)
		}
		mu.Lock()
		if !strings.Contains(strings.Join(lines, "\n"), "Service web is healthy") {
			t.Errorf("log: %q", lines)
		}
		mu.Unlock()
		again, err := x.Attach(context.Background(), e.ID())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := again.Info(), e.Info(); a.Services["web"].Ports["80"] != "8080" || a.Paths != b.Paths || a.Container.ID != b.Container.ID || !a.Provided || a.Home != b.Home {
			t.Errorf("attached: %+v, was: %+v", a, b)
		}
		want(t, again, "wget -q -O- http://web/i", "hello")
		if err := again.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if n := count(t, x, labels.Owner); n != 0 {
			t.Errorf("%d things remain", n)
		}
	})
	t.Run("machine", func(t *testing.T) {
		spec := spec
		spec.Kind = executor.Machine
		free := service
		free.ID, free.Ports = "free", []string{"80"}
		spec.Services = append(spec.Services, free)
		e := create(t, x, spec)
		want(t, e, "wget -q -O- http://localhost:8080/i", "hello")
		port := e.Info().Services["free"].Ports["80"]
		want(t, e, "wget -q -O- http://127.0.0.1:"+port+"/i", "hello")
		want(t, e, "echo $HOME", "/root")
	})
}

func TestUnhealthy(t *testing.T) {
	x, labels := live(t, Options{})
	for name, tc := range map[string]struct{ options, command, want string }{
		"check fails": {
			`--health-cmd "until test -e /up; do sleep 0.05; done; echo broken; false" --health-interval 50ms --health-retries 1`,
			"echo started; touch /up; sleep 100", "its health check fails: broken",
		},
		"ends": {`--health-cmd true --health-interval 10s`, "echo started; exit 3", "it ended with exit code 3"},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			_, err := x.Create(context.Background(), executor.Spec{
				Name: "sick", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage},
				Log: func(l string) { lines = append(lines, l) },
				Services: []executor.Service{{ID: "db", Image: executor.Image{Ref: testImage}, Options: tc.options,
					Command: []string{"sh", "-c", tc.command}}},
			})
			if !executor.IsKind(err, executor.Unhealthy) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), `service "db"`) {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(strings.Join(lines, "\n"), "  started") {
				t.Errorf("log: %q", lines)
			}
			if n := count(t, x, labels.Owner); n != 0 {
				t.Errorf("%d things remain", n)
			}
		})
	}
}

func TestIsolatedJobsDoNotReachEachOther(t *testing.T) {
	x, labels := live(t, Options{Isolate: true})
	a := create(t, x, executor.Spec{Name: "a", Labels: labels, Kind: executor.Machine})
	b := create(t, x, executor.Spec{Name: "b", Labels: labels, Kind: executor.Machine})
	if _, err := a.Start(context.Background(), executor.Command{ID: "web", Argv: []string{"httpd", "-f", "-p", "80"}, Dir: "/"}, nil); err != nil {
		t.Fatal(err)
	}
	ip, _ := sh(t, a, "hostname -i")
	ask := `printf 'GET /etc/passwd HTTP/1.0\r\n\r\n' | timeout 2 nc -w 1 ` + ip + ` 80 | grep -c root:`
	want(t, a, "until "+ask+" | grep 1; do sleep 0.1; done", "1")
	if out, _ := sh(t, b, ask); !strings.HasSuffix(out, "0") {
		t.Errorf("one job reads from another: %q", out)
	}
}

func TestCopiedHelper(t *testing.T) {
	x, labels := live(t, Options{CACert: []byte("pem\n")})
	c, _ := x.connection(context.Background())
	c.noBinds.Store(true)
	e := create(t, x, executor.Spec{Name: "copied", Labels: labels, Kind: executor.Machine, Provide: []executor.Provided{{Source: "/nowhere", Target: "/x"}}})
	if e.Info().Provided {
		t.Error("claims to show what it cannot")
	}
	want(t, e, "cat $CURL_CA_BUNDLE", "pem")
	c.noBinds.Store(false)
	// An engine that does not see the path falls back by itself.
	e = create(t, x, executor.Spec{Name: "fallback", Labels: labels, Kind: executor.Machine, Provide: []executor.Provided{{Source: "/nowhere", Target: "/x"}}})
	if e.Info().Provided {
		t.Error("claims to show what it cannot")
	}
	want(t, e, "echo ok", "ok")
}

func TestReadOnly(t *testing.T) {
	x, labels := live(t, Options{})
	e := create(t, x, executor.Spec{Name: "ro", Labels: labels, Kind: executor.Container, Options: "--read-only --tmpfs /tmp"})
	want(t, e, "touch /x 2>/dev/null || echo no; touch /__w/x /__t/x /tmp/x ~/x && echo yes", "no\nyes")
}

// TestLinger: a place whose maker is gone goes by itself, volumes included.
func TestLinger(t *testing.T) {
	x, labels := live(t, Options{})
	e := create(t, x, executor.Spec{Name: "linger", Labels: labels, Kind: executor.Machine, Linger: 10, Volumes: []string{"/anonymous"}})
	if n := count(t, x, labels.Owner); n < 2 {
		t.Fatalf("%d things, want a container and volumes", n)
	}
	e.Disconnect()
	for end := time.Now().Add(2 * time.Minute); count(t, x, labels.Owner) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is still there")
		}
	}
	if _, err := x.Attach(context.Background(), e.ID()); !executor.IsKind(err, executor.NotFound) {
		t.Errorf("got %v", err)
	}
}

// TestCancelledCreate leaves nothing, whenever it is cancelled.
func TestCancelledCreate(t *testing.T) {
	x, labels := live(t, Options{})
	for _, after := range []time.Duration{0, 20 * time.Millisecond, 120 * time.Millisecond, 400 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(context.Background(), after)
		_, err := x.Create(ctx, executor.Spec{
			Name: "cancel", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Volumes: []string{"data:/data"},
			Services: []executor.Service{{ID: "s", Image: executor.Image{Ref: testImage}, Command: []string{"sleep", "1000"},
				Options: "--health-cmd true --health-interval 100s"}},
		})
		cancel()
		if err == nil {
			t.Errorf("after %s: no error", after)
		}
		if n := count(t, x, labels.Owner); n != 0 {
			t.Errorf("after %s: %d things remain: %v", after, n, err)
		}
	}
}

// holdVariable makes the test binary a client that is going to be killed.
const holdVariable = "DRYDOCK_TEST_HOLD"

func hold() int {
	x := New(Options{HelperCache: os.Getenv(holdVariable)})
	_, err := x.Create(context.Background(), executor.Spec{
		Name: "held", Labels: executor.Labels{Owner: executor.OwnerID(os.Getenv("OWNER")), Run: "dead", Job: "j"},
		Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Volumes: []string{"data:/data"}, Linger: 600,
		Services: []executor.Service{{ID: "s", Image: executor.Image{Ref: testImage}, Command: []string{"sleep", "1000"}}},
	})
	if err != nil {
		println(err.Error())
		return 1
	}
	println("ready")
	time.Sleep(time.Hour)
	return 0
}

func TestSweepAfterKill(t *testing.T) {
	x, labels := live(t, Options{})
	alive := create(t, x, executor.Spec{Name: "alive", Labels: labels, Kind: executor.Machine, Containers: true})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), holdVariable+"="+t.TempDir(), "OWNER="+string(labels.Owner))
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(pipe).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if said != "ready\n" {
		t.Fatal(said)
	}
	before := count(t, x, labels.Owner)
	swept, err := x.Sweep(context.Background(), labels.Owner, func(r executor.RunID) bool { return r == labels.Run })
	if err != nil {
		t.Fatal(err)
	}
	var containers, networks, volumes int
	for _, r := range swept.Removed {
		switch {
		case strings.HasPrefix(r, "container "):
			containers++
		case strings.HasPrefix(r, "network "):
			networks++
		case strings.HasPrefix(r, "volume "):
			volumes++
		}
	}
	if containers != 2 || networks != 1 || volumes != 1 {
		t.Errorf("removed %q of %d", swept.Removed, before)
	}
	want(t, alive, "echo alive", "alive")
	if err := alive.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, x, labels.Owner); n != 0 {
		t.Errorf("%d things remain", n)
	}
}

// count counts what carries the owner's label and belongs to a run.
func count(t testing.TB, x *Executor, owner executor.OwnerID) int {
	t.Helper()
	c, err := x.connection(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	f := labelled(labelOwner, string(owner))
	cs, err1 := c.api.ContainerList(context.Background(), container.ListOptions{All: true, Filters: f})
	ns, err2 := c.api.NetworkList(context.Background(), network.ListOptions{Filters: f})
	vs, err3 := c.api.VolumeList(context.Background(), dockervolume.ListOptions{Filters: f})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return len(cs) + len(ns) + len(vs.Volumes)
}
