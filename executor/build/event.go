package build

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	buildkit "github.com/moby/buildkit/client"
	digest "github.com/opencontainers/go-digest"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

// Event is one thing that happened in a build. Secrets of the request are
// replaced by *** in it.
type Event struct {
	Kind EventKind
	ID   string // of the step, the same in all its events
	Name string // of the step: `[2/3] COPY a b`, `push sha256:...`
	Line string // with Log: one line that it printed; with Failed: why
	Time time.Time
}

// Words are the event as people know it; none: it says nothing to them.
func (e Event) Words() (line string, ok bool) {
	switch e.Kind {
	case Started:
		return e.Name, true
	case Cached:
		return e.Name + " (cached)", true
	case Log:
		return e.Line, true
	case Failed:
		return e.Name + ": " + e.Line, true
	case Finished:
	}
	return "", false
}

// EventKind says what happened.
type EventKind string

// The kinds of events. Every step that starts finishes, fails or was cached.
const (
	Started  EventKind = "started"
	Log      EventKind = "log"
	Finished EventKind = "finished"
	Cached   EventKind = "cached" // nothing had to be done
	Failed   EventKind = "failed"
)

// watcher turns what BuildKit and the push say into events.
type watcher struct {
	emit func(Event)
	hide *strings.Replacer

	mu    sync.Mutex
	steps map[digest.Digest]*step
}

type step struct {
	name  string
	state EventKind
	part  map[int][]byte // by stream, of a line that is not whole yet: mixed they could hide a secret
}

func newWatcher(r *Request) *watcher {
	emit := r.Progress
	if emit == nil {
		emit = func(Event) {}
	}
	return &watcher{emit: emit, hide: hiding(r.Secrets), steps: map[digest.Digest]*step{}}
}

// hiding replaces secrets, and each line of those that have several. What is
// shorter than four bytes would hide too much else.
func hiding(secrets map[string][]byte) *strings.Replacer {
	var pairs []string
	add := func(s string) {
		if s = strings.TrimSpace(s); len(s) > 3 {
			pairs = append(pairs, s, "***")
		}
	}
	for _, value := range secrets {
		add(string(value))
	}
	for _, value := range secrets {
		for line := range strings.Lines(string(value)) {
			add(line)
		}
	}
	return strings.NewReplacer(pairs...)
}

// follow reads until status is closed, and ends the steps that are still open.
func (w *watcher) follow(status <-chan *buildkit.SolveStatus) {
	for s := range status {
		w.mu.Lock()
		for _, v := range s.Vertexes {
			w.vertex(v)
		}
		for _, l := range s.Logs {
			w.log(l)
		}
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, s := range w.steps {
		w.flush(id, s, time.Now())
		if s.state == Started {
			w.tell(id, s, Failed, "it was not brought to an end", time.Now())
		}
	}
}

func (w *watcher) vertex(v *buildkit.Vertex) {
	s := w.steps[v.Digest]
	if s == nil {
		s = &step{name: w.hide.Replace(v.Name), part: map[int][]byte{}}
		w.steps[v.Digest] = s
	}
	if s.state != "" && s.state != Started {
		return
	}
	if v.Started != nil && s.state == "" && !v.Cached {
		w.tell(v.Digest, s, Started, "", *v.Started)
	}
	at := time.Now()
	if v.Completed != nil {
		at = *v.Completed
	}
	switch {
	case v.Error != "":
		w.flush(v.Digest, s, at)
		w.tell(v.Digest, s, Failed, w.hide.Replace(v.Error), at)
	case v.Cached:
		w.tell(v.Digest, s, Cached, "", at)
	case v.Completed != nil:
		w.flush(v.Digest, s, at)
		w.tell(v.Digest, s, Finished, "", at)
	}
}

// maxLine bounds a line that never ends.
const maxLine = 64 << 10

func (w *watcher) log(l *buildkit.VertexLog) {
	s := w.steps[l.Vertex]
	if s == nil {
		return
	}
	part := append(s.part[l.Stream], l.Data...)
	for {
		line, rest, ok := bytes.Cut(part, []byte("\n"))
		if !ok {
			break
		}
		part = rest
		w.line(l.Vertex, s, string(line), l.Timestamp)
	}
	s.part[l.Stream] = part
	if len(part) > maxLine {
		w.flush(l.Vertex, s, l.Timestamp)
	}
}

func (w *watcher) flush(id digest.Digest, s *step, at time.Time) {
	for _, stream := range slices.Sorted(maps.Keys(s.part)) {
		if part := s.part[stream]; len(part) > 0 {
			w.line(id, s, string(part), at)
		}
	}
	clear(s.part)
}

func (w *watcher) line(id digest.Digest, s *step, text string, at time.Time) {
	text = strings.TrimRight(text, "\r")
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	w.emit(Event{Kind: Log, ID: id.String(), Name: s.name, Line: w.hide.Replace(text), Time: at})
}

func (w *watcher) tell(id digest.Digest, s *step, kind EventKind, line string, at time.Time) {
	s.state = kind
	w.emit(Event{Kind: kind, ID: id.String(), Name: s.name, Line: line, Time: at})
}

// push turns the progress of a push into events of steps.
func (w *watcher) push(p registry.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kind := map[registry.State]EventKind{registry.Sending: Started, registry.Sent: Finished, registry.There: Cached}[p.State]
	w.emit(Event{Kind: kind, ID: "push " + p.Digest.String(), Name: fmt.Sprintf("push %s (%s)", p.Digest, size(p.Size)), Time: time.Now()})
}

func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// hideError keeps secrets out of an error's text, and its causes reachable.
func (w *watcher) hideError(err error) error {
	text := err.Error()
	if hidden := w.hide.Replace(text); hidden != text {
		return hiddenError{hidden, err}
	}
	return err
}

type hiddenError struct {
	text string
	err  error
}

func (e hiddenError) Error() string { return e.text }
func (e hiddenError) Unwrap() error { return e.err }
