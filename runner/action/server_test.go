package action

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// server is a folder of real git repositories, reached by a file:// URL.
type server struct {
	t    *testing.T
	root string
}

func newServer(t *testing.T) *server {
	t.Helper()
	return &server{t: t, root: t.TempDir()}
}

func (s *server) url() string { return "file://" + filepath.ToSlash(s.root) }

func (s *server) dir(repository string) string { return filepath.Join(s.root, repository) }

func (s *server) git(repository, stdin string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.dir(repository)}, args...)...)
	// What the user, or a hook that started the tests, says to git does not count.
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(own, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	cmd.Stdin = strings.NewReader(stdin)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, stderr.String())
	}
	return strings.TrimSpace(out.String())
}

// commit writes files into a repository and commits them; it gives the id.
func (s *server) commit(repository string, files map[string]string) string {
	s.t.Helper()
	dir := s.dir(repository)
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			s.t.Fatal(err)
		}
		s.git(repository, "", "init", "-q", "-b", "main")
	}
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.t.Fatal(err)
		}
		_ = os.Remove(file)
		var err error
		switch target, link := strings.CutPrefix(content, "link:"); {
		case link:
			err = os.Symlink(target, file)
		case strings.HasPrefix(content, "#!"):
			err = os.WriteFile(file, []byte(content), 0o755)
		default:
			err = os.WriteFile(file, []byte(content), 0o644)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.git(repository, "", "add", "-A", "-f")
	s.git(repository, "", "commit", "-q", "--allow-empty", "-m", "change")
	return s.git(repository, "", "rev-parse", "HEAD")
}

// nodeAction is the manifest of the smallest action.
const nodeAction = "runs: {using: node20, main: index.js}\n"

// counting counts what reaches the server.
type counting struct {
	Fetcher
	asked, fetched atomic.Int32
}

func (c *counting) Commit(ctx context.Context, repository, ref string) (Commit, error) {
	c.asked.Add(1)
	return c.Fetcher.Commit(ctx, repository, ref)
}

func (c *counting) Fetch(ctx context.Context, repository string, commit Commit, dir string) error {
	c.fetched.Add(1)
	return c.Fetcher.Fetch(ctx, repository, commit, dir)
}

func (s *server) fetcher() *counting {
	return &counting{Fetcher: &Git{ServerURL: s.url()}}
}

func mustRef(t *testing.T, uses string) Ref {
	t.Helper()
	ref, err := ParseUses(uses)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func mustResolve(t *testing.T, s *Store, uses string) Resolved {
	t.Helper()
	r, err := s.Resolve(t.Context(), mustRef(t, uses))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func content(t *testing.T, parts ...string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}
