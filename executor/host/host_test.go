//go:build linux

package host

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

func TestMain(m *testing.M) { os.Exit(executortest.Main(m)) }

func TestConformance(t *testing.T) {
	root, cache := t.TempDir(), t.TempDir()
	executortest.Run(t, func(t *testing.T) (executor.Executor, executor.Spec) {
		x, err := New(Options{Root: root, HelperCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		return x, executor.Spec{Name: "test"}
	})
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 1 || left[0].Name() != "_tool" {
		t.Errorf("left in the root: %v, %v", left, err)
	}
}

func TestUnsupported(t *testing.T) {
	x, err := New(Options{Root: t.TempDir(), HelperCache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for what, spec := range map[string]executor.Spec{
		"container": {Kind: executor.Container},
		"services":  {Services: []executor.Service{{ID: "db"}}},
	} {
		if _, err := x.Create(t.Context(), spec); !executor.IsKind(err, executor.Unsupported) || !strings.Contains(err.Error(), "Docker") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := x.Create(t.Context(), executor.Spec{Confined: true}); !executor.IsKind(err, executor.Refused) {
		t.Errorf("a confined job: %v", err)
	}
	if c, err := x.Probe(t.Context()); err != nil || c.Containers {
		t.Errorf("probe: %+v, %v", c, err)
	}
}

func TestEnviron(t *testing.T) {
	got := environ([]string{"A=1", "GITHUB_TOKEN=x", "RUNNER_OS=x", "ACTIONS_X=x", "DRYDOCK_X=x", "MY_TOKEN=t", "B=1"}, map[string]string{"B": "2"})
	if want := []string{"A=1", "B=2", "MY_TOKEN=t"}; !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"build": "build", "": "x", "a.b_c-1": "a.b_c-1", "test (1, 2)": "test--1--2--", "../../etc": "-..-etc-", ".hidden": "hidden-",
	} {
		got := safeName(in, "x")
		if !strings.HasPrefix(got, want) || strings.Contains(got, "/") || len(got) > 60 {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if safeName("a/b", "") == safeName("a b", "") {
		t.Error("two names became one")
	}
	if n := len(safeName(strings.Repeat("x", 500), "")); n > 60 {
		t.Errorf("a long name has %d bytes", n)
	}
}

// create makes a place whose root is given.
func create(t *testing.T, o Options, labels executor.Labels, linger int) *environment {
	t.Helper()
	if o.HelperCache == "" {
		o.HelperCache = t.TempDir()
	}
	x, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	env, err := x.Create(t.Context(), executor.Spec{Labels: labels, Linger: linger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return env.(*environment)
}

// A path longer than a socket's may be, a read-only folder inside, and the
// same job twice.
func TestOddFolders(t *testing.T) {
	root := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	labels := executor.Labels{Owner: "o", Run: "r", Job: "j"}
	a := create(t, Options{Root: root}, labels, 0)
	b := create(t, Options{Root: root}, labels, 0)
	if a.ID() == b.ID() || a.info.Paths.Work == b.info.Paths.Work {
		t.Errorf("two places with id %q", a.ID())
	}
	cmd := executor.Command{ID: "1", Argv: []string{"sh", "-c", "mkdir -p ro/x; touch ro/x/f; chmod 0555 ro/x ro"}, Dir: a.info.Paths.Work}
	if exit, err := executor.Run(t.Context(), a, cmd, nil, executor.DefaultStop); err != nil || exit.Code != 0 {
		t.Fatalf("exit %+v, error %v", exit, err)
	}
	socket := filepath.Dir(a.st.Socket)
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{a.dir, socket} {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("%q is left", p)
		}
	}
}

// The program that made the place is gone, and so is the helper after its
// linger: the folder is still swept.
func TestSweepDeadHelper(t *testing.T) {
	root := t.TempDir()
	e := create(t, Options{Root: root}, executor.Labels{Owner: "o", Run: "r", Job: "j"}, 4)
	e.Place.Disconnect()
	for end := time.Now().Add(time.Minute); e.st.alive(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the helper lives on")
		}
	}
	x, _ := New(Options{Root: root, HelperCache: t.TempDir()})
	if _, err := x.Attach(t.Context(), e.ID()); !executor.IsKind(err, executor.NotFound) {
		t.Errorf("attach: %v", err)
	}
	swept, err := x.Sweep(t.Context(), "o", func(executor.RunID) bool { return false })
	if err != nil || len(swept.Removed) != 1 || swept.Removed[0] != "folder "+e.dir {
		t.Errorf("swept %q, %v", swept.Removed, err)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLocate(t *testing.T) {
	x := &Executor{o: Options{Root: "/r"}}
	for _, id := range []executor.EnvironmentID{"", "a", "../b", "a/../b", "/a/b", "a/b/c", "a//b", "./a"} {
		if dir, ok := x.locate(id); ok {
			t.Errorf("%q became %q", id, dir)
		}
	}
	if dir, ok := x.locate("a/b"); !ok || dir != "/r/a/b" {
		t.Errorf("got %q, %v", dir, ok)
	}
}
