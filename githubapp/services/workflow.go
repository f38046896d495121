package services

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/drydock-ci/drydock/workflow"
)

// dispatch is how the services are started by hand.
const dispatch = `name: Services
on:
  workflow_dispatch:
    inputs:
      services:
        description: names, with commas between them; these are built whatever changed. Empty is all
        type: string
        default: ""
      publish:
        description: push what is made, where the server's settings allow it
        type: boolean
        default: true
`

// generate writes the workflow of services: a job for each.
func generate(jobs []With) ([]byte, error) {
	var b strings.Builder
	b.WriteString(dispatch)
	b.WriteString("jobs:\n")
	known := map[string]bool{}
	for _, w := range jobs {
		known[w.Service] = true
	}
	for _, w := range jobs {
		fmt.Fprintf(&b, "  %s:\n    name: %s\n    runs-on: %s\n    if: ${{ !cancelled() }}\n    needs: [", quote(string(JobID(w.Service))), quote(w.Service), Executor)
		n := 0
		for _, need := range w.Needs {
			if known[need] && need != w.Service {
				if n++; n > 1 {
					b.WriteString(", ")
				}
				b.WriteString(quote(string(JobID(need))))
			}
		}
		fmt.Fprintf(&b, "]\n    steps:\n      - uses: %s\n        with:\n", uses)
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

// Workflow is the workflow that has no jobs yet: what `workflow_dispatch` asks for.
func Workflow() (*workflow.Workflow, error) {
	w, problems := workflow.Parse(File, []byte(dispatch+"jobs:\n  none:\n    runs-on: "+Executor+"\n    steps: [{run: 'true'}]\n"))
	return w, problems.Err()
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
