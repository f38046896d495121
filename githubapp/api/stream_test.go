package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// live makes a run that goes on.
func (w *world) live() store.JobKey {
	w.t.Helper()
	run := store.Run{Installation: 1, Repository: 9, RepositoryName: "octo/app", Workflow: "w.yml", Name: "W", Event: "push", State: store.InProgress}
	key := store.JobKey{Job: "build"}
	made, err := w.store.CreateRuns(w.t.Context(), store.Settlement{}, []store.NewRun{{Run: run, Jobs: []store.Job{{JobKey: key, Name: "build", State: store.InProgress}}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return store.JobKey{Run: made[0].ID, Attempt: 1, Job: "build"}
}

func (w *world) line(key store.JobKey, text string) {
	w.t.Helper()
	w.emit(key, runner.Line{Time: time.Now(), Job: key.Job, Step: 2, Text: text})
}

// subscribe opens a stream with the token of the machine.
func (w *world) subscribe(ctx context.Context, key store.JobKey, last string) (*http.Response, error) {
	url := fmt.Sprintf("%s/api/v1/runs/%d/attempts/1/events?job=%s", w.http.URL, key.Run, key.Job)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+localToken)
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	return http.DefaultClient.Do(req)
}

// texts reads the texts of lines until there are n, or the stream has ended.
func texts(r io.Reader, n int) (out []string, id string, ended bool) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for len(out) < n && scan.Scan() {
		switch line := scan.Text(); {
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		case line == "event: end":
			return out, id, true
		case strings.HasPrefix(line, "data: {"):
			if e, err := runner.DecodeEvent([]byte(line[6:])); err == nil {
				if l, ok := e.(runner.Line); ok {
					out = append(out, l.Text)
				}
			}
		}
	}
	return out, id, false
}

func TestResume(t *testing.T) {
	w := start(t)
	key := w.live()
	for i := range 5 {
		w.line(key, fmt.Sprint(i))
	}
	res, err := w.subscribe(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	first, id, _ := texts(res.Body, 5)
	res.Body.Close()
	w.line(key, "5")
	res, err = w.subscribe(t.Context(), key, id)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var told sync.WaitGroup
	defer told.Wait()
	told.Go(func() {
		time.Sleep(50 * time.Millisecond)
		w.line(key, "6")
		w.emit(key, runner.JobFinished{Job: key.Job, Conclusion: plan.Success})
		w.commit(key.Run, store.Completed, plan.Success)
	})
	second, _, ended := texts(res.Body, 100)
	if got := strings.Join(append(first, second...), ""); got != "0123456" || !ended {
		t.Errorf("got %q, ended %t", got, ended)
	}
}

// TestThousandReaders: each gets everything, the store is asked as if there were
// one, and one that does not read harms nobody.
func TestThousandReaders(t *testing.T) {
	const readers, lines = 1000, 200
	var asked atomic.Int64
	w := start(t, func(o *api.Options) { o.Backend = counting{o.Backend, &asked} })
	key := w.live()
	for i := range 20 {
		w.line(key, fmt.Sprintf("before %d", i))
	}
	lazy, err := net.Dial("tcp", strings.TrimPrefix(w.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Close()
	fmt.Fprintf(lazy, "GET /api/v1/runs/%d/attempts/1/events?job=build HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n", key.Run, localToken)

	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var ready, done sync.WaitGroup
	wrong := make(chan string, readers)
	ready.Add(readers)
	for range readers {
		done.Go(func() {
			res, err := w.subscribe(t.Context(), key, "")
			if err != nil {
				wrong <- err.Error()
				ready.Done()
				return
			}
			defer res.Body.Close()
			body := bufio.NewReader(res.Body)
			head, _, _ := texts(oneByOne{body}, 20)
			ready.Done()
			rest, _, ended := texts(body, lines+1)
			if len(head) != 20 || len(rest) != lines || !ended || rest[0] != "line 0" || !slices.IsSortedFunc(rest, func(a, b string) int { return len(a) - len(b) }) {
				wrong <- fmt.Sprintf("%d and %d lines, ended %t", len(head), len(rest), ended)
			}
		})
	}
	ready.Wait()
	start, began := asked.Load(), time.Now()
	for i := range lines {
		w.line(key, fmt.Sprintf("line %d", i))
	}
	written := time.Since(began)
	w.emit(key, runner.JobFinished{Job: key.Job, Conclusion: plan.Success})
	w.commit(key.Run, store.Completed, plan.Success)
	done.Wait()
	close(wrong)
	n := 0
	for text := range wrong {
		if n++; n < 4 {
			t.Error(text)
		}
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	took := time.Since(began)
	t.Logf("%d readers: %d lines written in %v, all told after %v, %d questions to the store, %d KiB a reader (both ends)",
		readers, lines, written.Round(time.Millisecond), took.Round(time.Millisecond), asked.Load()-start, (after.Sys-before.Sys)/readers>>10)
	if got, most := asked.Load()-start, int64(took/(50*time.Millisecond))+20; got > most {
		t.Errorf("%d questions to the store for one stream, at most %d", got, most)
	}
}

// oneByOne keeps a scanner from reading more than it gives.
type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

type counting struct {
	api.Backend
	asked *atomic.Int64
}

func (c counting) Events(ctx context.Context, s store.Stream, after store.Sequence, limit int) ([]api.Chunk, error) {
	c.asked.Add(1)
	return c.Backend.Events(ctx, s, after, limit)
}

// TestTooManyReaders: those beyond the limit are told so, and a place that
// becomes free is given away.
func TestTooManyReaders(t *testing.T) {
	w := start(t, func(o *api.Options) { o.MaxReaders = 2 })
	key := w.live()
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		res, err := w.subscribe(ctx, key, "")
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
		defer res.Body.Close()
	}
	res, err := w.subscribe(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 503 || !strings.Contains(string(body), `"busy"`) || res.Header.Get("Retry-After") == "" {
		t.Errorf("the third: %d %s", res.StatusCode, body)
	}
	cancel()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if res, err = w.subscribe(t.Context(), key, ""); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == 200 {
			return
		}
	}
	t.Error("no place became free")
}

// TestDrain: a server that goes down ends its streams.
func TestDrain(t *testing.T) {
	w := start(t)
	res, err := w.subscribe(t.Context(), w.live(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	go func() { time.Sleep(50 * time.Millisecond); w.api.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	client, _ := w.browser("")
	if status, _, _ := w.do(client, "GET", "/readyz", ""); status != 503 {
		t.Errorf("readyz: %d", status)
	}
}

// TestWatch: changes of runs are told to those who may see them.
func TestWatch(t *testing.T) {
	w := start(t)
	key := w.live()
	client, _ := w.browser("reader")
	open := func(path string) *bufio.Scanner {
		res, err := client.Get(w.http.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		scan := bufio.NewScanner(res.Body)
		scan.Buffer(nil, 1<<20)
		return scan
	}
	await := func(scan *bufio.Scanner, text string) {
		t.Helper()
		for scan.Scan() {
			if strings.Contains(scan.Text(), "Secret plans") {
				t.Error("a hidden run was told of")
			}
			if strings.Contains(scan.Text(), text) {
				return
			}
		}
		t.Errorf("the stream ended before %q: %v", text, scan.Err())
	}
	one, all := open(fmt.Sprintf("/api/v1/runs/%d/watch", key.Run)), open("/api/v1/watch")
	await(one, `"state":"in_progress"`)
	// What is there at its first look a watcher of all runs is not told.
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		await(all, `"state":"in_progress"`)
	}()
	for looked := false; !looked; {
		w.live()
		select {
		case <-heard:
			looked = true
		case <-time.After(300 * time.Millisecond):
		}
	}
	w.commit(2, store.Completed, plan.Failure) // of the hidden repository
	w.commit(key.Run, store.Completed, plan.Success)
	await(one, `"conclusion":"success"`)
	await(one, "event: end")
	await(all, `"conclusion":"success"`)
}
