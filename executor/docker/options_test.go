package docker

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/drydock-ci/drydock/executor"
	"github.com/google/go-cmp/cmp"
)

func TestOptions(t *testing.T) {
	s, err := judge(request{what: "service \"db\"", role: roleService, env: map[string]string{"B": "env"}, options: `
		--cpus 1.5 -c 512 --cpuset-cpus 0,1 -m 512m --memory-swap=1g --memory-reservation 256m --shm-size=64m
		--ulimit nofile=1024:2048 --env A=b -e B=option --label x=y -h host --name db-name --user 1000:1000 -w /w
		--entrypoint /run --health-cmd "pg_isready -U 'x'" --health-interval 10s --health-timeout=5s --health-retries 5
		--health-start-period 1m --init --tmpfs /tmp:size=64m --dns 1.1.1.1 --dns-search a.b
		--add-host h:127.0.0.1 --network-alias other --cap-drop ALL --security-opt no-new-privileges --sysctl net.core.somaxconn=1024
		--stop-signal SIGINT --stop-timeout 3 --platform linux/amd64 --pull always -it --restart always
		-v data:/data:ro --mount type=tmpfs,target=/t -p 5432`}, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	timeout := 3
	on := true
	wantConfig := container.Config{
		Hostname: "host", WorkingDir: "/w", StopSignal: "SIGINT", StopTimeout: &timeout,
		Env: []string{"A=b", "B=option", "B=env"}, Labels: map[string]string{"x": "y"},
		Healthcheck: &container.HealthConfig{
			Test: []string{"CMD-SHELL", "pg_isready -U 'x'"}, Interval: 10 * time.Second, Timeout: 5 * time.Second,
			Retries: 5, StartPeriod: time.Minute,
		},
	}
	wantHost := container.HostConfig{
		DNS: []string{"1.1.1.1"}, DNSSearch: []string{"a.b"}, ExtraHosts: []string{"h:127.0.0.1"},
		CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges:true"}, ShmSize: 64 << 20,
		Sysctls: map[string]string{"net.core.somaxconn": "1024"}, Tmpfs: map[string]string{"/tmp": "size=64m"}, Init: &on,
		Resources: container.Resources{
			NanoCPUs: 1_500_000_000, CPUShares: 512, CpusetCpus: "0,1", Memory: 512 << 20, MemorySwap: 1 << 30,
			MemoryReservation: 256 << 20, Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 1024, Hard: 2048}},
		},
	}
	if d := cmp.Diff(wantConfig, s.config); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(wantHost, s.host); d != "" {
		t.Error(d)
	}
	if s.user != "1000:1000" || s.platform != "linux/amd64" || s.pull != executor.PullAlways || *s.entrypoint != "/run" {
		t.Errorf("%+v", s)
	}
	if !reflect.DeepEqual(s.aliases, []string{"db-name", "other"}) || len(s.notes) != 3 {
		t.Errorf("aliases %q notes %q", s.aliases, s.notes)
	}
	if len(s.volumes) != 2 || !s.volumes[0].readOnly || !s.volumes[1].tmpfs || len(s.ports) != 1 {
		t.Errorf("volumes %+v ports %+v", s.volumes, s.ports)
	}
}

// TestEscapes holds every way out of the container that options know, each
// with the policy that would allow it.
func TestEscapes(t *testing.T) {
	all := Policy{
		AllowPrivileged: true, AllowMounts: []string{"/"}, AllowDevices: []string{"/dev", "gpu"},
		AllowHostNamespaces: true, AllowSocket: true,
	}
	for _, tc := range []struct {
		options string
		never   bool // no policy allows it
		hint    string
	}{
		{"--privileged", false, "docker.allow_privileged: true"},
		{"--privileged=true", false, "docker.allow_privileged: true"},
		{"--cap-add SYS_ADMIN", false, "docker.allow_privileged: true"},
		{"--cap-add=ALL", false, "docker.allow_privileged: true"},
		{"--security-opt seccomp=unconfined", false, "docker.allow_privileged: true"},
		{"--security-opt apparmor=unconfined", false, "docker.allow_privileged: true"},
		{"--sysctl kernel.core_pattern=|/x", false, "docker.allow_privileged: true"},
		{"--pid=host", false, "docker.allow_host_namespaces: true"},
		{"--ipc host", false, "docker.allow_host_namespaces: true"},
		{"--uts=host", false, "docker.allow_host_namespaces: true"},
		{"--userns=host", false, "docker.allow_host_namespaces: true"},
		{"--cgroupns=host", false, "docker.allow_host_namespaces: true"},
		{"--pid=container:other", true, ""},
		{"--network host", true, ""}, // of a job
		{"--net=container:other", true, ""},
		{"-v /:/host", false, `docker.allow_mounts in your own drydock.yaml (allow_mounts: ["/"])`},
		{"-v/etc:/host:ro", false, "docker.allow_mounts"},
		{"--volume=/etc/../root:/host", false, `["/root"]`},
		{"--mount type=bind,source=/,target=/host", false, "docker.allow_mounts"},
		{"--mount type=bind,src=/var/run/docker.sock,dst=/var/run/docker.sock", false, "docker.allow_socket: true"},
		{"-v /var/run/docker.sock:/var/run/docker.sock", false, "docker.allow_socket: true"},
		{"-v /run/podman/podman.sock:/x", false, "docker.allow_socket: true"},
		{"--mount type=npipe,source=a,target=/b", true, ""},
		{"--mount type=volume,source=a,target=/b,volume-opt=device=/", true, ""},
		{"--device /dev/sda", false, `allow_devices: ["/dev/sda"]`},
		{"--gpus all", false, "docker.allow_devices"},
		{"--volumes-from other", true, ""},
		{"--device-cgroup-rule 'a *:* rwm'", true, ""},
		{"--cgroup-parent /", true, ""},
		{"--runtime x", true, ""},
		{"--env-file /etc/passwd", true, ""},
		{"--label-file /etc/passwd", true, ""},
		{"--cidfile /x", true, ""},
		{"--link other", true, ""},
		{"--oom-kill-disable", true, ""},
		{"--no-such-option", true, ""},
		{"-z", true, ""},
	} {
		_, err := judge(request{what: "the job's container", role: roleJob, options: tc.options}, Policy{})
		if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), tc.hint) {
			t.Errorf("%s: got %v, want refused with %q", tc.options, err, tc.hint)
		}
		_, err = judge(request{what: "the job's container", role: roleJob, options: tc.options}, all)
		if (err != nil) != tc.never {
			t.Errorf("%s: with everything allowed got %v", tc.options, err)
		}
	}
}

func TestInvalidOptions(t *testing.T) {
	for _, in := range []string{
		"positional", "--cpus", "--cpus x", "--cpus 1e999999999", "--cpus -1", "-m 12q", "--ulimit x", "-e NAME", "-e =x", "--label io.drydock.run=1",
		"--name 'a b'", "--user ''", "-w relative", "--dns x", "--add-host x", "-p 0", "-v relative/path:/x", "-v /a", "-v a:b:c:d",
		"-v a:/proc", "-v a:/home/runner/work", "-v a:/.drydock/x", "-v a:/etc/drydock", "--tmpfs /.drydock/run", "--health-interval x",
		"--health-retries x", "--health-cmd ''", "--privileged=maybe", "--pull sometimes", "-v a:/x -v b:/x/", "--entrypoint x", "--device sda",
		"--", "--=x",
	} {
		if in == "-v /a" { // an anonymous volume
			continue
		}
		_, err := judge(request{what: "the job's container", role: roleJob, options: in}, Policy{})
		if err == nil || in != "--=x" && in != "--" && !executor.IsKind(err, executor.Invalid) {
			t.Errorf("%s: got %v, want invalid", in, err)
		}
	}
	for _, env := range []map[string]string{{"": "x"}, {"A=B": "x"}, {"A": "x\x00y"}} {
		if _, err := judge(request{env: env}, Policy{}); !executor.IsKind(err, executor.Invalid) {
			t.Errorf("env %q: %v", env, err)
		}
	}
}

func FuzzOptions(f *testing.F) {
	for _, s := range []string{
		`--cpus 1 -m 512m --health-cmd "a b" -v a:/b -p 1-3:4-6/udp --mount type=bind,source=/a,target=/b`,
		`-it --gpus '"device=0,1",capabilities=compute' --ulimit a=1:2 'x`, `--privileged -v /:/x`, "\\", `"\"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := judge(request{what: "x", role: roleService, options: in, volumes: []string{in}, ports: []string{in}}, Policy{})
		if err != nil {
			return
		}
		h := s.host
		if h.Privileged || len(h.CapAdd) > 0 || len(h.Devices) > 0 || len(h.DeviceRequests) > 0 || h.NetworkMode != "" ||
			h.PidMode == "host" || h.IpcMode == "host" || h.UsernsMode == "host" || len(h.Binds) > 0 || len(h.VolumesFrom) > 0 {
			t.Errorf("%q got out: %+v", in, h)
		}
		for _, v := range s.volumes {
			if v.bind {
				t.Errorf("%q mounts %q", in, v.source)
			}
		}
	})
}
