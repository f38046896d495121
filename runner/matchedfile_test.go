package runner

import (
	"slices"
	"testing"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// The files that a problem matcher's annotations name.
func TestMatchedFiles(t *testing.T) {
	const ours, theirs = "\turl = git@github.com:Octo/Demo.git\n", "\turl = https://github.com/octo/other\n"
	r := bench{
		files: map[string]string{
			"m.json": `{"problemMatcher":[
				{"owner":"a","pattern":[{"regexp":"^at (\\S+) of (\\S*): (.*)$","file":1,"fromPath":2,"message":3}]},
				{"owner":"b","severity":"notice","pattern":[{"regexp":"^FILE (.*)$","file":1},{"regexp":"^  (\\d+) (.*)$","line":1,"message":2,"loop":true}]}
			]}`,
			"app/.git/config": ours, "app/x.c": "", "app/src/x.c": "", "app/src/p.proj": "",
			"lib/.git/config": theirs, "lib/x.c": "", "loose.c": "",
		},
		workflow: job(`
steps:
  - run: |
      echo ::add-matcher::m.json
      echo at app/x.c of : relative to the workspace
      echo at $GITHUB_WORKSPACE/app/src/../x.c of : absolute
      echo at x.c of app/src/p.proj: relative to fromPath
      echo at app/none.c of : not there
      echo at app/src of : a folder
      echo at lib/x.c of : another repository
      echo at loose.c of : no repository
      echo at /etc/hosts of : outside
      echo FILE app/x.c
      echo   1 one
      echo   2 two
      echo that is all
      echo   3 three
`)}.within(t)
	r.wantConclusion(plan.Success)
	var got []string
	for _, e := range r.events {
		if a, ok := e.(Annotated); ok {
			got = append(got, a.Message+": "+a.File)
		}
	}
	want := []string{
		"relative to the workspace: x.c", "absolute: x.c", "relative to fromPath: src/x.c",
		"not there: ", "a folder: ", "another repository: ", "no repository: ", "outside: ", "one: x.c", "two: x.c",
	}
	if !slices.Equal(got, want) {
		t.Errorf("annotations %q\nwant %q", got, want)
	}
	r.wantLog("2   3 three")
}

func TestMatchedFileOfAServedCheckout(t *testing.T) {
	r := bench{
		files: map[string]string{"m.json": `{"problemMatcher":[{"owner":"a","pattern":[{"regexp":"^(\\S+): (.*)$","file":1,"message":2}]}]}`},
		workflow: job(`
steps:
  - {uses: actions/checkout@v4, with: {path: sub}}
  - run: |
      echo ::add-matcher::m.json
      echo sub/main.c: here
      echo main.c: not here
`),
		setup: func(e *Engine, j *Job) {
			e.Workspace = copyOfWork{new(bool)}
			j.Checkout = Checkout{Repository: "octo/demo", Served: true}
		}}.within(t)
	r.wantConclusion(plan.Success)
	var got []string
	for _, e := range r.events {
		if a, ok := e.(Annotated); ok {
			got = append(got, a.Message+" "+a.File)
		}
	}
	if want := []string{"here main.c", "not here "}; !slices.Equal(got, want) {
		t.Errorf("annotations %q, want %q", got, want)
	}
}
