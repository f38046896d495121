package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// streamOf is the stream that a request names.
func streamOf(c *call) (store.Stream, error) {
	n, err := strconv.Atoi(c.r.PathValue("attempt"))
	if err != nil || n < 1 || n > c.run.Attempt {
		return store.Stream{}, notFound("attempt")
	}
	return store.Stream{Run: c.run.ID, Attempt: n, Job: plan.LegID(c.r.URL.Query().Get("job"))}, nil
}

// events gives the events of a job, or with no job those of the run itself:
// live, or a page of them.
func (s *Server) events(c *call) error {
	of, err := streamOf(c)
	if err != nil {
		return err
	}
	text := c.r.Header.Get("Last-Event-Id")
	if text == "" {
		text = c.r.URL.Query().Get("after")
	}
	after, err := strconv.ParseInt(text, 10, 64)
	if text == "" {
		after, err = 0, nil
	}
	if err != nil || after < 0 {
		return badRequest("after %q: it is the number of an event, or 0", text)
	}
	st, ctx, done, err := s.open(c)
	if err != nil {
		return err
	}
	defer done()
	if !strings.Contains(c.r.Header.Get("Accept"), "text/event-stream") {
		return s.eventPage(ctx, c, of, store.Sequence(after))
	}
	if err := st.sse(); err != nil {
		return nil //nolint:nilerr // the reader is gone
	}
	send := func(frames []frame) error {
		parts := make([][]byte, len(frames))
		for i, f := range frames {
			parts[i] = f.data
		}
		return st.write(parts...)
	}
	err = s.feeds.follow(ctx, of, store.Sequence(after), send, st.beat, heartbeat)
	if err == nil {
		return st.write([]byte("event: end\ndata:\n\n"))
	}
	if ctx.Err() == nil {
		s.Log.Info("a stream was cut off", "run", of.Run, "job", of.Job, "err", err)
	}
	return nil
}

// eventPage answers with what is there now. The headers say where to go on.
func (s *Server) eventPage(ctx context.Context, c *call, of store.Stream, after store.Sequence) error {
	ended, err := s.Backend.Ended(ctx, of)
	if err != nil {
		return err
	}
	const limit = 4 << 20
	chunks, err := s.Backend.Events(ctx, of, after, limit)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	for _, chunk := range chunks {
		body.Write(chunk.Data)
		after = chunk.Sequence
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/x-ndjson; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Drydock-Next", strconv.FormatInt(int64(after), 10))
	h.Set("Drydock-Ended", strconv.FormatBool(ended && len(chunks) == 0))
	_, _ = c.w.Write(body.Bytes())
	return nil
}

// textLog streams a job's log as text, in the form of GitHub's downloads.
func (s *Server) textLog(c *call) error {
	of, err := streamOf(c)
	if err != nil {
		return err
	}
	st, ctx, done, err := s.open(c)
	if err != nil {
		return err
	}
	defer done()
	asFile(c.w.Header(), fmt.Sprintf("run-%d-%d-%s.txt", of.Run, of.Attempt, of.Job), "text/plain; charset=utf-8")
	var after store.Sequence
	var text []byte
	for {
		chunks, err := s.Backend.Events(ctx, of, after, pageBytes)
		if err != nil {
			if after > 0 {
				s.Log.Warn("a download ends early", "run", of.Run, "job", of.Job, "err", err)
				return nil
			}
			c.w.Header().Del("Content-Disposition")
			return err
		}
		if len(chunks) == 0 {
			return nil
		}
		for _, chunk := range chunks {
			after, text = chunk.Sequence, text[:0]
			for line := range bytes.Lines(chunk.Data) {
				if e, err := runner.DecodeEvent(line); err == nil && e != nil {
					text = history.AppendText(text, e)
				}
			}
			if err := st.write(text); err != nil {
				return nil //nolint:nilerr // the reader is gone
			}
		}
	}
}

// asFile makes an answer something to keep, never something to show: whatever a
// job wrote there does not become a page of this server.
func asFile(h http.Header, name, kind string) {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '-'
	}, name)
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+strings.TrimLeft(safe, ".")+`"`)
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Cache-Control", "no-store")
}

const lookAtRun, lookAtRuns = 500 * time.Millisecond, time.Second

// watch sends what frames makes of a topic's values, until the watcher leaves.
func (s *Server) watch(c *call, name string, every time.Duration, look func(context.Context) (any, bool), send func(*stream, any) (over bool, err error)) error {
	st, ctx, done, err := s.open(c)
	if err != nil {
		return err
	}
	defer done()
	if err := st.sse(); err != nil {
		return nil //nolint:nilerr // the reader is gone
	}
	t, leave := s.topics.join(name, every, look)
	defer leave()
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	var sent <-chan struct{}
	for {
		value, changed := t.now()
		if value != nil && changed != sent {
			sent = changed
			if over, err := send(st, value); over || err != nil {
				return nil //nolint:nilerr // the reader is gone
			}
			timer.Reset(heartbeat)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-timer.C:
			if st.beat() != nil {
				return nil
			}
			timer.Reset(heartbeat)
		}
	}
}

// gone tells whether looking again is useless.
func gone(err error) bool { return errors.Is(err, store.ErrNotFound) }
