//go:build linux

package helper_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// program builds the helper once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "drydock-helper-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, helper.ProgramName)
	cmd := exec.Command("go", "build", "-o", path, "github.com/drydock-ci/drydock/cmd/drydock-helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the helper: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// place is a helper of this test and its connections.
type place struct {
	*helper.Place
	socket string
	cmd    *exec.Cmd
	mu     sync.Mutex
	conns  []net.Conn
	dials  atomic.Int32
}

func open(t testing.TB, args ...string) *place {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	p := &place{socket: filepath.Join(t.TempDir(), "s", "sock")}
	p.cmd = exec.Command(path, append([]string{"serve", "--socket", p.socket}, args...)...)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	p.Place, err = helper.Open(t.Context(), helper.Options{Dial: p.dial, Token: "secret", Redial: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Place.Disconnect)
	return p
}

func (p *place) dial(ctx context.Context) (io.ReadWriteCloser, error) {
	p.dials.Add(1)
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", p.socket)
	if err == nil {
		p.mu.Lock()
		p.conns = append(p.conns, c)
		p.mu.Unlock()
	}
	return c, err
}

// cut breaks the stream.
func (p *place) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// output collects and checks that offsets have no gap.
type output struct {
	t    testing.TB
	mu   sync.Mutex
	buf  bytes.Buffer
	base int64
}

func (o *output) add(offset int64, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if want := o.base + int64(o.buf.Len()); offset != want {
		o.t.Errorf("output at offset %d, want %d", offset, want)
	}
	o.buf.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func sh(id, script string) executor.Command {
	return executor.Command{ID: executor.ProcessID(id), Argv: []string{"sh", "-c", script}, Dir: "/"}
}

func TestStreamBreaks(t *testing.T) {
	p := open(t)
	out := &output{t: t}
	enough := filepath.Join(t.TempDir(), "enough") // the process ends when the stream was broken some times
	cmd := sh("1", `i=0; while [ $i -lt 4000 ]; do echo "line $i"; i=$((i+1)); [ $((i%400)) = 0 ] && sleep 0.02; done
		while [ ! -e '`+enough+`' ]; do sleep 0.02; done; exit 3`)
	pr, err := p.Start(t.Context(), cmd, out.add)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		for pause := 30 * time.Millisecond; ; pause += pause / 10 { // a slow machine gets its time
			select {
			case <-done:
				return
			case <-time.After(pause):
				p.cut()
			}
			if p.dials.Load() >= 3 {
				_ = os.WriteFile(enough, nil, 0o644)
			}
		}
	}()
	exit, err := pr.Wait(t.Context())
	close(done)
	if err != nil || exit.Code != 3 {
		t.Fatalf("exit %+v, error %v; want code 3", exit, err)
	}
	var want strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&want, "line %d\n", i)
	}
	if out.String() != want.String() {
		t.Errorf("output has %d bytes, want %d", len(out.String()), want.Len())
	}
	if p.dials.Load() < 3 {
		t.Errorf("dialled %d times, the stream was not broken", p.dials.Load())
	}
}

func TestAttachAgain(t *testing.T) {
	p := open(t)
	if _, err := p.Start(t.Context(), sh("1", "echo one; sleep 0.2; echo two; exit 4"), nil); err != nil {
		t.Fatal(err)
	}
	p.Place.Disconnect()

	q, err := helper.Open(t.Context(), helper.Options{Dial: p.dial, Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Disconnect()
	for range 2 { // what was waited for can still be asked for again
		out := &output{t: t, base: 2}
		pr, err := q.AttachProcess(t.Context(), "1", 2, out.add)
		if err != nil {
			t.Fatal(err)
		}
		exit, err := pr.Wait(t.Context())
		if err != nil || exit.Code != 4 || out.String() != "e\ntwo\n" {
			t.Fatalf("exit %+v, error %v, output %q", exit, err, out)
		}
	}
	if _, err := q.AttachProcess(t.Context(), "2", 0, nil); !executor.IsKind(err, executor.NotFound) {
		t.Errorf("attach to an unknown process: %v, want kind NotFound", err)
	}
}

func TestTokenClaims(t *testing.T) {
	p := open(t)
	_, err := helper.Open(t.Context(), helper.Options{Dial: p.dial, Token: "other"})
	if !executor.IsKind(err, executor.Refused) {
		t.Errorf("second client: %v, want kind Refused", err)
	}
	fi, err := os.Stat(p.socket)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("socket mode %v, error %v; want 0600", fi.Mode(), err)
	}
	fi, err = os.Stat(filepath.Dir(p.socket))
	if err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("folder mode %v, error %v; want 0700", fi.Mode(), err)
	}
}

func TestLinger(t *testing.T) {
	p := open(t, "--linger", "4") // time enough to come in
	pid := filepath.Join(t.TempDir(), "pid")
	if _, err := p.Start(t.Context(), sh("1", "setsid sleep 1000 & echo $! >'"+pid+"'; wait"), nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(4500 * time.Millisecond)
	var data []byte
	executortest.Eventually(t, "the job's process is there", func() bool {
		data, _ = os.ReadFile(pid)
		return strings.HasSuffix(string(data), "\n")
	})
	if _, err := p.Stats(t.Context(), "/"); err != nil {
		t.Fatalf("helper left while a client was there: %v", err)
	}
	p.Place.Disconnect()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("helper lives on without a client")
	}
	executortest.Eventually(t, "the job's process is gone", func() bool {
		_, err := os.Stat("/proc/" + strings.TrimSpace(string(data)))
		return err != nil
	})
}

// More than fits into memory while nobody reads: it is spilled, and nothing
// is lost.
func TestSpill(t *testing.T) {
	p := open(t)
	gate := make(chan struct{})
	var n, bad int64
	out := func(offset int64, data []byte) {
		<-gate
		if offset != n {
			bad++
		}
		for i, b := range data {
			if b != byte('a'+(offset+int64(i))%26) {
				bad++
			}
		}
		n = offset + int64(len(data))
	}
	const size = 26 * 1000 * 1000
	cmd := sh("1", `i=0; while [ $i -lt 1000 ]; do echo; i=$((i+1)); done | awk '{ for (k=0;k<1000;k++) printf "abcdefghijklmnopqrstuvwxyz" }'`)
	pr, err := p.Start(t.Context(), cmd, out)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	p.cut()
	close(gate)
	if exit, err := pr.Wait(t.Context()); err != nil || exit.Code != 0 {
		t.Fatalf("exit %+v, error %v", exit, err)
	}
	if n != size || bad != 0 {
		t.Errorf("%d bytes, %d wrong; want %d", n, bad, size)
	}
}

func TestDaemonKeepsPipe(t *testing.T) {
	p := open(t)
	out := &output{t: t}
	start := time.Now()
	exit, err := executor.Run(t.Context(), env{p.Place}, sh("1", "(sleep 1000; echo late) & echo early"), out.add, executor.DefaultStop)
	if err != nil || exit.Code != 0 || out.String() != "early\n" {
		t.Fatalf("exit %+v, error %v, output %q", exit, err, out)
	}
	if d := time.Since(start); d > time.Minute { // the daemon stays longer
		t.Errorf("took %s", d)
	}
}

func TestForwardAndSetup(t *testing.T) {
	p := open(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	addr, err := p.Forward(t.Context(), wire.Forwarding{Listen: "127.0.0.1:0", Dial: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "ping")
	c.(*net.TCPConn).CloseWrite()
	if got, _ := io.ReadAll(c); string(got) != "ping" {
		t.Errorf("got %q through the forwarding", got)
	}
	dir := t.TempDir()
	err = p.Setup(t.Context(), []wire.Entry{
		{Path: dir + "/a/b", Mode: 0o700}, {Path: dir + "/l", Target: "a"}, {Path: dir + "/l", Target: "a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(dir + "/l/b"); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", fi, err)
	}
	if f, err := p.Stats(t.Context(), dir); err != nil || f.DiskFree == 0 || f.MemoryTotal == 0 {
		t.Errorf("figures %+v, error %v", f, err)
	}
}

func TestLostPlace(t *testing.T) {
	p := open(t)
	pr, err := p.Start(t.Context(), sh("1", "sleep 1000"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pr.Wait(t.Context()); err != nil && !executor.IsKind(err, executor.Lost) {
		t.Errorf("wait: %v, want kind Lost", err)
	}
	if _, err := p.Start(t.Context(), sh("2", "true"), nil); !executor.IsKind(err, executor.Lost) {
		t.Errorf("start: %v, want kind Lost", err)
	}
}

// env makes a Place an Environment for executor.Run.
type env struct{ *helper.Place }

func (env) ID() executor.EnvironmentID    { return "test" }
func (e env) Info() executor.Info         { return e.Describe() }
func (e env) Close(context.Context) error { return nil }

func BenchmarkStep(b *testing.B) {
	p := open(b)
	dir := b.TempDir()
	cmd := executor.Command{Argv: []string{"/bin/true"}, Dir: "/", Env: map[string]string{"CI": "true"}}
	for i := range 2 {
		cmd.Files = append(cmd.Files, executor.File{Path: fmt.Sprintf("%s/in%d", dir, i), Data: []byte("echo hello\n"), Mode: 0o644})
	}
	for i := range 5 {
		name := fmt.Sprintf("%s/in%d", dir, i)
		cmd.Collect = append(cmd.Collect, name)
	}
	n := 0
	for b.Loop() {
		n++
		cmd.ID = executor.ProcessID(fmt.Sprint(n))
		if _, err := executor.Run(b.Context(), env{p.Place}, cmd, nil, executor.DefaultStop); err != nil {
			b.Fatal(err)
		}
	}
}
