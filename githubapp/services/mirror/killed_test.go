package mirror_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/services/mirror"
)

// child is what the test binary does when it is started as the server that is killed.
type child struct {
	Folder, Web, Token, SHA string
	Repository              mirror.Repository
}

const childVariable = "DRYDOCK_TEST_MIRROR"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var c child
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			panic(err)
		}
		m, err := mirror.New(mirror.Options{
			Folder: c.Folder, Endpoints: auth.Endpoints{Web: c.Web},
			Token: func(context.Context, mirror.Repository) (string, error) { return c.Token, nil },
		})
		if err != nil {
			panic(err)
		}
		_, err = m.Fetch(context.Background(), c.Repository, c.SHA)
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// kill starts another process that fetches, and kills it in the middle. Its gits may
// go on.
func (w *world) kill(r *githubtest.Repository, sha string) {
	w.t.Helper()
	w.front.stall(200_000) // more than a packet of git's, which it takes as a whole
	text, err := json.Marshal(child{w.folder, w.front.URL + "/", w.github.UserToken(r.Owner()), sha, w.of(r)})
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-w.front.stalled:
	case <-time.After(2 * time.Minute):
		w.t.Error("nothing was fetched")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// orphans are the gits that work on the mirrors.
func (w *world) orphans() (pids []int) {
	w.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, file := range all {
		at := filepath.Dir(file)
		command, _ := os.ReadFile(filepath.Join(at, "cmdline"))
		environ, _ := os.ReadFile(file)
		pid, _ := strconv.Atoi(filepath.Base(at))
		if strings.Contains(string(command)+string(environ), w.folder+"/") && strings.Contains(string(command), "git") && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (w *world) leftovers() (names []string) {
	_ = filepath.Walk(w.folder, func(path string, info os.FileInfo, err error) error {
		if err == nil && (strings.HasPrefix(info.Name(), "tmp_") || strings.HasSuffix(info.Name(), ".lock") && filepath.Dir(path) != w.folder) {
			names = append(names, path)
		}
		return nil
	})
	return names
}

// TestKilled: kill -9 of the server and of its git in the middle of a fetch.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": noise(2 << 20)})
	head := r.Head("refs/heads/main")
	w.kill(r, head)
	for end := time.Now().Add(time.Minute); len(w.leftovers()) == 0 && time.Now().Before(end); { // what has come may not be on disk yet
		time.Sleep(10 * time.Millisecond)
	}
	pids := w.orphans()
	if len(pids) == 0 {
		t.Fatal("no git was there to be killed")
	}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} { // no git tidies up because another has ended
		for _, pid := range pids {
			_ = syscall.Kill(pid, signal)
		}
	}
	if left := w.leftovers(); len(left) == 0 {
		t.Error("the killed process left nothing: the test tests nothing")
	}
	dirs, _ := filepath.Glob(filepath.Join(w.folder, "*.git"))
	if len(dirs) != 1 {
		t.Fatal(dirs)
	}
	for _, name := range []string{"config.lock", "packed-refs.lock", "HEAD.lock", "refs/tags/v1.lock", "objects/info/commit-graphs/commit-graph-chain.lock"} {
		file := filepath.Join(dirs[0], name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.Tag("v1", head)
	w.front.release()
	got, err := w.mirror.Fetch(t.Context(), w.of(r), head)
	if err != nil {
		t.Fatal(err)
	}
	if tags, err := got.Tags(t.Context(), head); len(tags) != 1 || err != nil {
		t.Error(tags, err)
	}
	if left := w.leftovers(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestOrphan: the git of a killed server is still at work. It is waited for, not
// disturbed.
func TestOrphan(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": noise(2 << 20)})
	head := r.Head("refs/heads/main")
	w.kill(r, head)
	if len(w.orphans()) == 0 {
		t.Fatal("no git goes on")
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := w.mirror.Fetch(short, w.of(r), head); err == nil {
		t.Error("two gits were at work")
	}
	w.front.release()
	w.fetch(r, head)
	if n := w.asked.Load(); n != 0 {
		t.Errorf("what the orphan brought was fetched again")
	}
}

// TestDamaged: a mirror that cannot be used is made anew.
func TestDamaged(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"a pack that was cut": func(dir string) error {
			return each(filepath.Join(dir, "objects/pack/*.pack"), func(f string) error { return chmodded(f, func() error { return os.Truncate(f, 40) }) })
		},
		"a pack that is gone": func(dir string) error { return each(filepath.Join(dir, "objects/pack/*"), os.Remove) },
		"an index that was cut": func(dir string) error {
			return each(filepath.Join(dir, "objects/pack/*.idx"), func(f string) error { return chmodded(f, func() error { return os.Truncate(f, 10) }) })
		},
		"settings that are none": func(dir string) error { return os.WriteFile(filepath.Join(dir, "config"), []byte("[core\n"), 0o600) },
		"no HEAD":                func(dir string) error { return os.Remove(filepath.Join(dir, "HEAD")) },
		"an empty ref": func(dir string) error {
			return each(filepath.Join(dir, "refs/drydock/*"), func(f string) error { return os.Truncate(f, 0) })
		},
		"a file for a folder": func(dir string) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.WriteFile(dir, []byte("x"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
			w.fetch(r, r.Head("refs/heads/main"))
			r.Tag("v1", r.Head("refs/heads/main"))
			dirs, _ := filepath.Glob(filepath.Join(w.folder, "*.git"))
			if len(dirs) != 1 {
				t.Fatal(dirs)
			}
			if err := harm(dirs[0]); err != nil {
				t.Fatal(err)
			}
			next := r.Push("main", githubtest.Files{"a": "2"}, "two")
			got, err := w.mirror.Fetch(t.Context(), w.of(r), next)
			if err != nil {
				t.Fatal(err)
			}
			if tag, commits, err := got.LastTag(t.Context(), next, "v*"); tag != "v1" || commits != 1 || err != nil {
				t.Errorf("tag %q, %d commits, %v", tag, commits, err)
			}
			commit := got.Commit(next)
			defer commit.Close()
			if content, err := commit.Read(t.Context(), "a"); string(content) != "2" || err != nil {
				t.Errorf("%q, %v", content, err)
			}
		})
	}
}

func each(pattern string, do func(string) error) error {
	files, err := filepath.Glob(pattern)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("nothing is %s", pattern)
	}
	for _, f := range files {
		if err == nil {
			err = do(f)
		}
	}
	return err
}

// chmodded does something with a file that is read-only.
func chmodded(file string, do func() error) error {
	if err := os.Chmod(file, 0o600); err != nil {
		return err
	}
	return do()
}
