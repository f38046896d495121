package term

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const (
	failureLines = 20 // of a failed step
	summaryLines = 40 // of a step's summary
	maxFailures  = 5  // failed steps of a job whose lines are kept
)

// model is what the views know of the runs so far. What it keeps of a job is
// bounded by the number of its steps, not by its log.
type model struct {
	runs []*run
	// active is how many runs have begun; names has a new number whenever
	// labels may have changed.
	active, names int
	started       time.Time
}

type run struct {
	id, workflow, event, file, ref, sha string

	label    string // the workflow's name, unique
	named    bool   // has its own sink
	begun    bool
	finished *runner.RunFinished
	hints    Hints
	jobs     []*job // in order of appearance
	byID     map[plan.LegID]*job
}

type job struct {
	run   *run
	id    plan.LegID
	name  string // clean, unique in the run
	place string // executor, and image if there is one

	executor string
	started  time.Time
	running  bool
	finished *runner.JobFinished // without Steps
	steps    []runner.StepResult
	current  []runner.StepRef // that run now
	tail     tail
	failures []failure
	summary  []stepSummary
	firstErr *command.Annotation
	// located is an annotation whose line has not come yet.
	located     *command.Annotation
	locatedStep int
	at          string       // what located says of the line that came last
	groups      map[int]bool // steps inside a group

	prefix   string // cached for names
	prefixAt int
}

// forget takes back what a job has told: it is run again.
func (j *job) forget() {
	j.steps, j.current, j.failures, j.summary, j.running = nil, nil, nil, nil, false
	j.tail, j.groups, j.firstErr, j.located = tail{}, nil, nil, nil
}

// failure is a failed step with its last lines.
type failure struct {
	result runner.StepResult
	lines  []tailLine
}

type stepSummary struct {
	step  int
	lines []string
	more  int
}

func (m *model) newRun(h Hints) *run {
	r := &run{hints: h, byID: map[plan.LegID]*job{}}
	m.runs = append(m.runs, r)
	return r
}

// apply brings the model up to date, and gives the job that e is about.
func (m *model) apply(r *run, e runner.Event) *job {
	if _, ok := e.(runner.Noticed); ok {
		return nil // may come without a run
	}
	m.begin(r)
	switch e := e.(type) {
	case runner.RunStarted:
		r.id, r.event, r.file, r.ref, r.sha = e.Run, flat(e.Event), flat(e.File), flat(e.Ref), e.SHA
		m.nameRun(r, flat(e.Workflow))
		if m.started.IsZero() || e.Time.Before(m.started) {
			m.started = e.Time
		}
	case runner.RunFinished:
		r.finished = &e
	case runner.JobStarted:
		j := m.job(r, e.Job, e.Name, e.Workflow)
		j.started, j.running = e.Time, true
		j.executor, j.place = e.Executor, flat(e.Executor)
		if e.Image != "" {
			j.place += ", " + flat(e.Image)
		}
		return j
	case runner.JobFinished:
		j := m.job(r, e.Job, e.Name, e.Workflow)
		j.finish(e)
		return j
	case runner.JobRequeued:
		j := m.job(r, e.Job, e.Name, e.Workflow)
		j.forget()
		return j
	case runner.StepStarted:
		j := m.job(r, e.Job, "", "")
		j.current = append(j.current, e.Step)
		return j
	case runner.StepFinished:
		j := m.job(r, e.Job, "", "")
		j.finishStep(e.StepResult)
		return j
	case runner.Line:
		j := m.job(r, e.Job, "", "")
		j.at = j.locate(e)
		at := j.at
		for text := range strings.SplitSeq(e.Text, "\n") {
			j.tail.add(e.Step, e.Level, at+text)
			at = ""
		}
		return j
	case runner.Annotated:
		j := m.job(r, e.Job, "", "")
		if e.Level == command.LevelError && j.firstErr == nil {
			j.firstErr = &e.Annotation
		}
		if e.File != "" {
			j.located, j.locatedStep = &e.Annotation, e.Step
		}
		return j
	case runner.Summarised:
		j := m.job(r, e.Job, "", "")
		j.summarise(e)
		return j
	}
	return nil
}

func (m *model) begin(r *run) {
	if r.begun {
		return
	}
	r.begun = true
	m.active++
	m.names++
	if m.started.IsZero() {
		m.started = time.Now()
	}
}

// nameRun gives the run a label that no other run has.
func (m *model) nameRun(r *run, name string) {
	r.workflow = name
	r.label = unique(name, r.file, func(s string) bool {
		return slices.ContainsFunc(m.runs, func(o *run) bool { return o != r && o.label == s })
	})
	m.names++
}

// unique is name, or name with a remark or a number, such that it is not taken.
func unique(name, remark string, taken func(string) bool) string {
	if !taken(name) {
		return name
	}
	if remark != "" && remark != name {
		name += " [" + remark + "]"
	}
	for s, n := name, 2; ; n++ {
		if !taken(s) {
			return s
		}
		s = name + " #" + strconv.Itoa(n)
	}
}

// job finds a job or adds it.
func (m *model) job(r *run, id plan.LegID, name, workflow string) *job {
	if r.label == "" && workflow != "" {
		m.nameRun(r, flat(workflow))
	}
	j := r.byID[id]
	if j != nil {
		return j
	}
	if name == "" {
		name = string(id)
	}
	j = &job{run: r, id: id, started: time.Now()}
	j.name = unique(flat(name), flat(string(id)), func(s string) bool {
		return slices.ContainsFunc(r.jobs, func(o *job) bool { return o.name == s })
	})
	r.byID[id] = j
	r.jobs = append(r.jobs, j)
	m.names++
	return j
}

// label is the name of a job among all runs.
func (m *model) label(j *job) string {
	if m.active > 1 && j.run.label != "" {
		return j.run.label + " / " + j.name
	}
	return j.name
}

// jobs are the jobs of all runs.
func (m *model) jobs() []*job {
	var all []*job
	for _, r := range m.runs {
		all = append(all, r.jobs...)
	}
	return all
}

// running are the jobs that run, the first started first.
func (m *model) running() []*job {
	var list []*job
	for _, r := range m.runs {
		for _, j := range r.jobs {
			if j.running {
				list = append(list, j)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *job) int { return a.started.Compare(b.started) })
	return list
}

func (j *job) finishStep(s runner.StepResult) {
	j.steps = append(j.steps, s)
	j.current = slices.DeleteFunc(j.current, func(r runner.StepRef) bool { return r.Number == s.Step.Number })
	delete(j.groups, s.Step.Number)
	if s.Conclusion == plan.Failure && len(j.failures) < maxFailures {
		j.failures = append(j.failures, failure{s, j.tail.last(s.Step.Number, failureLines)})
	}
}

func (j *job) finish(e runner.JobFinished) {
	if len(e.Steps) > 0 {
		j.steps = slices.Clone(e.Steps)
	}
	slices.SortStableFunc(j.steps, func(a, b runner.StepResult) int { return a.Step.Number - b.Step.Number })
	e.Steps = nil
	if e.FirstError == nil {
		e.FirstError = j.firstErr
	}
	if e.Conclusion == plan.Failure && len(j.failures) == 0 {
		// It failed outside its steps: what it did last is all there is to show.
		j.failures = append(j.failures, failure{lines: j.tail.last(0, failureLines)})
	}
	j.finished, j.running, j.current, j.located, j.groups = &e, false, nil, nil, nil
	j.tail = tail{}
}

func (j *job) summarise(e runner.Summarised) {
	s := stepSummary{step: e.Step}
	for line := range strings.SplitSeq(strings.TrimRight(e.Markdown, "\r\n"), "\n") {
		if len(s.lines) == summaryLines {
			s.more++
			continue
		}
		s.lines = append(s.lines, clip(strings.TrimSuffix(line, "\r")))
	}
	j.summary = append(j.summary, s)
}

// locate gives the place that the annotation before a line names, once.
func (j *job) locate(e runner.Line) string {
	a := j.located
	if a == nil || j.locatedStep != e.Step || a.Level != e.Level {
		return ""
	}
	j.located = nil
	if a.Message != e.Text {
		return ""
	}
	return where(a) + ": "
}

// inGroup tells whether a line of a step is inside a group, and follows it.
func (j *job) inGroup(e runner.Line) bool {
	switch e.Level {
	case command.LevelGroup:
		if j.groups == nil {
			j.groups = map[int]bool{}
		}
		j.groups[e.Step] = true
		return false
	case command.LevelEndGroup:
		delete(j.groups, e.Step)
	}
	return j.groups[e.Step]
}
