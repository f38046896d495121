package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// What a hostile file may cost.
const (
	hostileTime   = time.Minute // a second, on a machine that has nothing else to do
	hostileMemory = 256 << 20
)

// hostile are inputs that must give a clear error, with a part of its text.
var hostile = []struct {
	name, want string
	input      func() string
}{
	{"2 MiB of aliases", "The file has", func() string { return aliasBomb(9, 2<<20) }},
	{"aliases within the size", "Maximum YAML nodes exceeded", func() string { return aliasBomb(30, 0) }},
	{"one alias a thousand times", "Maximum YAML nodes exceeded", func() string {
		return "a: &a [" + strings.Repeat("x,", 1000) + "]\nb: [" + strings.Repeat("*a,", 1000) + "]\n"
	}},
	{"an alias of itself", "stands inside what it stands for", func() string { return "on: push\njobs: &a {b: *a}\n" }},
	{"10,000 open brackets", "", func() string { return "on: " + strings.Repeat("[", 10_000) }},
	{"10,000 nested lists", "", func() string { return "on: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) }},
	{"10,000 nested mappings", "", func() string { return "on: " + strings.Repeat("{a: ", 10_000) + strings.Repeat("}", 10_000) }},
	{"a thousand nested lists", "Maximum object depth exceeded", func() string { return "on: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) }},
	{"deep indents", "", func() string {
		var b strings.Builder
		for i := range 1000 {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}},
	{"invalid UTF-8", "UTF-8", func() string { return "on: push\nname: \"\xff\xfe\"\n" }},
	{"control characters", "control characters", func() string { return "on: push\nname: a\x00b\x07\n" }},
	{"an expression of 1 MB", "Exceeded max expression length", func() string {
		return "on: push\njobs: {a: {runs-on: x, if: \"" + strings.Repeat("a&&", 300_000) + "a\", steps: [run: a]}}\n"
	}},
	{"a megabyte of brackets in an expression", "Exceeded max expression length", func() string {
		return "on: push\nname: x\nrun-name: ${{ " + strings.Repeat("(", 500_000) + " }}\njobs: {a: {runs-on: x, steps: [run: a]}}\n"
	}},
	{"deep brackets in an expression", "Unexpected end of expression", func() string {
		return "on: push\nrun-name: ${{ " + strings.Repeat("(", 20_000) + " }}\njobs: {a: {runs-on: x, steps: [run: a]}}\n"
	}},
	{"deep calls in an expression", "Exceeded max expression depth", func() string {
		return "on: push\nrun-name: ${{ " + strings.Repeat("toJSON(", 2_000) + "1" + strings.Repeat(")", 2_000) + " }}\njobs: {a: {runs-on: x, steps: [run: a]}}\n"
	}},
	{"a matrix of 10,000 legs", "256", func() string { return matrixFile(100, 2) }},
	{"a matrix of 10^12 legs", "more than 65536 combinations", func() string { return matrixFile(100, 6) }},
	{"calls in a circle", "calls itself", func() string { return "on: [push, workflow_call]\njobs: {a: {uses: ./loop.yml}}\n" }},
}

// aliasBomb doubles a list again and again; filler makes the file larger.
func aliasBomb(levels, filler int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := 1; i < levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1)
	}
	for b.Len() < filler {
		b.WriteString("# " + strings.Repeat("x", 100) + "\n")
	}
	return b.String()
}

func matrixFile(values, vectors int) string {
	var b strings.Builder
	b.WriteString("on: push\njobs:\n  a:\n    runs-on: x\n    steps: [run: a]\n    strategy:\n      matrix:\n")
	for v := range vectors {
		fmt.Fprintf(&b, "        v%d: [%s]\n", v, strings.TrimSuffix(strings.Repeat("1, ", values), ", "))
	}
	return b.String()
}

// TestHostileInput reads each in a process of its own, so that its memory can
// be bounded and a crash would be seen.
func TestHostileInput(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestHostileChild$", "-test.v")
			cmd.Env = append(os.Environ(), "DRYDOCK_HOSTILE="+h.name)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%.2000s", err, out)
			}
			_, after, _ := strings.Cut(string(out), "took ")
			first, _, _ := strings.Cut(after, "\n")
			t.Log("took " + first)
		})
	}
}

// TestHostileChild is the process; alone it does nothing.
func TestHostileChild(t *testing.T) {
	name := os.Getenv("DRYDOCK_HOSTILE")
	for _, h := range hostile {
		if h.name != name {
			continue
		}
		text := h.input()
		debug.SetMemoryLimit(hostileMemory)
		start := time.Now()
		err := readAll(t, text)
		took := time.Since(start)
		peak, found := peakMemory()
		t.Logf("took %v, at most %d MiB: %.200s", took.Round(time.Millisecond), peak>>20, fmt.Sprint(err))
		switch {
		case err == nil:
			t.Error("there is no error")
		case !strings.Contains(err.Error(), h.want):
			t.Errorf("the error does not say %q: %.500s", h.want, err)
		case len(err.Error()) > 64<<10:
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
		if took > hostileTime {
			t.Errorf("it took %v", took)
		}
		if found && peak > hostileMemory {
			t.Errorf("it took %d MiB", peak>>20)
		}
	}
}

// readAll parses, plans and starts a workflow whose calls come back to it.
func readAll(t *testing.T, text string) error {
	w, found := workflow.Parse("loop.yml", []byte(text))
	if err := found.Err(); err != nil {
		return err
	}
	load := func(_ context.Context, _ plan.Source, uses string) (plan.Source, []byte, error) {
		return plan.Source{Path: strings.TrimPrefix(uses, "./")}, []byte(text), nil
	}
	p, err := plan.Build(t.Context(), w, plan.Source{Path: "ci.yml"}, "push", map[string]expr.Value{}, load)
	if err != nil {
		return err
	}
	for _, d := range plan.NewState(p).Start() {
		if d.Action == plan.Fail {
			return errors.New(d.Reason)
		}
	}
	return nil
}

// peakMemory is the most that this process had resident, where the system says it.
func peakMemory() (int, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, after, found := strings.Cut(string(status), "VmHWM:")
	var kb int
	if _, err := fmt.Sscan(after, &kb); !found || err != nil {
		return 0, false
	}
	return kb << 10, true
}
