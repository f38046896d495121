package runner

import (
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/plan"
)

const (
	sumOfX   = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	ociImage = "oci://ghcr.io/o/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// lists are the GITHUB_ARTIFACTS_LIST that each process was given.
func (r *ran) lists() []string {
	var all []string
	for _, c := range r.fake.Commands() {
		for _, f := range c.Files {
			if strings.Contains(f.Path, "/artifacts_list_") {
				if c.Env["GITHUB_ARTIFACTS_LIST"] != f.Path {
					r.t.Errorf("GITHUB_ARTIFACTS_LIST is %q, the file %q", c.Env["GITHUB_ARTIFACTS_LIST"], f.Path)
				}
				all = append(all, string(f.Data))
			}
		}
	}
	return all
}

func TestArtifactsOfTheJob(t *testing.T) {
	r := bench{
		files: map[string]string{"out/app.tgz": "x"},
		actions: map[string]map[string]string{"c/c@v1": composite("", `
- {run: "to GITHUB_ARTIFACTS `+ociImage+`", shell: sh}
- {run: echo, shell: sh}
`)},
		workflow: job(`
steps:
  - run: |
      to GITHUB_ARTIFACTS # what this step made
      to GITHUB_ARTIFACTS out/app.tgz
      write $GITHUB_ARTIFACTS_LIST nonsense
    working-directory: out
  - uses: c/c@v1
  - run: to GITHUB_ARTIFACTS file://$GITHUB_WORKSPACE/out/app.tgz
  - run: echo ${{ github.artifacts_list == '' }} ${{ github.artifacts == '' }}
`)}.run(t)
	r.wantConclusion(plan.Success)
	app := `{"name":"app.tgz","digest":"` + sumOfX + `","kind":"file"}`
	image := `{"name":"ghcr.io/o/app","digest":"` + ociImage[strings.Index(ociImage, "sha256"):] + `","kind":"oci"}`
	want := []string{
		`{"version":1,"subjects":[]}`,
		`{"version":1,"subjects":[` + app + `]}`,
		`{"version":1,"subjects":[` + app + "," + image + `]}`,
		`{"version":1,"subjects":[` + app + "," + image + `]}`,
		`{"version":1,"subjects":[` + app + "," + image + `]}`,
	}
	if got := r.lists(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r.wantLog("2 1 artifacts of this step are noted, 1 of the job so far", "5 false false")
}

func TestArtifactsThatAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"no/such":              "no such file",
		"dir":                  "no regular file",
		"a=b":                  "reserved",
		"https://x/y":          "unsupported scheme",
		"oci://app@sha256:abc": "64 hexadecimal digits",
	} {
		r := bench{
			files:    map[string]string{"a": "1", "dir/x": "1"},
			workflow: job("steps:\n  - run: |\n      to GITHUB_ARTIFACTS a\n      to GITHUB_ARTIFACTS " + line + "\n  - run: echo\n    if: always()\n"),
		}.run(t)
		r.wantConclusion(plan.Failure)
		if !strings.Contains(r.Steps[1].Reason, want) {
			t.Errorf("%q: reason %q", line, r.Steps[1].Reason)
		}
		if got := r.lists()[1]; got != `{"version":1,"subjects":[]}` {
			t.Errorf("%q: the list is %s", line, got)
		}
	}
}

func TestArtifactDeclaredTwice(t *testing.T) {
	r := bench{
		files:    map[string]string{"a/x": "1", "b/x": "2"},
		workflow: job("steps:\n  - run: to GITHUB_ARTIFACTS a/x\n  - run: to GITHUB_ARTIFACTS b/x\n"),
	}.run(t)
	r.wantConclusion(plan.Failure)
	if !strings.Contains(r.Steps[2].Reason, "was declared as") {
		t.Errorf("reason %q", r.Steps[2].Reason)
	}
}
