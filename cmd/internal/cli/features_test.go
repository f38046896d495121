package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/workflow"
)

const everything = `run-name: x
on:
  push: {branches: [main], paths: [a]}
  schedule: [{cron: '0 1 * * *'}]
  workflow_dispatch: {inputs: {who: {type: string}}}
permissions: {id-token: write}
concurrency: x
jobs:
  a:
    runs-on: ubuntu-latest
    timeout-minutes: 3
    outputs: {x: 1}
    continue-on-error: true
    environment: production
    container: alpine
    services: {db: {image: postgres}}
    steps:
      - uses: actions/cache/restore@v4
      - uses: Actions/Upload-Artifact@v4
        if: always()
      - run: echo ${{ secrets.A }} ${{ github.token }}
        background: true
  b:
    needs: a
    strategy: {matrix: {os: [windows-latest, linux-box]}}
    runs-on: [self-hosted, windows]
    steps: [{run: echo}]
  c: {uses: ./.github/workflows/c.yml}
`

func TestFeatureRows(t *testing.T) {
	f := parsed(t, everything)
	f.source = []byte(everything)
	var got []string
	for _, r := range featureRows([]file{f, {path: "broken.yml"}}, nil) {
		got = append(got, fmt.Sprintf("%d:%d %s", r.Line, r.Column, r.Feature))
	}
	want := []string{
		"3:21 event filters", "3:36 path filters", "5:32 inputs", "4:14 schedule", "24:12 needs", "20:13 conditions", "25:15 matrix",
		"11:22 timeouts", "28:13 reusable workflows", "21:9 background steps", "15:16 container", "16:15 services",
		"10:14 hosted machine", "26:28 windows or macos", "21:23 secrets", "21:40 GITHUB_TOKEN", "6:14 permissions",
		"7:14 concurrency", "14:18 environment", "18:15 caches", "19:15 artifacts", "6:14 OIDC tokens",
		"1:11 run name", "12:15 job outputs", "13:24 continue-on-error",
	}
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	mapped := featureRows([]file{f}, map[string]string{"windows": "host", "ubuntu-latest": "host"})
	for _, r := range mapped {
		if r.Feature == "windows or macos" || r.Feature == "hosted machine" {
			t.Errorf("the label is mapped: %+v", r)
		}
	}
	var out bytes.Buffer
	if err := printFeatures(&out, mapped); err != nil || !strings.HasPrefix(strings.Join(strings.Fields(out.String()), " "), "ci.yml:1:11 emulated run name ") {
		t.Errorf("got %s %v", out.String(), err)
	}
}

// TestFeatureTable: each feature once, and what is not exact says what that means.
func TestFeatureTable(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range features {
		if seen[f.name] || f.standing != exact && f.note == "" {
			t.Errorf("%q stands twice, or without saying what it means", f.name)
		}
		seen[f.name] = true
	}
}

const checkouts = `on: push
jobs:
  a:
    runs-on: {group: big, labels: x}
    steps:
      - uses: actions/checkout@v4
        with: {lfs: true, ssh-key: "${{ secrets.KEY }}"}
      - uses: actions/checkout@v4
        with: {lfs: false, ssh-key: ""}
      - uses: Actions/Checkout@v4
        with: {lfs: "${{ vars.LFS }}"}
      - uses: actions/checkout@v4
        with: {repository: octo/other, lfs: true, ssh-key: x}
      - {uses: actions/checkout@v4}
      - uses: other/checkout@v4
        with: {lfs: true}
`

func TestIgnoredFeatures(t *testing.T) {
	f := parsed(t, checkouts)
	places := func(waived ...string) string {
		m := map[string]bool{}
		for _, id := range waived {
			m[id] = true
		}
		var got []string
		for _, d := range ignoredFeatures(f, nil, m) {
			if d.Severity != workflow.Error || d.Code != "ignored-feature" || d.File != "ci.yml" {
				t.Errorf("got %+v", d)
			}
			name, _, _ := strings.Cut(d.Message, " is ignored: ")
			if want := "--waive " + featureID(name) + ", or " + featureID(name) + " under check.waive"; !strings.Contains(d.Hint, want) {
				t.Errorf("%q does not say %q", d.Hint, want)
			}
			got = append(got, fmt.Sprintf("%d:%d %s", d.Pos.Line, d.Pos.Column, name))
		}
		return strings.Join(got, ", ")
	}
	if got := places(); got != "7:36 checkout ssh-key, 7:21 checkout lfs, 11:21 checkout lfs" {
		t.Errorf("got %s", got)
	}
	if got := places("checkout-lfs"); got != "7:36 checkout ssh-key" {
		t.Errorf("waived: %s", got)
	}
	if got := ignoredFeatures(file{path: "broken.yml"}, nil, nil); got != nil {
		t.Errorf("broken: %v", got)
	}
}

func TestWaivers(t *testing.T) {
	a := &app{config: &config.Config{Check: config.Check{Waive: []string{"checkout-lfs"}}}}
	got, err := a.waivers([]string{"Checkout SSH-key", " needs "})
	if err != nil || len(got) != 3 || !got["checkout-lfs"] || !got["checkout-ssh-key"] || !got["needs"] {
		t.Errorf("got %v %v", got, err)
	}
	for _, tc := range []struct {
		config, flag []string
		want         string
	}{
		{nil, []string{"checkout-lsf"}, `--waive: there is no feature "checkout-lsf"`},
		{nil, []string{"checkout-lsf"}, `(did you mean checkout-lfs?)`},
		{[]string{"x"}, nil, `configuration "check.waive" (default): there is no feature "x"`},
	} {
		a.config.Check.Waive = tc.config
		if _, err := a.waivers(tc.flag); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

// TestSayIgnored: a run says once what it passes over, and goes on.
func TestSayIgnored(t *testing.T) {
	var said bytes.Buffer
	a := &app{stderr: &said, config: &config.Config{}}
	f := parsed(t, checkouts)
	if err := a.sayIgnored([]file{f}, false); err != nil || strings.Count(said.String(), "\n") != 2 ||
		!strings.HasPrefix(said.String(), "drydock: ci.yml:7:36: checkout ssh-key is ignored: ") {
		t.Errorf("got %q %v", said.String(), err)
	}
	said.Reset()
	if err := a.sayIgnored([]file{f}, true); err != nil || said.Len() > 0 {
		t.Errorf("quiet: %q %v", said.String(), err)
	}
	a.config.Check.Waive = []string{"checkout-lfs", "checkout-ssh-key"}
	if err := a.sayIgnored([]file{f}, false); err != nil || said.Len() > 0 {
		t.Errorf("waived: %q %v", said.String(), err)
	}
}
