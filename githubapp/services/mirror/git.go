package mirror

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/drydock-ci/drydock/githubapp/repository"
)

// passed is what git gets of the server's environment: how to reach the network.
var passed = []string{
	"PATH", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
}

// settings keep git from running programs, from following a repository to other
// places and from leaving half of a commit behind: what is received becomes one
// pack, which is there as a whole or not at all.
var settings = [][2]string{
	{"core.hooksPath", "/dev/null"}, {"core.fsmonitor", "false"}, {"core.askPass", ""}, {"credential.helper", ""},
	{"core.fsync", "committed,reference"},
	{"protocol.allow", "never"}, {"protocol.https.allow", "always"}, {"protocol.http.allow", "always"},
	{"submodule.recurse", "false"}, {"fetch.recurseSubmodules", "false"}, {"fetch.bundleURI", ""},
	{"fetch.unpackLimit", "1"}, {"transfer.unpackLimit", "1"}, {"fetch.writeCommitGraph", "true"},
	{"gc.auto", "0"}, {"maintenance.auto", "false"},
}

// environment of git. More settings go the same way: arguments can be read by
// everybody on the machine.
func environment(more ...[2]string) []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if slices.Contains(passed, strings.ToUpper(name)) {
			env = append(env, pair)
		}
	}
	// The system's configuration counts: it knows of proxies and authorities.
	env = append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_NO_LAZY_FETCH=1", "HOME=/nonexistent")
	all := append(slices.Clone(settings), more...)
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(all)))
	for i, s := range all {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return env
}

// login is the setting that sends a token to GitHub, and nowhere else: curl takes it
// out when it is sent on to another host.
func login(web, token string) [2]string {
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	return [2]string{"http." + web + ".extraHeader", "Authorization: Basic " + basic}
}

// command is git on a mirror. It holds on to the lock for as long as it or one of
// its children lives, also when this process does not.
func command(ctx context.Context, dir string, lock *os.File, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir=" + dir}, args...)...)
	cmd.Env, cmd.Dir = env, "/"
	cmd.WaitDelay = 5 * time.Second
	if lock != nil {
		cmd.ExtraFiles = []*os.File{lock}
	}
	ownGroup(cmd)
	return cmd
}

// failure is a git command that ended with an error.
type failure struct{ command, stderr string }

func (e *failure) Error() string {
	var fatal string
	for line := range strings.Lines(e.stderr) {
		line = strings.TrimSpace(line)
		if fatal == "" || strings.HasPrefix(line, "fatal:") {
			fatal = line
		}
		if strings.HasPrefix(line, "fatal:") {
			break
		}
	}
	if fatal == "" {
		fatal = "it failed without a word"
	}
	return fmt.Sprintf("git %s: %s", e.command, fatal)
}

// run runs a command and gives what it printed.
func run(ctx context.Context, cmd *exec.Cmd, name string) (string, error) {
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &limited{to: &problems}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &exit):
		return "", &failure{name, problems.String()}
	}
	return "", fmt.Errorf("git %s: %w", name, err)
}

// limited keeps the beginning of what a remote may say without end.
type limited struct{ to *bytes.Buffer } // not embedded: its ReadFrom has no limit

func (l *limited) Write(p []byte) (int, error) {
	if room := 64<<10 - l.to.Len(); room > 0 {
		l.to.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// has tells whether everything is there. A commit that is there has its history and
// files, too: see settings.
func has(ctx context.Context, dir string, w wanted) (bool, error) {
	if _, err := os.Stat(dir); err != nil {
		return false, nil //nolint:nilerr // it is not there
	}
	var ask strings.Builder
	for _, sha := range w.commits {
		ask.WriteString(sha + "^{commit}\n")
	}
	for _, tag := range w.tags {
		ask.WriteString(tag + "^{commit}\n")
	}
	cmd := command(ctx, dir, nil, environment(), "cat-file", "--batch-check=%(objectname)")
	cmd.Stdin = strings.NewReader(ask.String())
	out, err := run(ctx, cmd, "cat-file")
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil {
		return false, nil //nolint:nilerr // no repository, or a damaged one: it is made
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(w.commits)+len(w.tags) {
		return false, nil
	}
	for i, line := range lines {
		if i < len(w.commits) && line != w.commits[i] || !slices.Contains(w.commits, line) {
			return false, nil
		}
	}
	return true, nil
}

var errDamaged = errors.New("the mirror is damaged")

// What git says, by what it means. GitHub says the same as git's own server.
var (
	notOurs   = regexp.MustCompile(`not our ref ([0-9a-f]{40,64})|couldn't find remote ref ([0-9a-f]{40,64})`)
	noSuch    = regexp.MustCompile(`(?m)^(?:remote: Repository not found|fatal: repository '.*' not found)`)
	noEntry   = regexp.MustCompile(`could not read Username|Authentication failed|The requested URL returned error: 40[13]`)
	said      = regexp.MustCompile(`(?m)^remote:.*$`) // by the other side, of itself
	isDamaged = regexp.MustCompile(`(?i)not a git repository|is corrupt|object corrupt|bad object|invalid object|bad ref|broken ref|(?:object|loose) file .* is empty|missing (?:blob|tree|commit|object)|could not read [0-9a-f]{40}|unable to (?:read|find) [0-9a-f]{40}|index file .* (?:is too small|has)|packfile .* (?:cannot|does not|has)|bad config|unresolved delta|did not send all necessary objects|revision walk setup failed|unknown repository extension`)
)

// meaning makes a refusal that does not pass a repository.Error.
func meaning(r Repository, err error) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	var kind repository.Kind
	switch {
	case notOurs.MatchString(f.stderr):
		kind = repository.NoCommit
	case noSuch.MatchString(f.stderr):
		kind = repository.Gone
	case noEntry.MatchString(f.stderr):
		kind = repository.NoAccess
	case isDamaged.MatchString(said.ReplaceAllString(f.stderr, "")):
		return errors.Join(errDamaged, err)
	default:
		return err
	}
	return &repository.Error{Doing: fmt.Sprintf("fetch from %q", r.FullName), Kind: kind, Err: err}
}

// ownGroup lets the end of the command be the end of its children.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
