package kube

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

func TestJudge(t *testing.T) {
	s, err := judge(request{what: `service "db"`, role: roleService, env: map[string]string{"B": "env"}, options: `
		--cpus 1.5 -c 512 -m 512m --memory-reservation 256m --shm-size=64m --env A=b -e B=option --label x=y -h host
		--name db-name --user 1000:1000 -w /w --entrypoint /run --health-cmd "pg_isready -U 'x'" --health-interval 10s
		--health-timeout=5s --health-retries 5 --tmpfs /t:size=1m --mount type=volume,src=v,dst=/m,ro --cap-drop ALL
		--cap-add CAP_CHOWN --read-only --add-host a.b:1.2.3.4 --platform linux/arm64/v8 --pull always -p 1:2 -it --rm`})
	if err != nil {
		t.Fatal(err)
	}
	cpu, memory, reserved := s.limits[corev1.ResourceCPU], s.limits[corev1.ResourceMemory], s.requests[corev1.ResourceMemory]
	if cpu.String() != "1500m" || memory.String() != "512Mi" || reserved.String() != "256Mi" || s.shm.String() != "64Mi" {
		t.Errorf("resources: %v %v %v", s.limits, s.requests, s.shm)
	}
	if len(s.env) != 2 || s.env[0] != (variable{"A", "b"}) || s.env[1] != (variable{"B", "env"}) {
		t.Errorf("env: %v", s.env)
	}
	if s.user != "1000:1000" || s.dir != "/w" || *s.entrypoint != "/run" || !s.readOnly || s.platform != "linux/arm64/v8" || s.pull != executor.PullAlways {
		t.Errorf("settings: %+v", s)
	}
	if strings.Join(s.aliases, " ") != "host db-name" || len(s.hosts) != 1 || len(s.ports) != 1 || s.ports[0].Mapped != 1 {
		t.Errorf("names: %q, %v, ports %v", s.aliases, s.hosts, s.ports)
	}
	if len(s.volumes) != 2 || !s.volumes[0].memory || s.volumes[1].name != "v" || !s.volumes[1].readOnly {
		t.Errorf("volumes: %+v", s.volumes)
	}
	if s.capDrop[0] != "ALL" || s.capAdd[0] != "CHOWN" {
		t.Errorf("capabilities: %v %v", s.capDrop, s.capAdd)
	}
	if len(s.notes) != 5 { // -c, --label, -i, -t, --rm
		t.Errorf("notes: %q", s.notes)
	}
}

func TestJudgeRefuses(t *testing.T) {
	for in, kind := range map[string]executor.ErrorKind{
		"--privileged":                        executor.Refused,
		"--cap-add SYS_ADMIN":                 executor.Refused,
		"--security-opt seccomp=unconfined":   executor.Refused,
		"--network host":                      executor.Refused,
		"--pid=host":                          executor.Refused,
		"-v /etc:/host":                       executor.Refused,
		"-v /var/run/docker.sock:/d.sock":     executor.Refused,
		"--mount type=bind,src=/,dst=/x":      executor.Refused,
		"--device /dev/kvm":                   executor.Refused,
		"--gpus all":                          executor.Refused,
		"--ulimit nofile=1:1":                 executor.Refused,
		"--env-file /etc/passwd":              executor.Refused,
		"--no-such-option":                    executor.Refused,
		"--hostname Not_A_Name":               executor.Refused,
		"--oom-kill-disable":                  executor.Refused,
		"--memory lots":                       executor.Invalid,
		"--memory 0":                          executor.Invalid,
		"--cpus -1":                           executor.Invalid,
		"--cpus 1e99":                         executor.Invalid,
		"--user 'a b'":                        executor.Invalid,
		"--entrypoint /x":                     executor.Invalid,
		"-v data:/proc":                       executor.Invalid,
		"-v data:/.drydock/bin":               executor.Invalid,
		"-v data:/__w":                        executor.Invalid,
		"-v a:b:c:d":                          executor.Invalid,
		"--platform windows/amd64":            executor.Invalid,
		"-e NAME":                             executor.Invalid,
		"word":                                executor.Invalid,
		"--health-interval soon":              executor.Invalid,
		"--tmpfs tmp":                         executor.Invalid,
		"--mount type=tmpfs,src=a,dst=/b":     executor.Invalid,
		"--mount type=volume,dst=/b,bad=yes":  executor.Refused,
		"--add-host nowhere:x":                executor.Invalid,
		"--pull sometimes":                    executor.Invalid,
		"--health-retries -1":                 executor.Invalid,
		"--publish 99999":                     executor.Invalid,
		"--network-alias 'no name'":           executor.Invalid,
		"--shm-size 'x":                       executor.Invalid,
		"--read-only=maybe":                   executor.Invalid,
		"-v data:/a -v other:/a/ --cpus none": executor.Invalid,
	} {
		_, err := judge(request{what: "the job's container", role: roleJob, options: in})
		if !executor.IsKind(err, kind) {
			t.Errorf("%s: %v, want kind %q", in, err, kind)
		}
	}
	for _, r := range []request{
		{env: map[string]string{"": "x"}}, {env: map[string]string{"A": "\x00"}}, {ports: []string{"x"}},
		{volumes: []string{"a:/x", "b:/x"}}, {volumes: []string{"a:/x:wrong"}}, {volumes: []string{":/x"}},
	} {
		if _, err := judge(r); !executor.IsKind(err, executor.Invalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestProbe(t *testing.T) {
	for _, tc := range []struct {
		h                        health
		delay, period, tries, to int32
	}{
		{health{cmd: "x"}, 30, 30, 3, 30},
		{health{cmd: "x", interval: 10 * time.Second, timeout: 5 * time.Second, retries: 5}, 10, 10, 5, 5},
		{health{cmd: "x", interval: 100 * time.Millisecond, retries: 4}, 1, 1, 4, 30},
		{health{cmd: "x", interval: 10 * time.Second, startPeriod: time.Minute, retries: 2}, 5, 5, 16, 30},
		{health{cmd: "x", interval: 2 * time.Second, startPeriod: 9 * time.Second, startInterval: time.Hour}, 2, 2, 8, 30},
	} {
		p := tc.h.probe()
		if p.InitialDelaySeconds != tc.delay || p.PeriodSeconds != tc.period || p.FailureThreshold != tc.tries || p.TimeoutSeconds != tc.to {
			t.Errorf("%+v: %+v", tc.h, p)
		}
	}
	if (health{}).probe() != nil || (health{cmd: "x", off: true}).probe() != nil {
		t.Error("a probe without a check")
	}
}

func FuzzJudge(f *testing.F) {
	f.Add("--cpus 2 -v a:/b --mount type=volume,dst=/c --health-cmd 'x y'", "data:/x:ro", "1:2")
	f.Fuzz(func(t *testing.T, options, volume, port string) {
		s, err := judge(request{what: "x", role: roleService, options: options, volumes: []string{volume}, ports: []string{port}})
		if err != nil {
			return
		}
		for _, v := range s.volumes {
			if !strings.HasPrefix(v.target, "/") || strings.HasPrefix(v.name, "/") || checkTarget(v.target) != nil {
				t.Errorf("volume %+v", v)
			}
		}
		for _, c := range s.capAdd {
			if strings.Contains(string(c), "SYS_ADMIN") {
				t.Errorf("capability %q", c)
			}
		}
	})
}
