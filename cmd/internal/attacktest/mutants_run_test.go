//go:build mutants

package attacktest

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var only = flag.String("mutant", "", "run the mutants whose defence or test matches this regular expression")

// TestMutants turns each defence off, one at a time, and wants its test to
// fail. Nothing in the work tree changes: the changed file lies elsewhere and
// the build is told to read it instead (go help build, -overlay).
func TestMutants(t *testing.T) {
	pattern, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	survived, skipped := 0, 0
	for _, m := range mutants {
		if !pattern.MatchString(m.defence) && !pattern.MatchString(m.test) {
			continue
		}
		verdict := "killed"
		start := time.Now()
		switch {
		case m.docker && os.Getenv("DRYDOCK_TEST_DOCKER") != "1":
			verdict = "needs DRYDOCK_TEST_DOCKER=1"
			skipped++
		default:
			if err := m.kill(t.TempDir()); err != nil {
				verdict = "SURVIVED: " + err.Error()
				survived++
			}
		}
		fmt.Fprintf(&table, "%-52s %-58s %5.1f s  %s\n", m.defence, m.test, time.Since(start).Seconds(), verdict)
	}
	fmt.Fprint(os.Stdout, table.String())
	if survived > 0 || skipped > 0 {
		t.Errorf("%d mutants survived, %d were not tried", survived, skipped)
	}
}

// kill runs the test of a mutant; nil: it failed, as it should.
func (m mutant) kill(dir string) error {
	top, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	file := filepath.Join(top, m.file)
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if strings.Count(string(src), m.old) != 1 {
		return errors.New("the text to change is not in the file")
	}
	changed := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(src), m.old, m.new, 1)), 0o600); err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return err
	}
	cmd := exec.Command("go", "test", "-count=1", "-vet=off", "-ldflags=-w", "-timeout=5m", "-run", "^"+m.test+"$", "./"+m.folder())
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "GOFLAGS=-overlay="+list)
	if strings.HasPrefix(m.file, "executor/helper/") { // the helper is built anew, with the change
		cmd.Env = append(cmd.Env, "DRYDOCK_HELPER=")
	}
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case err == nil && strings.Contains(text, "no tests to run"):
		return errors.New("no such test")
	case err == nil:
		return errors.New("its test passes")
	case strings.Contains(text, "--- SKIP"):
		return errors.New("its test is skipped")
	case !strings.Contains(text, "--- FAIL: "+m.test) && !strings.Contains(text, "panic: "):
		return fmt.Errorf("it could not be tried: %s", firstLines(text, 6))
	}
	return nil
}

func firstLines(text string, n int) string {
	lines := strings.SplitN(text, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], " / ")
}
