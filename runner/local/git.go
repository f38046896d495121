package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// gitFailure is a git command that ended with an error.
type gitFailure struct {
	args   []string
	code   int
	stderr string
}

func (e *gitFailure) Error() string {
	text, _, _ := strings.Cut(strings.TrimSpace(e.stderr), "\n")
	if text == "" {
		text = fmt.Sprintf("exit status %d", e.code)
	}
	return fmt.Sprintf("git %s: %s", e.args[0], text)
}

// repositoryVariables would send git to another repository than the folder's:
// a git hook that starts us has them set (git rev-parse --local-env-vars).
var repositoryVariables = map[string]bool{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES": true, "GIT_COMMON_DIR": true, "GIT_DIR": true, "GIT_GRAFT_FILE": true,
	"GIT_IMPLICIT_WORK_TREE": true, "GIT_INDEX_FILE": true, "GIT_INTERNAL_SUPER_PREFIX": true, "GIT_NAMESPACE": true,
	"GIT_NO_REPLACE_OBJECTS": true, "GIT_OBJECT_DIRECTORY": true, "GIT_PREFIX": true, "GIT_REPLACE_REF_BASE": true,
	"GIT_SHALLOW_FILE": true, "GIT_WORK_TREE": true, "GIT_EXTERNAL_DIFF": true, "GIT_TRACE": true,
}

func gitEnvironment() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !repositoryVariables[name] && !strings.HasPrefix(name, "LC_") && name != "LANG" && name != "LANGUAGE" {
			env = append(env, kv)
		}
	}
	return append(env, "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
}

// gitSettings keep the user's and the repository's configuration from running
// programs or changing what is printed.
var gitSettings = []string{
	"-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false",
	"-c", "i18n.logOutputEncoding=UTF-8", "-c", "core.untrackedCache=keep",
}

// gitCommand is git with args in dir, not started.
func gitCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append(append([]string{"-C", dir}, gitSettings...), args...)...)
	cmd.Env = gitEnvironment()
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// git runs git in dir and gives what it prints, also when it fails.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := gitCommand(ctx, dir, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return stdout.String(), &gitFailure{args: args, code: exit.ExitCode(), stderr: stderr.String()}
	}
	return "", fmt.Errorf("git %s: %w", args[0], err)
}

// records splits NUL-terminated output.
func records(out string) []string {
	out = strings.TrimSuffix(out, "\x00")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\x00")
}
