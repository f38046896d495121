package livetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// world is one person's machine: a home with configuration, state and cache,
// and one repository.
type world struct {
	t    testing.TB
	home string
	repo string
	env  []string // more variables
	line *line    // to the API server, when lineToServer made one

	ownerFile string // "": that of `drydock run`
}

// newWorld makes a world; when the test ends nothing of it may be left.
func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs a Docker engine: set DRYDOCK_TEST_DOCKER=1")
	}
	t.Parallel()
	w := &world{t: t, home: t.TempDir()}
	w.init()
	t.Cleanup(w.leaveNothing)
	return w
}

// neighbour is another repository of the same person.
func (w *world) neighbour() *world {
	n := &world{t: w.t, home: w.home}
	n.init()
	return n
}

func (w *world) init() {
	w.repo = filepath.Join(w.t.TempDir(), "project")
	if err := os.Mkdir(w.repo, 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.git("init", "-q", "-b", "main")
}

// environ is the environment of every program: nothing of the tests' own.
func (w *world) environ() []string {
	env := []string{
		"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Mona", "GIT_AUTHOR_EMAIL=mona@example.com", "GIT_COMMITTER_NAME=Mona", "GIT_COMMITTER_EMAIL=mona@example.com",
	}
	for _, name := range []string{"DOCKER_HOST", "TMPDIR"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return append(env, w.env...)
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = w.repo, w.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v: %s", args, err, out)
	}
	return string(out)
}

// file writes a file of the repository; a name that begins with "!" is made
// executable.
func (w *world) file(name, content string) {
	w.t.Helper()
	mode := os.FileMode(0o644)
	if rest, ok := strings.CutPrefix(name, "!"); ok {
		name, mode = rest, 0o755
	}
	path := filepath.Join(w.repo, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		w.t.Fatal(err)
	}
}

// workflow writes the workflow ci.yml and commits all that is there.
func (w *world) workflow(text string) {
	w.t.Helper()
	w.file(".github/workflows/ci.yml", "on: push\n"+text)
	w.commit()
}

func (w *world) commit() {
	w.t.Helper()
	w.git("add", "-A")
	w.git("commit", "-q", "--allow-empty", "-m", "change")
}

// state is the folder that Drydock keeps its state in.
func (w *world) state(names ...string) string {
	return filepath.Join(append([]string{w.home, ".local", "state", "drydock"}, names...)...)
}

// owner is the label of everything that this world's runs create.
func (w *world) owner() string {
	file := w.ownerFile
	if file == "" {
		file = w.state("owner")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
