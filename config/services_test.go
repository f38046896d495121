package config

import (
	"strings"
	"testing"
)

// What a repository's services mean is githubapp/pipeline/declaration's to say; here they
// must neither stop a run nor hide a mistyped setting.
func TestServicesOfTheRepository(t *testing.T) {
	src := "max_parallel: 3\nservices:\n  agenda: {path: services/agenda, image: agenda}\n"
	values, errs := parseFile("drydock.yaml", []byte(src), FromProjectFile)
	if len(errs) != 0 || len(values) != 1 {
		t.Errorf("%v, %v", values, errs)
	}
	if _, errs = parseFile("drydock.yaml", []byte(src), FromUserFile); len(errs) != 1 || !strings.Contains(errs[0].Error(), `unknown key "services.agenda"`) {
		t.Errorf("in a user's file: %v", errs)
	}
	if _, errs = parseFile("drydock.yaml", []byte("services: {run_step: true}"), FromProjectFile); len(errs) != 1 || !strings.Contains(errs[0].Error(), `did you mean "services.run_steps"`) {
		t.Errorf("a mistyped setting: %v", errs)
	}
}
