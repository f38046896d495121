package tree

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

// repositoryVariables would send git to another repository than the folder's
// (git rev-parse --local-env-vars).
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

// command is git with args in dir, not started. The settings keep configuration
// from starting programs or changing what is printed.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	settings := []string{"-C", dir, "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "core.untrackedCache=keep"}
	cmd := exec.CommandContext(ctx, "git", append(settings, args...)...)
	cmd.Env = gitEnvironment()
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// refusal is a git command that ended with an error.
type refusal struct {
	command string
	stderr  string
}

func (e *refusal) Error() string {
	line, _, _ := strings.Cut(strings.TrimSpace(e.stderr), "\n")
	if line == "" {
		line = "failed"
	}
	return fmt.Sprintf("git %s: %s", e.command, line)
}

// ErrTooLarge says that a repository has more files than can be looked at.
var ErrTooLarge = fmt.Errorf("the repository's list of files has more than %d bytes", maxPrinted)

// maxPrinted is some millions of files. Trees that hold each other many times list
// as more than any machine can keep, and take no room in a repository.
const maxPrinted = 128 << 20

// bounded refuses what is too much, which ends the command.
type bounded struct {
	text bytes.Buffer
	full bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxPrinted {
		b.full = true
		return 0, ErrTooLarge
	}
	return b.text.Write(p)
}

// git runs git in dir and gives what it prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := command(ctx, dir, args...)
	var stdout bounded
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case stdout.full:
		return "", fmt.Errorf("git %s: %w", args[0], ErrTooLarge)
	case err == nil:
		return stdout.text.String(), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &exit):
		return "", &refusal{args[0], stderr.String()}
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

// parseEntry reads what ls-tree ("MODE TYPE OID\tPATH") and ls-files -s ("MODE OID
// STAGE\tPATH") print.
func parseEntry(record string, oid int) (f File, id string, ok bool) {
	facts, path, found := strings.Cut(record, "\t")
	fields := strings.Fields(facts)
	if !found || len(fields) != 3 {
		return f, "", false
	}
	f.Path = path
	switch fields[0] {
	case "100755":
		f.Mode = Executable
	case "120000":
		f.Mode = Symlink
	case "160000":
		f.Mode = Submodule
	}
	return f, fields[oid], true
}
