//go:build linux

package serve

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/sys/unix"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// bufferSize is how much output moves at once.
const bufferSize = 64 << 10

// helloTimeout is how long a connection may stay without a hello.
const helloTimeout = 10 * time.Second

type server struct {
	dir   string // of the socket; spilled output goes here
	place wire.Place
	user  account // whom commands run as when they do not say
	env   map[string]string
	null  *os.File
	reap  *reaper
	bufs  sync.Pool // of *[]byte with bufferSize bytes: a step would make several

	mu      sync.Mutex
	token   string
	live    []*session // the oldest first
	idle    *time.Timer
	linger  time.Duration
	procs   map[executor.ProcessID]*process
	seen    []*process // ended and acknowledged, the oldest first
	closing bool

	exposing  sync.Mutex
	exposures []*exposure

	quit chan struct{} // closed when nobody came back, or by a signal, or by Shutdown
	once sync.Once
}

// run serves until a client shuts it down or nobody came back in time.
// With stdio its own input and output are a session too: whoever started it
// needs no second program to reach it the first time.
func run(socket string, linger time.Duration, user, groupOf string, stdio bool) error {
	// What a job leaves behind becomes a child of the helper.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of the place: %w", err)
	}
	// Keeps a step of the same user away from the helper's memory.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("close /proc/self: %w", err)
	}
	s, err := newServer(socket, linger, user, groupOf)
	if err != nil {
		return err
	}
	l, err := listen(socket)
	if err != nil {
		return err
	}
	defer l.Close()
	// Caught rather than ignored, since children inherit what is ignored.
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	s.mu.Lock()
	s.idle = time.AfterFunc(linger, s.stop) // before anybody can come in
	s.mu.Unlock()
	go s.accept(l)
	if stdio {
		go s.session(standardStreams{os.Stdin, os.Stdout})
	}
	select {
	case <-s.quit:
	case <-sig:
		// The place ends from outside: nobody shall take what is killed now for
		// the end of a step.
		l.Close()
		s.hangUp()
	}
	return s.killAll()
}

func newServer(socket string, linger time.Duration, user, groupOf string) (*server, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s := &server{
		dir: filepath.Dir(socket), linger: linger, env: environ(os.Environ()), null: null,
		reap: newReaper(), procs: map[executor.ProcessID]*process{}, quit: make(chan struct{}),
	}
	s.bufs.New = func() any {
		b := make([]byte, bufferSize)
		return &b
	}
	if user == "" {
		s.user = self()
	} else if s.user, err = lookup(user); err != nil {
		return nil, err
	}
	if groupOf != "" {
		s.user = s.user.with(groupOf)
	}
	// A HOME that is only the helper's own is not the other user's.
	if me := self(); s.user.uid != me.uid && s.env["HOME"] == me.home {
		if s.env["HOME"] = s.user.home; s.user.home == "" {
			s.env["HOME"] = "/" // as docker does
		}
	}
	s.place = describe(s.user, s.env)
	return s, nil
}

// listen makes the socket, which nobody but its owner can reach.
func listen(socket string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", socket)
	syscall.Umask(old)
	return l, err
}

// hangUp ends all sessions.
func (s *server) hangUp() {
	s.mu.Lock()
	live := slices.Clone(s.live)
	s.mu.Unlock()
	for _, t := range live {
		t.mux.Close()
	}
}

func (s *server) stop() { s.once.Do(func() { close(s.quit) }) }

func (s *server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			select {
			case <-s.quit:
				return
			case <-time.After(100 * time.Millisecond):
				continue // out of descriptors, most likely
			}
		}
		go s.session(conn)
	}
}

// standardStreams are the helper's own input and output as one connection.
type standardStreams struct{ in, out *os.File }

func (p standardStreams) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p standardStreams) Write(b []byte) (int, error) { return p.out.Write(b) }
func (p standardStreams) Close() error                { return errors.Join(p.in.Close(), p.out.Close()) }

// session is a connection that said hello.
type session struct {
	mux    *yamux.Session
	client string
}

// session serves one connection: hello, then anything.
func (s *server) session(conn io.ReadWriteCloser) {
	m, err := yamux.Server(conn, wire.Session())
	if err != nil {
		conn.Close()
		return
	}
	defer m.Close()
	late := time.AfterFunc(helloTimeout, func() { m.Close() })
	st, err := m.AcceptStream()
	if err != nil {
		return
	}
	t := &session{mux: m}
	t.client, err = s.hello(st)
	st.Close()
	late.Stop()
	if err != nil {
		// The reply needs a moment to leave before the session ends.
		time.Sleep(50 * time.Millisecond)
		return
	}
	s.enter(t)
	defer s.leave(t)
	for {
		st, err := m.AcceptStream()
		if err != nil {
			return
		}
		go s.serve(t, st)
	}
}

// hello answers the first stream of a session. It gives the client's name.
func (s *server) hello(st net.Conn) (client string, err error) {
	var req wire.Request
	if err := wire.ReadJSON(st, &req); err != nil {
		return "", err
	}
	const op = "connect to the helper"
	switch {
	case req.Op != wire.Hello || req.Token == "":
		err = executor.Errorf(op, executor.Invalid, "the first request must be hello")
	case req.Version != wire.Version:
		err = &executor.Error{
			Op: op, Kind: executor.Invalid,
			Err:  fmt.Errorf("it speaks version %d, the client %d", wire.Version, req.Version),
			Hint: "the job was started by another version of drydock",
		}
	case !s.claim(req.Token):
		err = executor.Errorf(op, executor.Refused, "it belongs to another client")
	}
	if err != nil {
		_ = wire.WriteJSON(st, wire.Reply{Error: wire.FromError(err)})
		return "", err
	}
	return req.Client, wire.WriteJSON(st, wire.Reply{Place: &s.place})
}

func (s *server) claim(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == "" {
		s.token = token
	}
	return subtle.ConstantTimeCompare([]byte(s.token), []byte(token)) == 1
}

func (s *server) enter(t *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = append(s.live, t)
	s.idle.Stop()
}

func (s *server) leave(t *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(o *session) bool { return o == t })
	if len(s.live) == 0 {
		s.idle.Reset(s.linger)
	}
}
