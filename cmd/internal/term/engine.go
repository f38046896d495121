package term

import (
	"strings"

	"github.com/drydock-ci/drydock/runner"
)

// engineWords are what the docker program, buildx and Docker's libraries print
// when there is no engine, in small letters.
var engineWords = []string{"cannot connect to the docker daemon", "failed to connect to the docker api", "docker.sock"}

// missedEngine tells whether a failed step looked for a container engine in
// vain. Its words are a stranger's, so they only decide whether a hint is shown.
func missedEngine(f failure, j *runner.JobFinished) bool {
	found := func(text string) bool {
		text = strings.ToLower(text)
		for _, w := range engineWords {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	if j.FirstError != nil && found(j.FirstError.Message) {
		return true
	}
	for _, l := range f.lines {
		if found(l.text) {
			return true
		}
	}
	return false
}
