package attacktest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor/docker"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner"
)

// escapes are the options that lead out of a container, in every spelling.
var escapes = []string{
	"--privileged", "--privileged=true", "--privileged=1", "-it --privileged", "--cap-add ALL", "--cap-add=SYS_ADMIN", "--cap-add 'sys_ptrace'",
	"--security-opt seccomp=unconfined", "--security-opt=apparmor:unconfined", "--security-opt label=disable", "--security-opt systempaths=unconfined",
	"-v /:/host", "-v/:/host", "-v=/:/host", "--volume /etc:/host:ro", "--volume=/var/run/docker.sock:/var/run/docker.sock", "-v /run:/host",
	"-v /var/run/../run/docker.sock:/s", "-v //:/host", "-v /proc:/host", "--mount type=bind,source=/,target=/host", "--mount 'type=bind,src=/,dst=/host'",
	"--mount type=volume,source=xx,target=/y,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/", "--mount type=volume,source=/etc,target=/y",
	"--mount type=BIND,source=/,target=/host", "--mount type=npipe,source=x,target=/y", "--volumes-from other", "--volume-driver local",
	"--pid=host", "--pid host", "--pid container:other", "--ipc=host", "--ipc container:other", "--uts=host", "--userns=host", "--cgroupns=host",
	"--net=host --pid=host", "--network container:other", "--net container:other", "--network other-network", "--network=bridge",
	"--device /dev/sda", "--device=/dev/kvm", "--device /dev/../dev/mem", "--device-cgroup-rule 'a *:* rwm'", "--gpus all", "--gpus=1",
	"--sysctl kernel.shm_rmid_forced=1", "--sysctl=kernel.core_pattern=x", "--cgroup-parent /", "--runtime runc", "--runtime=nvidia",
	"--oom-kill-disable", "--oom-score-adj -1000", "--storage-opt size=1g", "--annotation run.oci.keep_original_groups=1", "--isolation process",
	"--env-file /etc/passwd", "--label-file /etc/passwd", "--env HOME_OF_THE_ENGINE", "-e PATH", "--cidfile /tmp/x", "--link other:alias",
	"--label io.drydock.owner=other", "-l io.drydock.run=1", "-v xx:/.drydock", "-v xx:/.drydock/run", "--tmpfs /.drydock", "-v xx:/proc/1", "--mount type=tmpfs,target=/sys",
	"-v xx:/etc/drydock", "--unknown", "-Z", "--privileged; --x", "ubuntu --privileged", "--detach-keys x", "--use-api-socket",
	`--label a="b" "--privileged"`, "--label a\n--privileged", `--label 'a' --cap"-add" ALL`, "--label=\"x\x00\"",
}

// TestContainerOptionsCannotEscape_Forgejo_6_0: each is refused before anything
// is made, for a job's container; TestServicesCannotEscape has the others.
func TestContainerOptionsCannotEscape_Forgejo_6_0(t *testing.T) {
	for _, options := range append(escapes, "--network host", "--network=host", "--net host", "--group-add 0") {
		if err := docker.CheckOptions("the job's container", options, docker.Policy{}); err == nil {
			t.Errorf("%q is allowed", options)
		}
	}
	for _, options := range []string{"--cpus 1 --memory 512m --user 1001 --hostname h --init --shm-size=1g", "--cap-drop ALL --security-opt no-new-privileges"} {
		if err := docker.CheckOptions("the job's container", options, docker.Policy{}); err != nil {
			t.Errorf("%q: %v", options, err)
		}
	}
}

// TestWorkflowCannotUndoTheOperator: what the operator asks of every container
// stands, whatever the workflow's own options end in.
func TestWorkflowCannotUndoTheOperator(t *testing.T) {
	const operator = "--cap-add=OPERATOR --memory 64m"
	for _, options := range []string{
		"", "--label", "--hostname", "-l", "-e", "--memory 8g --label", `--label a=b\`, `--label a=b\\\`, `--label "a`, "--label 'a", "--",
		"-", "--rm --label", "--name", `--label "a\`, "#", "--env", "--mount", "--platform", `--label a\ `,
	} {
		x := fake.New(fake.Options{})
		attack{
			executor: x, place: runner.Place{Options: operator},
			workflow: job(fmt.Sprintf("container: {image: img, options: %q}\nsteps: [{run: x}]\n", options)),
		}.run(t)
		calls := x.Calls("create")
		if len(calls) == 0 {
			continue // refused before
		}
		got := calls[0].Spec.Options
		// The back end either cannot read it, or comes to the operator's option,
		// which the zero policy would not have either.
		if docker.CheckOptions("x", got, docker.Policy{}) == nil {
			t.Errorf("%q takes the operator's option: %q", options, got)
		}
		if err := docker.CheckOptions("x", got, docker.Policy{AllowPrivileged: true}); err == nil && !strings.HasSuffix(got, "--memory 64m") {
			t.Errorf("%q comes after the operator's: %q", options, got)
		}
	}
}
