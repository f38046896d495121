package local

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	for _, tc := range []struct {
		name, jobs, called string
		want               []string // beginnings of the lines
	}{
		{"known", "  a: {runs-on: ubuntu-latest, steps: [run: x]}", "", nil},
		{"unknown", "  a: {runs-on: gpu, steps: [run: x]}", "",
			[]string{`ci.yml:3:16: runs-on of job "a": no image and no host is known for the label "gpu": map it with -P gpu=IMAGE or -P gpu=host, or under "platforms:" in drydock.yaml`}},
		{"several", "  a: {runs-on: [self-hosted, gpu], steps: [run: x]}", "",
			[]string{`ci.yml:3:16: runs-on of job "a": no image and no host is known for the labels "self-hosted", "gpu": map it`}},
		{"group", "  a: {runs-on: {group: big}, steps: [run: x]}", "", []string{`ci.yml:3:16: runs-on of job "a": nothing is known for the runner group "big"`}},
		{"systems", "  a: {runs-on: windows-latest, steps: [run: x]}\n  b: {runs-on: macos-14, steps: [run: x]}", "",
			[]string{`ci.yml:3:16: runs-on of job "a": label "windows-latest" asks for Windows`, `ci.yml:4:16: runs-on of job "b": label "macos-14" asks for macOS`}},
		{"matrix", "  a:\n    strategy: {matrix: {os: [ubuntu-latest, macos-latest, gpu]}}\n    runs-on: ${{ matrix.os }}\n    steps: [run: x]", "",
			[]string{`ci.yml:5:14: runs-on of job "a (macos-latest)": label "macos-latest"`, `ci.yml:5:14: runs-on of job "a (gpu)": no image`}},
		{"one error for all legs", "  a:\n    strategy: {matrix: {n: [1, 2, 3]}}\n    runs-on: gpu\n    steps: [run: x]", "", []string{`ci.yml:5:14: runs-on of job "a (1)": no image`}},
		{"from JSON", "  a: {runs-on: \"${{ fromJSON('{\\\"labels\\\": [\\\"gpu\\\"]}') }}\", steps: [run: x]}", "", []string{`ci.yml:3:16: runs-on of job "a": no image`}},
		{"surely skipped", "  a: {if: github.event_name == 'release', runs-on: gpu, steps: [run: x]}\n  b: {needs: a, runs-on: gpu, steps: [run: x]}", "", nil},
		{"on failure", "  a: {runs-on: ubuntu-latest, steps: [run: x]}\n  b: {needs: a, if: failure(), runs-on: gpu, steps: [run: x]}", "",
			[]string{`ci.yml:4:41: runs-on of job "b"`}},
		{"condition on outputs", "  a: {runs-on: ubuntu-latest, steps: [run: x]}\n  b: {needs: a, if: needs.a.outputs.x == '1', runs-on: gpu, steps: [run: x]}", "",
			[]string{`ci.yml:4:56: runs-on of job "b"`}},
		{"depends on outputs", "  a: {runs-on: ubuntu-latest, steps: [run: x]}\n  b: {needs: a, runs-on: \"${{ needs.a.outputs.x }}\", steps: [run: x]}", "", nil},
		{"dynamic matrix", "  a: {runs-on: ubuntu-latest, steps: [run: x]}\n  b:\n    needs: a\n    strategy: {matrix: {os: \"${{ fromJSON(needs.a.outputs.x || '[1]') }}\"}}\n    runs-on: ${{ matrix.os }}\n    steps: [run: x]", "", nil},
		{"empty", "  a: {runs-on: \"${{ github.nothing }}\", steps: [run: x]}", "", []string{`ci.yml:3:16: runs-on of job "a": it is empty`}},
		{"broken", "  a: {runs-on: \"${{ fromJSON('[') }}\", steps: [run: x]}", "", []string{`ci.yml:3:16: runs-on of job "a": `}},
		{"called", "  a: {uses: ./called.yml, with: {os: gpu}}", "on:\n  workflow_call:\n    inputs: {os: {type: string}}\njobs:\n  in: {runs-on: \"${{ inputs.os }}\", steps: [run: x]}",
			[]string{`called.yml:5:17: runs-on of job "a / in": no image`}},
		{"called with outputs", "  p: {runs-on: ubuntu-latest, steps: [run: x]}\n  a: {needs: p, uses: ./called.yml, with: {os: \"${{ needs.p.outputs.x }}\"}}",
			"on:\n  workflow_call:\n    inputs: {os: {type: string}}\njobs:\n  in: {runs-on: \"${{ inputs.os }}\", steps: [run: x]}", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Labels(planOf(t, "on: push\njobs:\n"+tc.jobs+"\n", tc.called), known)
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
				var placing *PlaceError
				if !errors.As(err, &placing) || placing.Pos.Line == 0 {
					t.Errorf("no PlaceError: %v", err)
				}
			}
			if len(lines) != len(tc.want) {
				t.Fatalf("got %q, want %q", lines, tc.want)
			}
			for i, want := range tc.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
			}
		})
	}
}

func TestLegs(t *testing.T) {
	p := planOf(t, `on: push
jobs:
  a: {runs-on: ubuntu-latest, strategy: {matrix: {n: [1, 2]}}, steps: [run: x]}
  b: {needs: a, if: failure(), runs-on: ubuntu-latest, steps: [run: x]}
  c: {needs: a, runs-on: "${{ needs.a.outputs.os }}", steps: [run: x]}
  never: {if: github.event_name == 'release', runs-on: ubuntu-latest, steps: [run: x]}
  call: {uses: ./called.yml}
`, "on: workflow_call\njobs:\n  in: {runs-on: ubuntu-latest, steps: [run: x]}")
	var names []string
	for _, leg := range Legs(p) {
		names = append(names, leg.Name)
	}
	slices.Sort(names)
	want := []string{"a (1)", "a (2)", "b", "c", "call / in"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
