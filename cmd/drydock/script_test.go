package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// built is the folder of the programs that TestMain builds.
var built string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "drydock-script-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = dir
	const module = "github.com/drydock-ci/drydock/"
	builds := [][]string{{"-o", filepath.Join(dir, "drydock"), "-ldflags", "-X " + module + "cmd/internal/cli.Version=v0.0.0-test", module + "cmd/drydock"}}
	// A helper that is embedded may be older than the sources.
	if os.Getenv("DRYDOCK_HELPER") == "" {
		builds = append(builds, []string{"-o", filepath.Join(dir, "drydock-helper"), module + "cmd/drydock-helper"})
		os.Setenv("DRYDOCK_HELPER", filepath.Join(dir, "drydock-helper"))
	}
	for _, args := range builds {
		cmd := exec.Command("go", append([]string{"build", "-trimpath"}, args...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build %s: %v\n%s", strings.Join(args, " "), err, out)
			return 1
		}
	}
	return m.Run()
}

// TestScript runs the stories in testdata/script: what people type, and what
// they see. Beside testscript's own commands there are those below.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"repo": repository, "code": exitCode, "lines": countLines,
			"jsonlines": jsonLines, "json": jsonFile, "tree": tree, "nothingleft": nothingLeft,
		},
	})
}

func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	env.Setenv("PATH", built+string(os.PathListSeparator)+os.Getenv("PATH"))
	env.Setenv("DRYDOCK_HELPER", os.Getenv("DRYDOCK_HELPER"))
	env.Setenv("ARCH", runtime.GOARCH)
	env.Setenv("REAL_DOCKER_HOST", os.Getenv("DOCKER_HOST"))
	env.Setenv("DOCKER_HOST", "unix:///nonexistent") // no script needs the engine by accident
	for name, value := range map[string]string{
		"HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "NO_COLOR": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
	} {
		env.Setenv(name, value)
	}
	return nil
}

func condition(cond string) (bool, error) {
	switch cond {
	case "docker":
		return os.Getenv("DRYDOCK_TEST_DOCKER") == "1", nil
	case "node":
		// node 20 or 24, as GitHub's actions need it
		out, err := exec.Command("node", "--version").Output()
		major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
		n, _ := strconv.Atoi(major)
		return err == nil && n >= 20, nil
	case "namespaces":
		return runtime.GOOS == "linux" && exec.Command("unshare", "-n", "true").Run() == nil, nil
	case "user":
		return os.Getuid() != 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// repository makes a git repository of the working directory: repo [DIR].
func repository(ts *testscript.TestScript, neg bool, args []string) {
	dir := "."
	if len(args) > 0 {
		dir = args[0]
	}
	for _, git := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", "Begin"}} {
		ts.Check(ts.Exec("git", append([]string{"-C", ts.MkAbs(dir)}, git...)...))
	}
}

// exitCode runs a program and looks at its exit code: code 2 drydock run.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// countLines holds a file's number of lines against one: lines 1 stderr.
func countLines(ts *testscript.TestScript, neg bool, args []string) {
	text := strings.TrimSuffix(ts.ReadFile(args[1]), "\n")
	n := 0
	if text != "" {
		n = strings.Count(text, "\n") + 1
	}
	if (strconv.Itoa(n) == args[0]) == neg {
		ts.Fatalf("%s has %d lines, want %s", args[1], n, args[0])
	}
}

// jsonLines says that every line of a file is a JSON object with a type.
func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	scanner := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0])))
	n := 0
	for ; scanner.Scan(); n++ {
		var event struct{ Type string }
		if err := json.Unmarshal(scanner.Bytes(), &event); err != nil || event.Type == "" {
			ts.Fatalf("line %d is no event: %q: %v", n+1, scanner.Text(), err)
		}
	}
	if n == 0 {
		ts.Fatalf("no line at all")
	}
}

// jsonFile says that a file is JSON.
func jsonFile(ts *testscript.TestScript, neg bool, args []string) {
	if text := ts.ReadFile(args[0]); json.Valid([]byte(text)) == neg {
		ts.Fatalf("JSON: %v, want %v: %s", !neg, neg, text)
	}
}

// tree writes names, modes and sums of all files of a folder, but for .git,
// to a file: tree DIR FILE.
func tree(ts *testscript.TestScript, neg bool, args []string) {
	var lines []string
	root := ts.MkAbs(args[0])
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %s", path, info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x", info.ModTime().UnixNano(), sha256.Sum256(data))
		}
		lines = append(lines, line)
		return nil
	}))
	sort.Strings(lines)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

// nothingLeft says that no place and no lock of a run remains.
func nothingLeft(ts *testscript.TestScript, neg bool, args []string) {
	state := filepath.Join(ts.Getenv("HOME"), ".local/state/drydock")
	for _, dir := range []string{"host", "locks"} {
		entries, err := os.ReadDir(filepath.Join(state, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			ts.Fatalf("%v", err)
		}
		for _, e := range entries {
			if e.Name() != "_tool" { // the tool cache, which jobs share
				ts.Fatalf("left behind: %s", filepath.Join(state, dir, e.Name()))
			}
		}
	}
	// A process that was started in the test's folder would still have it.
	out, err := exec.Command("ps", "-eo", "args").Output()
	if err == nil && bytes.Contains(out, []byte(state)) {
		ts.Fatalf("a process is left behind:\n%s", out)
	}
}
