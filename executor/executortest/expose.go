package executortest

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// Visitor is the program's name in a place; a back end without programs acts
// it out with Visit.
const Visitor = "visitor"

var visitors sync.Map // by architecture: *visitorProgram

type visitorProgram struct {
	once sync.Once
	data []byte
	err  error
}

// visitor builds the program for an architecture, once.
func visitor(arch string) ([]byte, error) {
	v, _ := visitors.LoadOrStore(arch, &visitorProgram{})
	p := v.(*visitorProgram)
	p.once.Do(func() {
		dir, err := os.MkdirTemp("", "drydock-visitor-")
		if err != nil {
			p.err = err
			return
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, Visitor)
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, "github.com/drydock-ci/drydock/executor/executortest/visitor")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		cmd.Stderr = os.Stderr
		if p.err = cmd.Run(); p.err == nil {
			p.data, p.err = os.ReadFile(file)
		}
	})
	return p.data, p.err
}

// visit is the command that runs the visitor in a place, which is put there.
func (s *suite) visit(env executor.Environment, dir, what, addr string) executor.Command {
	s.Helper()
	data, err := visitor(env.Info().Arch)
	if err != nil {
		s.Fatalf("build the visitor: %v", err)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: Visitor, Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
		s.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		s.Fatal(err)
	}
	w.Close()
	if err := env.CopyIn(s.ctx, dir, &buf); err != nil {
		s.Fatalf("put the visitor into the place: %v", err)
	}
	cmd := s.sh(env, "")
	cmd.Argv, cmd.Dir = []string{path.Join(dir, Visitor), what, addr}, dir
	return cmd
}

// hosts answers visitors and keeps what went wrong.
type hosts struct {
	s      *suite
	mu     sync.Mutex
	served int
	ended  chan error // of VisitHold
}

// accept finds out what the visitor wants by its first bytes.
func (h *hosts) accept(what string) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		var err error
		switch what {
		case VisitMany:
			var question []byte
			if question, err = io.ReadAll(c); err == nil {
				_, err = c.Write(question)
			}
		case VisitBulk:
			err = bulk(c, 2, 1)
		case VisitFirst:
			r := bufio.NewReader(c)
			begin, rerr := r.ReadString('\n')
			_, werr := io.WriteString(c, "over to you\n")
			cerr := closeWrite(c)
			rest, err := io.ReadAll(r)
			if rerr != nil || werr != nil || cerr != nil || err != nil || begin+string(rest) != "begin\nthank you\n" {
				h.s.Errorf("got %q and %q: %v, %v, %v, %v", begin, rest, rerr, werr, cerr, err)
			}
		case VisitHold:
			_, err := io.Copy(io.Discard, c)
			h.ended <- err
		}
		if err != nil {
			h.s.Errorf("serve %s: %v", what, err)
		}
		h.mu.Lock()
		h.served++
		h.mu.Unlock()
	}
}

func (h *hosts) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.served
}

// expose exposes any port to visitors of one kind.
func (s *suite) expose(env executor.Environment, what string) (*hosts, string) {
	s.Helper()
	h := &hosts{s: s, ended: make(chan error, 1)}
	addr, err := env.Expose(s.ctx, 0, h.accept(what))
	if err != nil {
		s.Fatalf("expose: %v", err)
	}
	return h, addr
}

func testExpose(s *suite) {
	env := s.place()
	for _, what := range []string{VisitMany, VisitBulk, VisitFirst} {
		h, addr := s.expose(env, what)
		if exit, out := s.run(env, s.visit(env, s.temp(env, "visit"), what, addr)); exit.Code != 0 {
			s.Errorf("%s: exit code %d: %s", what, exit.Code, out)
		}
		want := 1
		if what == VisitMany {
			want = manyVisitors
		}
		Eventually(s, "all visitors were served", func() bool { return h.count() == want })
	}
}

// testExposeAgain exposes a port by its number after another program has
// attached to the place.
func testExposeAgain(s *suite) {
	_, env := s.create("run-1")
	_, first := s.expose(env, VisitHold)
	_, port, err := net.SplitHostPort(first)
	if err != nil {
		s.Fatalf("address %q: %v", first, err)
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil || number == 0 {
		s.Fatalf("port %q: %v", port, err)
	}
	if d, ok := env.(interface{ Disconnect() }); ok { // the first program is gone
		d.Disconnect()
	}
	y, _ := s.open(s.T)
	again, err := y.Attach(s.ctx, env.ID())
	if err != nil {
		s.Fatalf("attach: %v", err)
	}
	h := &hosts{s: s}
	addr, err := again.Expose(s.ctx, number, h.accept(VisitMany))
	if err != nil || addr != first {
		s.Fatalf("exposed again as %q, %v; want %q", addr, err, first)
	}
	if exit, out := s.run(again, s.visit(again, s.temp(again, "visit"), VisitMany, first)); exit.Code != 0 {
		s.Errorf("exit code %d: %s", exit.Code, out)
	}
	if err := again.Close(s.ctx); err != nil {
		s.Errorf("close: %v", err)
	}
}

func testExposeEnds(s *suite) {
	env := s.place()
	h, addr := s.expose(env, VisitHold)
	out := s.output(0)
	s.start(env, s.visit(env, s.temp(env, "visit"), VisitHold, addr), out)
	Eventually(s, "the visitor is there", func() bool { return strings.Contains(out.String(), "connected") })
	if err := env.Close(s.ctx); err != nil {
		s.Errorf("close: %v", err)
	}
	select {
	case err := <-h.ended:
		s.Logf("the open connection ended: %v", err)
	case <-time.After(time.Minute):
		s.Error("a connection outlives its place")
	}
	_, err := env.Expose(s.ctx, 0, func(c net.Conn) { c.Close() })
	s.wantKind("expose after the end", err, executor.Lost)
}

// testExposeBeside visits from a container beside the job. A back end without
// containers has nothing to show here.
func testExposeBeside(s *suite) {
	env := s.place()
	places, ok := env.(executor.Containers)
	if !ok {
		return
	}
	_, spec := s.open(s.T)
	h, addr := s.expose(env, VisitMany)
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	beside, err := places.Container(ctx, executor.ContainerSpec{
		Name: "beside", Image: spec.Image, Dir: "/", Log: func(line string) { s.Log(line) },
	})
	if err != nil {
		s.Fatalf("a container beside the job: %v", err)
	}
	if exit, out := s.run(beside, s.visit(beside, "/tmp/visit", VisitMany, addr)); exit.Code != 0 {
		s.Errorf("exit code %d: %s", exit.Code, out)
	}
	if n := h.count(); n != manyVisitors {
		s.Errorf("%d visitors came, want %d", n, manyVisitors)
	}
}
