package api

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	heartbeat = 15 * time.Second
	// readerPatience is how long a reader may take for what it was sent.
	readerPatience = 20 * time.Second
)

// stream is an answer that lasts: server-sent events, or a download.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

var errDraining = errors.New("the server is going down")

// open begins a stream, or says that there are too many. Done must be called.
func (s *Server) open(c *call) (st *stream, ctx context.Context, done func(), err error) {
	select {
	case s.readers <- struct{}{}:
	default:
		c.w.Header().Set("Retry-After", "10")
		return nil, nil, nil, refuse(http.StatusServiceUnavailable, CodeBusy, "try again in some seconds", "%d readers are connected already", s.MaxReaders)
	}
	ctx, cancel := context.WithCancelCause(c.r.Context())
	over := make(chan struct{})
	go func() {
		select {
		case <-s.draining:
			cancel(errDraining)
		case <-over:
		}
	}()
	s.Metrics.reader(1)
	return &stream{c.w, http.NewResponseController(c.w)}, ctx, func() {
		close(over)
		cancel(nil)
		s.Metrics.reader(-1)
		<-s.readers
	}, nil
}

// sse says that server-sent events follow.
func (st *stream) sse() error {
	h := st.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx must not collect them
	st.w.WriteHeader(http.StatusOK)
	return st.write([]byte("retry: 1000\n\n"))
}

// write sends at once. A reader that does not take it in time is cut off.
func (st *stream) write(parts ...[]byte) error {
	if err := st.rc.SetWriteDeadline(time.Now().Add(readerPatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, p := range parts {
		if _, err := st.w.Write(p); err != nil {
			return err
		}
	}
	return st.rc.Flush()
}

func (st *stream) beat() error { return st.write([]byte(": still here\n\n")) }
