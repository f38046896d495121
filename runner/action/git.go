package action

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

// gitCommand runs the git program on hostile names and content: the user's
// hooks, credential helpers, file monitors and prompts have no part in it.
type gitCommand struct {
	dir     string // --git-dir, "" for none
	server  string // scheme://host that token is for
	token   string // "" for none
	network bool   // the user's own git settings (proxy, CA, insteadOf) count
	allow   string // GIT_ALLOW_PROTOCOL
	timeout time.Duration
}

// gitConfig is the same for every command.
var gitConfig = []string{
	"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.askPass=", "credential.helper=", "credential.interactive=never",
	"gc.auto=0", "maintenance.auto=false", "fetch.recurseSubmodules=false", "submodule.recurse=false",
	"http.lowSpeedLimit=1", "http.lowSpeedTime=60", "advice.detachedHead=false", "safe.directory=*",
}

// tokenHelper answers git when a server asks who it is: with the token, which is
// in the environment and never in argv. Unlike a header, git gives this to the
// one server that it is configured for, also after a redirect to another.
const (
	tokenHelper   = `!f() { test "$1" = get && printf 'username=x-access-token\npassword=%s\n' "$` + tokenVariable + `"; }; f`
	tokenVariable = "DRYDOCK_FORGE_TOKEN"
)

// kept are the GIT_* variables that say how to reach a server. All others are
// dropped: in a git hook GIT_DIR and its like name the user's repository.
var kept = map[string]bool{
	"GIT_SSL_CAINFO": true, "GIT_SSL_CAPATH": true, "GIT_SSL_NO_VERIFY": true, "GIT_SSL_CERT": true, "GIT_SSL_KEY": true,
	"GIT_SSH": true, "GIT_SSH_COMMAND": true, "GIT_SSH_VARIANT": true, "GIT_PROXY_COMMAND": true, "GIT_HTTP_PROXY_AUTHMETHOD": true,
	"GIT_EXEC_PATH": true, "GIT_CONFIG_GLOBAL": true, "GIT_CONFIG_SYSTEM": true, "GIT_CONFIG_NOSYSTEM": true,
}

// command makes the process ready to run.
func (g gitCommand) command(ctx context.Context, args ...string) *exec.Cmd {
	var full []string
	if g.dir != "" {
		full = append(full, "--git-dir="+g.dir)
	}
	for _, c := range gitConfig {
		full = append(full, "-c", c)
	}
	if g.token != "" { // after credential.helper=, which clears the list
		full = append(full, "-c", "credential."+g.server+".helper="+tokenHelper)
	}
	cmd := exec.CommandContext(ctx, "git", append(full, args...)...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir = os.TempDir() // no repository of the user's is "here"
	cmd.Env = g.environment()
	return cmd
}

func (g gitCommand) environment() []string {
	var env []string
	ssh := false
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "GIT_") && !kept[name], name == "SSH_ASKPASS", name == "LANGUAGE", strings.HasPrefix(name, "LC_"):
			continue
		case name == "GIT_SSH" || name == "GIT_SSH_COMMAND":
			ssh = true
		}
		env = append(env, v)
	}
	env = append(env, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GCM_INTERACTIVE=never", "GIT_LFS_SKIP_SMUDGE=1",
		"LC_ALL=C", "GIT_CEILING_DIRECTORIES="+os.TempDir(), "GIT_ALLOW_PROTOCOL="+g.allow)
	if !ssh {
		env = append(env, "GIT_SSH_COMMAND=ssh -oBatchMode=yes")
	}
	if !g.network {
		env = append(env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	}
	if g.token != "" {
		env = append(env, tokenVariable+"="+g.token)
	}
	return append(env, "GIT_CONFIG_COUNT=0")
}

// run gives what git prints; a failure is a *problem.
func (g gitCommand) run(ctx context.Context, args ...string) ([]byte, error) {
	if g.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, g.timeout, fmt.Errorf("git %s took longer than %s", args[0], g.timeout))
		defer cancel()
	}
	cmd := g.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &limitedWriter{buffer: &stderr, left: 64 << 10}
	err := cmd.Run()
	if err == nil {
		return stdout.Bytes(), nil
	}
	if cause := context.Cause(ctx); cause != nil {
		kind := KindInternal
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			kind = KindUnreachable
		}
		return nil, &problem{kind: kind, err: cause}
	}
	return nil, gitProblem(args[0], err, stderr.String())
}

// gitProblem reads the kind out of git's messages (LC_ALL=C).
func gitProblem(what string, err error, stderr string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return &problem{kind: KindInternal, err: fmt.Errorf("the git program is not installed"), hint: "install git"}
	}
	text := lastLine(stderr)
	if text == "" {
		text = err.Error()
	}
	p := &problem{kind: KindInternal, err: fmt.Errorf("git %s: %s", what, text)}
	low := strings.ToLower(stderr)
	has := func(texts ...string) bool {
		for _, t := range texts {
			if strings.Contains(low, t) {
				return true
			}
		}
		return false
	}
	switch {
	case has("could not read username", "authentication failed", "permission denied (", "http 401", "http 403", "returned error: 401", "returned error: 403", "terminal prompts disabled"):
		p.kind, p.hint = KindDenied, "check the name; if the repository is private, give a token that may read it"
	case has("repository not found", "' not found", "does not appear to be a git repository", "does not exist", "returned error: 404", "/info/refs not found"):
		p.kind, p.hint = KindNotFound, "check owner and repository in uses"
	case has("not our ref", "couldn't find remote ref", "unadvertised object", "no such ref"):
		p.kind, p.hint = KindNotFound, "check the ref after @ in uses"
		p.unadvertised = has("unadvertised object")
	case has("could not resolve", "connection refused", "timed out", "network is unreachable", "no route to host", "failed to connect", "couldn't connect",
		"early eof", "hung up unexpectedly", "rpc failed", "returned error: 5", "returned error: 429", "operation too slow", "ssl", "certificate", "gnutls"):
		p.kind, p.hint = KindUnreachable, "check the network, proxy and CA settings, or use --offline"
	}
	return p
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for _, line := range lines { // git's own word comes before its advice
		if strings.HasPrefix(line, "fatal: ") {
			return strings.TrimPrefix(line, "fatal: ")
		}
	}
	return lines[len(lines)-1]
}

// limitedWriter keeps the beginning of what a server may send without end.
type limitedWriter struct {
	buffer *bytes.Buffer
	left   int
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	w.buffer.Write(p[:n])
	return len(p), nil
}
