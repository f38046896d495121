package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const everything = `on:
  push: {branches: [main], paths: [a]}
  schedule: [{cron: '0 1 * * *'}]
  workflow_dispatch: {inputs: {who: {type: string}}}
permissions: {id-token: write}
concurrency: x
jobs:
  a:
    runs-on: ubuntu-latest
    timeout-minutes: 3
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
		"2:21 event filters", "2:36 path filters", "4:32 inputs", "3:14 schedule", "21:12 needs", "17:13 conditions", "22:15 matrix",
		"10:22 timeouts", "25:13 reusable workflows", "18:9 background steps", "12:16 container", "13:15 services",
		"9:14 hosted machine", "23:28 windows or macos", "18:23 secrets", "18:40 GITHUB_TOKEN", "5:14 permissions",
		"6:14 concurrency", "11:18 environment", "15:15 caches", "16:15 artifacts", "5:14 OIDC tokens",
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
	if err := printFeatures(&out, mapped); err != nil || !strings.HasPrefix(out.String(), "ci.yml:15:15  not yet ") {
		t.Errorf("got %s %v", out.String(), err)
	}
}

// TestFeatureTable: each feature once, and what is not exact says what that means.
func TestFeatureTable(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range features {
		if seen[f.name] || f.standing != exact && f.note == "" && f.standing != notYet {
			t.Errorf("%q stands twice, or without saying what it means", f.name)
		}
		seen[f.name] = true
	}
}
