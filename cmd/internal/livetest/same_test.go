package livetest

import (
	"regexp"
	"slices"
	"testing"
)

// TestSameJobEverywhere runs one job in a container and on this machine: what
// it prints is the same but for paths.
func TestSameJobEverywhere(t *testing.T) {
	w := newWorld(t)
	w.file("sub/data.txt", "data\n")
	w.file("tool/action.yml", `
name: tool
inputs: {who: {default: nobody}}
outputs: {said: {value: "${{ steps.s.outputs.said }}"}}
runs:
  using: composite
  steps:
    - id: s
      shell: bash
      run: echo "said=hello ${{ inputs.who }}" >> "$GITHUB_OUTPUT"
`)
	w.workflow(`
jobs:
  same:
    runs-on: place
    env: {GREETING: hi, SECRETIVE: "${{ secrets.TOKEN }}"}
    outputs: {o: "${{ steps.tool.outputs.said }}"}
    steps:
      - uses: actions/checkout@v4
      - run: |
          ls -A | grep -v '^\.git$'
          cat sub/data.txt
          echo "$PWD" "$GITHUB_WORKSPACE" "$RUNNER_TEMP"
          echo "LATER=env value" >> "$GITHUB_ENV"
          mkdir -p bin; printf '#!/bin/sh\necho from the path\n' > bin/ours; chmod +x bin/ours
          echo "$PWD/bin" >> "$GITHUB_PATH"
      - {id: tool, uses: ./tool, with: {who: mona}}
      - run: |
          ours; echo "$LATER, $GREETING, $SECRETIVE"
          echo '${{ steps.tool.outputs.said }} ${{ hashFiles('sub/**') }} ${{ runner.os }}'
          echo "::warning file=sub/data.txt,line=1::careful"
          echo "::group::g"; echo inside; echo "::endgroup::"
          echo "::add-mask::tellnobody"; echo tellnobody
      - {run: exit 7, continue-on-error: true, shell: sh}
      - {if: failure(), run: echo never}
      - {working-directory: sub, run: pwd; ls}
  after:
    runs-on: place
    needs: same
    steps: [{run: 'echo got "${{ needs.same.outputs.o }}"'}]
`)
	args := []string{"-s", "TOKEN=opensesame"}
	inDocker := w.pass(append(args, "-P", "place="+bash)...)
	onHost := w.pass(append(args, "-P", "place=host")...)
	a, b := normal(inDocker), normal(onHost)
	if len(a) < 40 {
		t.Fatalf("only %d lines: %q", len(a), a)
	}
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Fatalf("line %d differs:\ndocker:\n%s\nhost:\n%s", i, inDocker.text(), onHost.text())
		}
	}
	for _, l := range []string{"data", "from the path", "env value, hi, ***", "got hello mona", "inside", "***"} {
		if !slices.Contains(a, l) {
			t.Errorf("no line %q in %q", l, a)
		}
	}
}

var (
	workFolder = regexp.MustCompile(`(/home/runner/work|/[^ "]*/host/[^/ "]+/[^/ "]+/work)`)
	randomPart = regexp.MustCompile(`[0-9a-f]{16}[0-9a-f-]*`)
)

// normal are the lines of a run without what differs between any two runs.
func normal(r result) []string {
	var lines []string
	for _, e := range r.events {
		if e.Type != "line" || regexp.MustCompile(`^Place: `).MatchString(e.Text) {
			continue
		}
		lines = append(lines, randomPart.ReplaceAllString(workFolder.ReplaceAllString(e.Text, "WORK"), "ID"))
	}
	return lines
}
