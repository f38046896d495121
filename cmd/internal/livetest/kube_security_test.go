package livetest

import (
	"encoding/json"
	"testing"
)

// securePod is what of a pod its security hangs on.
type securePod struct {
	Spec struct {
		HostNetwork, HostPID, HostIPC bool
		AutomountServiceAccountToken  *bool
		Volumes                       []map[string]any
		InitContainers                []secureContainer
		Containers                    []secureContainer
		EphemeralContainers           []secureContainer
	}
}

type secureContainer struct {
	Name            string
	SecurityContext struct {
		Privileged, AllowPrivilegeEscalation, RunAsNonRoot *bool
		Capabilities                                       struct{ Add, Drop []string }
	}
}

// TestKubePodSecurity runs jobs with a service and a docker action where the
// cluster enforces a level: no container of theirs is privileged.
func TestKubePodSecurity(t *testing.T) {
	for _, level := range []string{"baseline", "restricted"} {
		t.Run(level, func(t *testing.T) {
			w := newKubeWorld(t)
			ns := namespace(t)
			kubectl(t, "label", "namespace", ns, "pod-security.kubernetes.io/enforce="+level)
			w.env = append(w.env, "DRYDOCK_KUBERNETES_NAMESPACE="+ns)
			user, containers := "", 4
			action := "\n      - {uses: 'docker://" + busybox + "', with: {entrypoint: /bin/sh, args: -c 'echo in the action; sleep 1'}}"
			if level == "restricted" {
				w.env = append(w.env, "DRYDOCK_KUBERNETES_RESTRICTED=true")
				user, action, containers = "--user 1000", "", 3 // the action's image is root's
			}
			w.workflow(`
jobs:
  a:
    runs-on: ubuntu-latest
    container: {image: "` + bash + `", options: "` + user + `"}
    services:
      db: {image: "` + busybox + `", entrypoint: sleep, command: "600", options: "` + user + `"}
    steps:` + action + `
      - run: echo "uid $(id -u)"; echo ready; until test -e /tmp/go; do sleep 0.1; done
`)
			r := w.start()
			r.until("ready")
			name := w.only().Metadata.Name
			var p securePod
			if err := json.Unmarshal([]byte(kubectl(t, "get", "pod", "-n", ns, name, "-o", "json")), &p); err != nil {
				t.Fatal(err)
			}
			all := append(append(p.Spec.InitContainers, p.Spec.Containers...), p.Spec.EphemeralContainers...)
			if len(all) != containers {
				t.Errorf("%d containers, want %d", len(all), containers)
			}
			for _, c := range all {
				s := c.SecurityContext
				if is(s.Privileged) || len(s.Capabilities.Add) > 0 || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
					t.Errorf("container %s: %+v", c.Name, s)
				}
				if level == "restricted" && (!is(s.RunAsNonRoot) || len(s.Capabilities.Drop) != 1) {
					t.Errorf("container %s may be root: %+v", c.Name, s)
				}
			}
			if s := p.Spec; s.HostNetwork || s.HostPID || s.HostIPC || s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken {
				t.Errorf("the pod shares something with its node, or has a token: %+v", s)
			}
			for _, v := range p.Spec.Volumes {
				if v["hostPath"] != nil {
					t.Errorf("a folder of the node: %v", v)
				}
			}
			kubectl(t, "exec", "-n", ns, name, "-c", "job", "--", "/bin/busybox", "touch", "/tmp/go")
			res := r.wait()
			res.wantCode(0)
			res.wantLines(map[string]string{"baseline": "uid 0", "restricted": "uid 1000"}[level])
		})
	}
}

func is(b *bool) bool { return b != nil && *b }
