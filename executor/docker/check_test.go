package docker

import (
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

func TestCheckOptions(t *testing.T) {
	for options, want := range map[string]executor.ErrorKind{
		"":                       "",
		"--platform linux/amd64": "",
		"--privileged":           executor.Refused,
		"--network host":         executor.Refused,
		"--cpus many":            executor.Invalid,
		"--env 'A":               executor.Invalid,
	} {
		err := CheckOptions("--container-options", options, Policy{})
		if want == "" && err != nil || want != "" && !executor.IsKind(err, want) {
			t.Errorf("%q: got %v, want kind %q", options, err, want)
		}
	}
	if err := CheckOptions("--container-options", "--privileged", Policy{AllowPrivileged: true}); err != nil {
		t.Error(err)
	}
}
