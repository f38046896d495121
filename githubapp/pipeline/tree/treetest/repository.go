package treetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repository is a git repository in a temporary folder.
type Repository struct {
	t   testing.TB
	Dir string
}

// New makes an empty repository on the branch main.
func New(t testing.TB) *Repository {
	t.Helper()
	r := &Repository{t, t.TempDir()}
	r.Git("init", "-q", "-b", "main")
	return r
}

// Git runs git there and gives what it prints.
func (r *Repository) Git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.Dir, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false",
		"-c", "maintenance.auto=false"}, args...)...) // it would go on when the test has ended
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Write writes files; a content that begins with "-> " makes a symlink.
func (r *Repository) Write(files map[string]string) {
	r.t.Helper()
	for path, content := range files {
		full := filepath.Join(r.Dir, filepath.FromSlash(path))
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if target, isLink := strings.CutPrefix(content, "-> "); isLink && err == nil {
			_ = os.Remove(full)
			err = os.Symlink(target, full)
		} else if err == nil {
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// Commit commits all that is there and gives its SHA.
func (r *Repository) Commit(message string) string {
	r.t.Helper()
	r.Git("add", "-A")
	r.Git("commit", "-q", "--allow-empty", "-m", message)
	return r.Git("rev-parse", "HEAD")
}
