package services

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/drydock-ci/drydock/workflow"
)

// header says what starts the services. Only one run of a branch or pull request is
// at work, or of all tags, the others wait in their order: an older one that ends
// later would move tags of images back. Packages can be written where the zone of the run leaves that.
const header = `name: ` + WorkflowName + `
on:
  push:
  pull_request:
  workflow_dispatch:
    inputs:
      ` + inputServices + `:
        description: names, with commas between them, that are built whatever changed; empty is all
        type: string
        default: ""
      ` + inputPublish + `:
        description: push what is made, where the settings of the server allow it
        type: boolean
        default: true
concurrency:
  group: drydock-services-${{ startsWith(github.ref, 'refs/tags/') && 'refs/tags' || github.ref }}
  queue: max
permissions:
  contents: read
  packages: write
jobs:
`

// The inputs of a run that somebody starts by hand.
const (
	inputServices = "services"
	inputPublish  = "publish"
)

// Workflow is the workflow without its jobs: what it listens to, and its inputs.
func Workflow() (*workflow.Workflow, error) {
	w, problems := workflow.Parse(File, Dispatched())
	return w, problems.Err()
}

// Dispatched is the text of that workflow, for forms.
func Dispatched() []byte {
	return []byte(header + "  none: {runs-on: " + Executor + ", steps: [{uses: " + uses + "}]}\n")
}

// generate writes the workflow: a job for each service.
func generate(jobs []With) ([]byte, error) {
	var b strings.Builder
	b.WriteString(header)
	known := map[string]bool{}
	for _, w := range jobs {
		known[w.Service] = true
	}
	circle := inCircle(jobs)
	for _, w := range jobs {
		var needs []string
		for _, need := range w.Needs {
			if known[need] && !(circle[need] && circle[w.Service]) {
				needs = append(needs, quote(string(JobID(need))))
			}
		}
		if circle[w.Service] && w.Problem == "" {
			w.Problem = fmt.Sprintf("the images of services are made from each other: %q needs itself", w.Service)
		}
		// A job whose needs failed or were left out is for its worker to judge.
		fmt.Fprintf(&b, "  %s:\n    name: %s\n    runs-on: %s\n    needs: [%s]\n    if: ${{ !cancelled() }}\n    steps:\n      - uses: %s\n        with:\n",
			quote(string(JobID(w.Service))), literal(w.Service), Executor, strings.Join(needs, ", "), uses)
		pairs, err := w.pairs()
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			fmt.Fprintf(&b, "          %s: %s\n", p[0], literal(p[1]))
		}
	}
	return []byte(b.String()), nil
}

// inCircle finds services that need themselves: images that are made from each
// other. What the declaration says of that is checked when it is read.
func inCircle(jobs []With) map[string]bool {
	needs := map[string][]string{}
	for _, w := range jobs {
		needs[w.Service] = w.Needs
	}
	circle := map[string]bool{}
	for _, w := range jobs {
		seen := map[string]bool{}
		for waiting := slices.Clone(w.Needs); len(waiting) > 0; waiting = waiting[1:] {
			next := waiting[0]
			circle[w.Service] = circle[w.Service] || next == w.Service
			if !seen[next] {
				seen[next] = true
				waiting = append(waiting, needs[next]...)
			}
		}
	}
	return circle
}

// literal writes a text that is no expression, whatever it holds.
func literal(text string) string {
	return quote(strings.ReplaceAll(text, "${{", "${{ '$' }}{{"))
}

// quote writes a text in YAML's double quotes, with all that is not plainly printed
// escaped (YAML 1.2, 5.7). What is no UTF-8 becomes U+FFFD.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < unicode.MaxASCII && unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
