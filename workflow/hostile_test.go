package workflow

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHostile bounds the time that the largest and worst files take.
func TestHostile(t *testing.T) {
	size := 1<<20 - 100
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var keys strings.Builder
	for i := 0; keys.Len() < size-100; i++ {
		fmt.Fprintf(&keys, "jobs%d: x\n", i)
	}
	var needs strings.Builder
	needs.WriteString("on: push\njobs:\n  a0: {runs-on: x, steps: [run: a]}\n")
	for i := 1; i < 4000; i++ {
		fmt.Fprintf(&needs, "  a%d: {runs-on: x, needs: [a%d, b%d], steps: [run: a]}\n", i, i-1, i)
	}
	for name, in := range map[string]string{
		"items": fill("-\n"), "comments": fill("#\n"), "open lists": fill("["), "open maps": fill("{"),
		"closed": fill("[]") + "x", "dashes": fill("- "), "questions": fill("? "), "colons": fill(": "),
		"anchors": fill("- &a\n"), "keys": keys.String(), "needs": needs.String(), "one line": "a: " + fill("x"),
		"quotes": `a: "` + fill("x\\\n "), "expressions": "on: push\nname: " + fill("${{a}}"), "tabs": fill("\t"), "tags": fill("!a "),
		"unclosed": "name: " + fill("${{ '"), "flow keys": "{" + fill("a,") + "}", "blank": "a: |\n" + fill(" \n"),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			Parse("f.yml", []byte(in))
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v for %d bytes", took, len(in))
			} else {
				t.Log(took)
			}
		})
	}
}
