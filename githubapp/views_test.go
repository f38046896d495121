package githubapp

import (
	"testing"

	"github.com/drydock-ci/drydock/githubapp/repository"
)

func TestAllowed(t *testing.T) {
	patterns := []repository.RefPattern{{Pattern: "main"}, {Pattern: "release/*"}, {Tag: true, Pattern: "v*"}, {Pattern: "["}}
	for ref, want := range map[string]bool{
		"refs/heads/main": true, "refs/heads/release/1": true, "refs/tags/v1": true,
		"refs/heads/release/1/2": false, "refs/heads/v1": false, "refs/tags/main": false, "refs/heads/mainline": false,
		"refs/pull/1/merge": false, "main": false, "": false, "refs/heads/": false,
	} {
		if got := allowed(patterns, ref); got != want {
			t.Errorf("%q: %v", ref, got)
		}
	}
	if allowed([]repository.RefPattern{}, "refs/heads/main") {
		t.Error("no pattern allows something")
	}
}
