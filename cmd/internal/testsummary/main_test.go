package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lines of "go test -json" as Go 1.26 writes them, shortened
const (
	passing = `{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestOne"}
{"Action":"output","Package":"m/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"pass","Package":"m/a","Test":"TestOne","Elapsed":0}
{"Action":"run","Package":"m/a","Test":"TestOne/sub"}
{"Action":"pass","Package":"m/a","Test":"TestOne/sub","Elapsed":0}
{"Action":"pass","Package":"m/a","Elapsed":0.5}
`
	noTests = `{"Action":"start","Package":"m/none"}
{"Action":"output","Package":"m/none","Output":"?   \tm/none\t[no test files]\n"}
{"Action":"skip","Package":"m/none","Elapsed":0}
`
	skipping = `{"Action":"run","Package":"m/s","Test":"TestDocker"}
{"Action":"output","Package":"m/s","Test":"TestDocker","Output":"=== RUN   TestDocker\n"}
{"Action":"output","Package":"m/s","Test":"TestDocker","Output":"    s_test.go:7: no engine answers\n"}
{"Action":"output","Package":"m/s","Test":"TestDocker","Output":"--- SKIP: TestDocker (0.00s)\n"}
{"Action":"skip","Package":"m/s","Test":"TestDocker","Elapsed":0}
{"Action":"pass","Package":"m/s","Elapsed":0.1}
`
	failing = `{"Action":"run","Package":"m/f","Test":"TestBad"}
{"Action":"output","Package":"m/f","Test":"TestBad","Output":"    f_test.go:9: got 1, want 2\n"}
{"Action":"output","Package":"m/f","Test":"TestBad","Output":"--- FAIL: TestBad (0.00s)\n"}
{"Action":"fail","Package":"m/f","Test":"TestBad","Elapsed":0}
{"Action":"fail","Package":"m/f","Elapsed":0.1}
`
	broken = `{"ImportPath":"m/b [m/b.test]","Action":"build-output","Output":"b/b.go:3:1: undefined: x\n"}
{"ImportPath":"m/b [m/b.test]","Action":"build-fail"}
{"Action":"start","Package":"m/b"}
{"Action":"output","Package":"m/b","Output":"FAIL\tm/b [build failed]\n"}
{"Action":"fail","Package":"m/b","Elapsed":0,"FailedBuild":"m/b [m/b.test]"}
`
	crashed = `{"Action":"run","Package":"m/c","Test":"TestHang"}
{"Action":"output","Package":"m/c","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"m/c","Elapsed":1}
`
)

func TestSummary(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		args     []string
		status   int
		count    string
		says     []string
	}{
		{"pass", passing + noTests, nil, 0, "2 passed, 0 failed, 0 skipped", []string{"ok   m/a 0.5s (2 tests)"}},
		{"skip is counted with its reason", passing + skipping, nil, 0, "2 passed, 0 failed, 1 skipped",
			[]string{"  m/s TestDocker: no engine answers\n"}},
		{"skip fails when asked", passing + skipping, []string{"--fail-on-skip"}, 1, "2 passed, 0 failed, 1 skipped",
			[]string{"a skipped test is a failure here"}},
		{"failure with its output", passing + failing, nil, 1, "2 passed, 1 failed, 0 skipped",
			[]string{"FAIL m/f TestBad\n        f_test.go:9: got 1, want 2\n"}},
		{"build failure", passing + broken, nil, 1, "2 passed, 1 failed, 0 skipped", []string{"undefined: x"}},
		{"crash", crashed, nil, 1, "0 passed, 1 failed, 0 skipped", []string{"(did not finish)", "panic: test timed out"}},
		{"go's own complaint", passing + "go: cannot find main module\n", nil, 1, "2 passed, 0 failed, 0 skipped",
			[]string{"cannot find main module"}},
		{"nothing ran", noTests, nil, 1, "0 passed, 0 failed, 0 skipped", []string{"no test ran"}},
		{"empty", "", nil, 1, "0 passed, 0 failed, 0 skipped", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			if got := run(tc.args, strings.NewReader(tc.in), &out, &errOut); got != tc.status {
				t.Errorf("status %d, want %d", got, tc.status)
			}
			if !strings.HasSuffix(out.String(), "\n"+tc.count+"\n") {
				t.Errorf("does not end with the line %q:\n%s", tc.count, out.String())
			}
			for _, s := range tc.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("does not say %q:\n%s", s, out.String())
				}
			}
		})
	}
}

func TestSummaryFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	var out bytes.Buffer
	if got := run([]string{"--out", file}, strings.NewReader(passing), &out, &out); got != 0 {
		t.Fatalf("status %d: %s", got, out.String())
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := "\n2 passed, 0 failed, 0 skipped\n"; string(got) != want {
		t.Errorf("file holds %q, want %q", got, want)
	}
	if got := run([]string{"--out", t.TempDir()}, strings.NewReader(passing), &out, &out); got != 1 {
		t.Errorf("status %d for an unwritable file, want 1", got)
	}
	if got := run([]string{"--nonsense"}, strings.NewReader(passing), &out, &out); got != 2 {
		t.Errorf("status %d for an unknown flag, want 2", got)
	}
}

// What a second run of the failed tests says, and what is never repeated.
func TestSecondRun(t *testing.T) {
	const (
		nested = `{"Action":"run","Package":"m/n","Test":"TestTop"}
{"Action":"run","Package":"m/n","Test":"TestTop/sub"}
{"Action":"output","Package":"m/n","Test":"TestTop/sub","Output":"    n_test.go:9: too late\n"}
{"Action":"fail","Package":"m/n","Test":"TestTop/sub","Elapsed":0}
{"Action":"fail","Package":"m/n","Test":"TestTop","Elapsed":0}
{"Action":"fail","Package":"m/n","Elapsed":0.1}
`
		raced = `{"Action":"run","Package":"m/r","Test":"TestRace"}
{"Action":"output","Package":"m/r","Test":"TestRace","Output":"    testing.go:1712: race detected during execution of test\n"}
{"Action":"fail","Package":"m/r","Test":"TestRace","Elapsed":0}
{"Action":"fail","Package":"m/r","Elapsed":0.1}
`
	)
	passes := func(s string) string { return strings.ReplaceAll(s, `"Action":"fail"`, `"Action":"pass"`) }
	many := ""
	for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
		many += strings.ReplaceAll(failing, "TestBad", "Test"+name)
	}
	for _, tc := range []struct {
		name, first, repeat, second string
		status                      int
		count, says                 string
	}{
		{"passes then", passing + nested, "m/n TestTop\n", passes(nested), 0, "4 passed, 0 failed, 0 skipped", "UNSTEADY (failed, then passed) m/n TestTop/sub\n        n_test.go:9: too late\n"},
		{"fails again", failing, "m/f TestBad\n", failing, 1, "0 passed, 1 failed, 0 skipped", "FAIL m/f TestBad\n"},
		{"one of two", failing + nested, "m/f TestBad\nm/n TestTop\n", passes(failing) + nested, 1, "1 passed, 2 failed, 0 skipped", "UNSTEADY (failed, then passed) m/f TestBad\n"},
		{"another fails", nested, "m/n TestTop\n", passes(nested) + failing, 1, "2 passed, 1 failed, 0 skipped", "FAIL m/f TestBad\n"},
		{"crashes then", nested, "m/n TestTop\n", crashed, 1, "0 passed, 3 failed, 0 skipped", "FAIL m/c TestHang\n"},
		{"does not build then", nested, "m/n TestTop\n", broken, 1, "0 passed, 3 failed, 0 skipped", "undefined: x"},
		{"nothing ran", failing, "m/f TestBad\n", "", 1, "0 passed, 1 failed, 0 skipped", "FAIL m/f TestBad\n"},
		{"data race", failing + raced, "", passes(failing + raced), 1, "1 passed, 1 failed, 0 skipped", "FAIL m/r TestRace\n"},
		{"crash", failing + crashed, "", passes(failing), 1, "1 passed, 1 failed, 0 skipped", "FAIL m/c TestHang\n"},
		{"build", failing + broken, "", "", 1, "0 passed, 2 failed, 0 skipped", "undefined: x"},
		{"many", many, "", "", 1, "0 passed, 6 failed, 0 skipped", "FAIL m/f TestF\n"},
		{"none", passing, "", "", 0, "2 passed, 0 failed, 0 skipped", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			repeat, second := filepath.Join(t.TempDir(), "repeat"), filepath.Join(t.TempDir(), "second")
			var out, errOut bytes.Buffer
			run([]string{"--repeat", repeat}, strings.NewReader(tc.first), &out, &errOut)
			if got, err := os.ReadFile(repeat); err != nil || string(got) != tc.repeat {
				t.Errorf("repeats %q (%v), want %q", got, err, tc.repeat)
			}
			if err := os.WriteFile(second, []byte(tc.second), 0o600); err != nil {
				t.Fatal(err)
			}
			out.Reset()
			if got := run([]string{"--second", second}, strings.NewReader(tc.first), &out, &errOut); got != tc.status {
				t.Errorf("status %d, want %d: %s", got, tc.status, errOut.String())
			}
			if !strings.HasSuffix(out.String(), "\n"+tc.count+"\n") || !strings.Contains(out.String(), tc.says) {
				t.Errorf("want %q and %q:\n%s", tc.says, tc.count, out.String())
			}
		})
	}
}
