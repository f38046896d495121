package livetest

import (
	"fmt"
	"strings"
	"testing"
)

// TestOptionsPolicy: what reaches out of a job's containers is refused, with
// the setting that would allow it, wherever it is written.
func TestOptionsPolicy(t *testing.T) {
	cases := []struct{ options, setting string }{
		{"--privileged", "docker.allow_privileged"},
		{"--cap-add SYS_ADMIN", "docker.allow_privileged"},
		{"-v /:/host", "docker.allow_mounts"},
		{"-v /var/run/docker.sock:/var/run/docker.sock", "docker.allow_socket"},
		{"--mount type=bind,source=/etc,target=/host", "docker.allow_mounts"},
		{"--pid=host", "docker.allow_host_namespaces"},
		{"--ipc host", "docker.allow_host_namespaces"},
		{"--network host", ""}, // of a service the setting, of a job container never
		{"--device /dev/null", "docker.allow_devices"},
	}
	t.Run("workflow", func(t *testing.T) {
		w := newWorld(t)
		var jobs strings.Builder
		jobs.WriteString("jobs:\n")
		for i, c := range cases {
			fmt.Fprintf(&jobs, `
  job%d:
    runs-on: ubuntu-latest
    container: {image: "%s", options: "%s"}
    steps: [{run: echo not reached}]
  service%d:
    runs-on: ubuntu-latest
    services: {web: {image: "%s", options: "%s"}}
    steps: [{run: echo not reached}]
`, i, bash, c.options, i, busybox, c.options)
		}
		jobs.WriteString(`
  mount:
    runs-on: ubuntu-latest
    container: {image: "` + bash + `", volumes: ["/:/host"]}
    steps: [{run: echo not reached}]
  clean:
    runs-on: ubuntu-latest
    steps: [{run: "test ! -e /var/run/docker.sock && test ! -e /run/docker.sock && echo no socket"}]
  clean-container:
    runs-on: ubuntu-latest
    container: "` + bash + `"
    steps: [{run: "test ! -e /var/run/docker.sock && test ! -e /run/docker.sock && echo no socket"}]
`)
		w.workflow(jobs.String())
		r := w.run()
		r.wantCode(1)
		if r.count("not reached") > 0 || r.count("no socket") != 2 {
			t.Errorf("a job ran that must not, or the others did not:\n%s", r.text())
		}
		for i, c := range cases {
			for _, kind := range []string{"job", "service"} {
				name := fmt.Sprintf("%s%d", kind, i)
				want := c.setting
				if want == "" {
					want = map[string]string{"job": "remove the option", "service": "docker.allow_host_namespaces"}[kind]
				}
				if text := r.jobText(name); !strings.Contains(text, want) || r.job(name).Conclusion != "failure" {
					t.Errorf("%s with %q is %s and does not say %q:\n%s", kind, c.options, r.job(name).Conclusion, want, text)
				}
			}
		}
		if text := r.jobText("mount"); !strings.Contains(text, "docker.allow_mounts") {
			t.Errorf("volumes: %s", text)
		}
	})
	t.Run("operator", func(t *testing.T) {
		w := newWorld(t)
		w.workflow("jobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo reached}]}}\n")
		for _, c := range cases {
			r := w.run("--container-options", c.options)
			if r.code == 0 || r.count("reached") > 0 || !strings.Contains(r.text()+r.err, c.setting) {
				t.Errorf("--container-options %q: exit code %d:\n%s\n%s", c.options, r.code, r.text(), r.err)
			}
		}
		// The setting that the error names does allow it.
		w.env = []string{"DRYDOCK_DOCKER_ALLOW_MOUNTS=/etc"}
		w.pass("--container-options", "-v /etc:/host:ro").wantLines("reached")
	})
}
