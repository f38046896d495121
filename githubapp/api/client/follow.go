package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

const (
	maxLine    = 64 << 20 // of one event
	firstPause = 500 * time.Millisecond
	lastPause  = 10 * time.Second
	quiet      = 45 * time.Second // three heartbeats missed: the connection is dead
)

// Follow gives the events of a job as they are written, until none will follow.
// A lost connection is taken up again; a refusal of the server ends it.
func (c *Client) Follow(ctx context.Context, s store.Stream, emit func(runner.Event)) error {
	path := fmt.Sprintf("%s/attempts/%d/events?job=%s", runPath(s.Run), s.Attempt, url.QueryEscape(string(s.Job)))
	last, pause := "", firstPause
	for {
		before := last
		ended, err := c.follow(ctx, path, &last, emit)
		var refused *api.Error
		switch {
		case ended:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError:
			return err
		}
		if last != before {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// follow reads one connection and tells whether the stream has ended.
func (c *Client) follow(ctx context.Context, path string, last *string, emit func(runner.Event)) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dead := time.AfterFunc(quiet, cancel)
	defer dead.Stop()
	res, err := c.do(ctx, http.MethodGet, path, http.NoBody, "text/event-stream", "Last-Event-ID", *last)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	scan := bufio.NewScanner(res.Body)
	scan.Buffer(make([]byte, 0, 64<<10), maxLine)
	// Events are given, and their number kept, when their chunk is whole: then
	// nothing is given twice after a break.
	var id, event string
	var chunk []runner.Event
	for scan.Scan() {
		dead.Reset(quiet)
		line := scan.Bytes()
		switch {
		case len(line) == 0:
			if event == "end" {
				return true, nil
			}
			for _, e := range chunk {
				emit(e)
			}
			if id != "" {
				*last = id
			}
			id, event, chunk = "", "", chunk[:0]
		case bytes.HasPrefix(line, []byte("id: ")):
			id = string(line[4:])
		case bytes.HasPrefix(line, []byte("event: ")):
			event = string(line[7:])
		case bytes.HasPrefix(line, []byte("data: ")):
			if e, err := runner.DecodeEvent(line[6:]); err == nil && e != nil {
				chunk = append(chunk, e)
			}
		}
	}
	return false, scan.Err()
}

// Events gives the events of a job that are there now.
func (c *Client) Events(ctx context.Context, s store.Stream, emit func(runner.Event)) error {
	after := "0"
	for {
		path := fmt.Sprintf("%s/attempts/%d/events?job=%s&after=%s", runPath(s.Run), s.Attempt, url.QueryEscape(string(s.Job)), after)
		res, err := c.do(ctx, http.MethodGet, path, http.NoBody, "application/x-ndjson")
		if err != nil {
			return err
		}
		scan := bufio.NewScanner(res.Body)
		scan.Buffer(make([]byte, 0, 64<<10), maxLine)
		for scan.Scan() {
			if e, err := runner.DecodeEvent(scan.Bytes()); err == nil && e != nil {
				emit(e)
			}
		}
		next := res.Header.Get("Drydock-Next")
		res.Body.Close()
		if err := scan.Err(); err != nil {
			return fmt.Errorf("read the events of job %q: %w", s.Job, err)
		}
		if next == after || next == "" {
			return nil
		}
		after = next
	}
}
