package history

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const (
	flushEvery = 400 * time.Millisecond // what a crash may lose
	// maxWaiting bounds what waits for a slow disk, in bytes; lines beyond it
	// are left out, and the record says so.
	maxWaiting = 64 << 20
	enough     = 256 << 10 // is written without delay
	chunkSize  = 32 << 10
)

// Recorder is the runner.Sink that writes a run's record. Emit formats into
// memory; a goroutine of its own writes.
type Recorder struct {
	folder folder
	run    *Run
	notice func(text string)

	wake, now chan struct{} // there is something; it should be written at once
	quit      chan struct{}
	done      chan struct{}

	vault   *vault // of checkpoints
	resumed bool   // an earlier program began the record

	mu      sync.Mutex
	unsaved map[plan.LegID]*unsaved
	over    []string  // folders of jobs whose checkpoints go
	urgent  bool      // a checkpoint is
	lately  time.Time // when the last one was written
	jobs    jobs
	waiting []chunk // to write, in order
	size    int     // of waiting
	free    [][]byte
	dropped int   // lines
	failed  error // nothing is written any more
	closed  bool
}

// chunk is text for the end of one file, or a whole file.
type chunk struct {
	name  string
	data  []byte
	whole bool
	last  bool // the file will not grow any more
}

func newRecorder(dir string, run *Run, v *vault, notice func(string), past *jobs) *Recorder {
	if notice == nil {
		notice = func(string) {}
	}
	r := &Recorder{
		folder: folder{dir: dir}, run: run, notice: notice, vault: v,
		wake: make(chan struct{}, 1), now: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	if past != nil {
		r.resumed, r.jobs = true, *past
	}
	go r.loop()
	go r.beats()
	return r
}

// Emit records an event. It never waits for the disk.
func (r *Recorder) Emit(e runner.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.told(e) {
		return
	}
	end, isEnd := e.(runner.RunFinished)
	if isEnd {
		r.run.Finished, r.run.Conclusion = end.Time, end.Conclusion
	}
	if r.failed != nil {
		return
	}
	if _, isLine := e.(runner.Line); isLine && r.size > maxWaiting {
		r.dropped++
		return
	}
	r.sayDropped(e)
	j := r.jobs.apply(e)
	if j != nil {
		j.events++
	}
	r.appendTo(eventsFile, func(b []byte) []byte { return runner.AppendEvent(b, "", e) })
	if j != nil {
		r.recordJob(j, e)
	}
	if isEnd {
		r.add(r.runChunk())
	}
	poke(r.wake)
	if r.size > enough {
		poke(r.now)
	}
	switch e.(type) {
	case runner.StepFinished, runner.JobRequeued, runner.JobFinished, runner.RunFinished:
		poke(r.now)
	}
}

// recordJob writes what an event is worth to the files of its job.
func (r *Recorder) recordJob(j *Job, e runner.Event) {
	log, summary := j.Folder+"/log.txt", j.Folder+"/summary.md"
	r.appendTo(log, func(b []byte) []byte { return AppendText(b, e) })
	switch e := e.(type) {
	case runner.Summarised:
		r.appendTo(summary, func(b []byte) []byte { return appendSummary(b, e) })
	case runner.JobRequeued: // nobody could go on in the place that is gone
		r.ended(j)
	case runner.JobFinished:
		r.ended(j)
		r.waiting = append(r.waiting, chunk{name: log, last: true}, chunk{name: summary, last: true})
		r.add(chunk{name: j.Folder + "/job.json", data: encode(j), whole: true})
	}
}

func appendSummary(dst []byte, e runner.Summarised) []byte {
	return append(append(dst, strings.TrimRight(e.Markdown, "\n")...), '\n')
}

// texts are what an event adds to the files of its job.
func texts(j *Job, e runner.Event) []chunk {
	out := []chunk{{name: j.Folder + "/log.txt", data: AppendText(nil, e)}}
	if s, ok := e.(runner.Summarised); ok {
		out = append(out, chunk{name: j.Folder + "/summary.md", data: appendSummary(nil, s)})
	}
	return out
}

// sayDropped puts a remark where lines are missing.
func (r *Recorder) sayDropped(next runner.Event) {
	if r.dropped == 0 {
		return
	}
	text := fmt.Sprintf("the disk was too slow: %d lines are missing here", r.dropped)
	r.dropped = 0
	r.appendTo(eventsFile, func(b []byte) []byte {
		return runner.AppendEvent(b, "", runner.Noticed{Time: time.Now(), Level: "warning", Text: text})
	})
	if id, _ := jobOf(next); id != "" && r.jobs.byID[id] != nil {
		r.appendTo(r.jobs.byID[id].Folder+"/log.txt", func(b []byte) []byte { return appendText(b, time.Now(), "warning", text) })
	}
}

// appendTo lets more write to the end of the last chunk for a file.
func (r *Recorder) appendTo(name string, more func([]byte) []byte) {
	const looked = 8
	for i := len(r.waiting) - 1; i >= max(0, len(r.waiting)-looked); i-- {
		c := &r.waiting[i]
		if c.name != name {
			continue
		}
		if c.whole || c.last || len(c.data) >= chunkSize {
			break
		}
		before := len(c.data)
		c.data = more(c.data)
		r.size += len(c.data) - before
		return
	}
	if data := more(r.buffer()); len(data) > 0 {
		r.add(chunk{name: name, data: data})
	}
}

// buffer is an empty one, used before if there is one.
func (r *Recorder) buffer() []byte {
	if n := len(r.free); n > 0 {
		b := r.free[n-1]
		r.free = r.free[:n-1]
		return b
	}
	return nil
}

// recycle takes back the buffers of what was written.
func (r *Recorder) recycle(chunks []chunk) {
	const spare = 2 * enough / chunkSize
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range chunks {
		if len(r.free) < spare && cap(c.data) >= chunkSize && cap(c.data) <= 4*chunkSize {
			r.free = append(r.free, c.data[:0])
		}
	}
}

func (r *Recorder) add(c chunk) {
	r.waiting = append(r.waiting, c)
	r.size += len(c.data)
}

func (r *Recorder) runChunk() chunk {
	return chunk{name: runFile, data: encode(file{*r.run, r.run.mark}), whole: true}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// loop writes at step ends, and now and then in between.
func (r *Recorder) loop() {
	defer close(r.done)
	for {
		select {
		case <-r.wake:
		case <-r.quit:
			r.flush()
			return
		}
		timer := time.NewTimer(flushEvery)
		select {
		case <-timer.C:
		case <-r.now:
		case <-r.quit:
		}
		timer.Stop()
		r.flush()
	}
}

func (r *Recorder) flush() {
	r.mu.Lock()
	chunks, over := r.waiting, r.over
	r.waiting, r.size, r.over = nil, 0, nil
	checkpoints := r.due()
	failed, ended := r.failed != nil, r.run.Conclusion != ""
	r.mu.Unlock()
	defer func() {
		r.keep(checkpoints, failed)
		for _, name := range over {
			r.vault.drop(name)
		}
		if ended || failed {
			_ = r.vault.empty() // what cannot be gone on with shall not look as if it could
		}
	}()
	for _, c := range chunks {
		if failed {
			return
		}
		if err := r.folder.write(c); err != nil {
			r.fail(err)
			failed = true
		}
	}
	r.recycle(chunks)
}

// fail ends the record.
func (r *Recorder) fail(err error) {
	r.mu.Lock()
	first := r.failed == nil
	if first {
		r.failed, r.waiting, r.size = err, nil, 0
	}
	r.mu.Unlock()
	if first {
		r.notice(fmt.Sprintf("run %s goes on, but no more of it is recorded: %v", r.run.ID, err))
	}
}

// Close writes what is left. It gives the error that ended the record early,
// which has been noticed before.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		<-r.done
		return r.failed
	}
	r.closed = true
	r.mu.Unlock()
	close(r.quit)
	<-r.done
	if r.failed != nil { // there may be room for this much
		r.run.Incomplete = r.failed.Error()
		_ = r.folder.write(r.runChunk())
	}
	return errors.Join(r.failed, r.folder.close())
}
