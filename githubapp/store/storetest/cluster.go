package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a Postgres server of the test's own, on a socket in a temporary folder.
type Cluster struct {
	dir  string
	next atomic.Int32
}

// Postgres starts a cluster that ends with the test. Without the programs of
// Postgres the test is skipped; continuous integration installs them.
func Postgres(tb testing.TB) *Cluster {
	tb.Helper()
	initdb, err := program("initdb")
	if err != nil {
		tb.Skip("Postgres is not installed (Debian: apt-get install postgresql)")
	}
	// Not tb.TempDir: Postgres refuses to run as root, and its user could not enter.
	dir, err := os.MkdirTemp("", "drydock-pg") //nolint:usetesting // see above
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if err := giveAway(dir); err != nil {
		tb.Fatal(err)
	}
	c := &Cluster{dir: dir}
	data := filepath.Join(dir, "data")
	make := exec.Command(initdb, "--pgdata", data, "--username", "drydock", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	asOther(make, dir)
	if out, err := make.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
	// The shell ends Postgres when its input ends: also when the test was killed.
	run := exec.Command("/bin/sh", "-c", `"$0" "$@" & p=$!; cat >/dev/null; kill -INT $p; wait $p`,
		filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "max_connections=200", "-c", "log_min_messages=fatal")
	asOther(run, dir)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	run.Stdout, run.Stderr = log, log
	input, err := run.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := run.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		input.Close()
		_ = run.Wait() // it was interrupted
	})
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(30 * time.Millisecond) {
		err := c.execute(tb.Context(), "SELECT 1")
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			tb.Fatalf("Postgres did not start: %v\n%s", err, said)
		}
	}
}

// Database makes an empty database and gives its address.
func (c *Cluster) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprint("test", c.next.Add(1))
	if err := c.execute(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	return c.address(name)
}

func (c *Cluster) address(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {c.dir}, "user": {"drydock"}}.Encode()
}

func (c *Cluster) execute(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.address("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return joinClose(err, conn.Close(ctx))
}

func joinClose(err, closing error) error {
	if err != nil {
		return err
	}
	return closing
}

// program finds a server program of Postgres, which Debian keeps off the PATH.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.EvalSymlinks(path)
	}
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(all) == 0 {
		return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	return slices.MaxFunc(all, func(a, b string) int { // 9 is older than 15
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	}), nil
}
