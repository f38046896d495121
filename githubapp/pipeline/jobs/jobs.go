package jobs

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/workflow"
)

// Command makes the workflow that a test's command in an image stands for.
func Command(s *declaration.Service) (w *workflow.Workflow, source []byte, err error) {
	text := func(s string) string { b, _ := json.Marshal(s); return string(b) } // YAML reads it too
	source = fmt.Appendf(nil, `on: push
jobs:
  test:
    name: %s
    runs-on: ubuntu-latest
    container: %s
    steps:
      - uses: actions/checkout@v4
      - run: %s
        working-directory: %s
`, text("test of "+s.Name.Text), text(s.Test.Image.Text), text(s.Test.Run.Text), text(s.Path.Text))
	w, problems := workflow.Parse(declaration.FileName, source)
	if problems.HasErrors() {
		return nil, nil, fmt.Errorf("%s:%d: the test of %q: %s", declaration.FileName, s.Test.Run.Pos.Line, s.Name.Text, problems[0].Message)
	}
	return w, source, nil
}

// Event is the event that a workflow is run by for a service: a push, or what else
// a person would start it with.
func Event(w *workflow.Workflow) string {
	for _, name := range []string{"push", "workflow_dispatch", "workflow_call", "pull_request"} {
		if w.On.Trigger(name) != nil {
			return name
		}
	}
	if len(w.On.Triggers) > 0 {
		return w.On.Triggers[0].Event
	}
	return "push"
}

// Env tells jobs what they work for; what env says already stays.
func Env(env map[string]string, r pipeline.Request) map[string]string {
	refs := make([]string, len(r.Tags))
	for i, tag := range r.Tags {
		refs[i] = r.Service.Image.Text + ":" + tag
	}
	out := map[string]string{
		"SERVICE_NAME": r.Service.Name.Text, "SERVICE_PATH": r.Service.Path.Text, "SERVICE_IMAGE": r.Service.Image.Text,
		"SERVICE_VERSION": r.Version, "SERVICE_TAGS": strings.Join(r.Tags, ","), "SERVICE_REFERENCES": strings.Join(refs, ","),
		"SOURCE_DATE_EPOCH": strconv.FormatInt(r.Epoch.Unix(), 10),
	}
	maps.Copy(out, env)
	return out
}
