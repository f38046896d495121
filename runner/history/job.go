package history

import (
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// maxAnnotations bounds those that a job's record keeps; the events hold all.
const maxAnnotations = 1000

// Job is what a record says of one job: job.json, and what the events tell of
// a job that has not ended.
type Job struct {
	ID         plan.LegID        `json:"id"`
	Name       string            `json:"name"`
	Folder     string            `json:"folder"` // below the run's: jobs/001-build
	Executor   string            `json:"executor,omitempty"`
	Image      string            `json:"image,omitempty"`
	Started    time.Time         `json:"started,omitzero"` // zero: it never started
	Finished   time.Time         `json:"finished,omitzero"`
	Seconds    float64           `json:"seconds"`
	Conclusion plan.Conclusion   `json:"conclusion,omitempty"` // "": it has not ended
	Reason     string            `json:"reason,omitempty"`
	Cause      runner.Cause      `json:"cause,omitempty"`
	Infra      bool              `json:"infra,omitempty"`
	Outputs    map[string]string `json:"outputs,omitempty"`
	Steps      []Step            `json:"steps"`
	Summary    bool              `json:"summary,omitempty"` // there is a summary.md

	FirstError  *command.Annotation `json:"firstError,omitempty"`
	Annotations []Annotation        `json:"annotations,omitempty"`

	events int // that the record has of it
}

// Step is a step of a job; it has no conclusion while it runs.
type Step struct {
	runner.StepResult
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
}

// Annotation is one with the number of its step.
type Annotation struct {
	StepNumber int `json:"step"`
	command.Annotation
}

// jobs are those of a run, in the order of their first event.
type jobs struct {
	list []*Job
	byID map[plan.LegID]*Job
}

// jobOf is the job that an event is about, "" for those of the run.
func jobOf(e runner.Event) (id plan.LegID, name string) {
	switch e := e.(type) {
	case runner.JobStarted:
		return e.Job, e.Name
	case runner.JobFinished:
		return e.Job, e.Name
	case runner.JobRequeued:
		return e.Job, e.Name
	case runner.StepStarted:
		return e.Job, ""
	case runner.StepFinished:
		return e.Job, ""
	case runner.Line:
		return e.Job, ""
	case runner.Annotated:
		return e.Job, ""
	case runner.Summarised:
		return e.Job, ""
	}
	return "", ""
}

// apply brings the jobs up to date and gives the one that e is about, or nil.
func (js *jobs) apply(e runner.Event) *Job {
	id, name := jobOf(e)
	if id == "" {
		return nil
	}
	j := js.byID[id]
	if j == nil {
		if js.byID == nil {
			js.byID = map[plan.LegID]*Job{}
		}
		j = &Job{ID: id, Name: string(id), Folder: fmt.Sprintf("%s/%03d-%s", jobsFolder, len(js.list)+1, safeName(string(id))), Steps: []Step{}}
		js.byID[id] = j
		js.list = append(js.list, j)
	}
	if name != "" {
		j.Name = name
	}
	j.apply(e)
	return j
}

func (j *Job) apply(e runner.Event) {
	switch e := e.(type) {
	case runner.JobStarted:
		j.Started, j.Executor, j.Image = e.Time, e.Executor, e.Image
	case runner.JobRequeued:
		j.Steps, j.Annotations = []Step{}, nil
	case runner.StepStarted:
		j.step(e.Step).Started = e.Time
	case runner.StepFinished:
		s := j.step(e.StepResult.Step)
		s.StepResult, s.Finished = e.StepResult, e.Time
	case runner.Annotated:
		if len(j.Annotations) < maxAnnotations {
			j.Annotations = append(j.Annotations, Annotation{e.Step, e.Annotation})
		}
	case runner.Summarised:
		j.Summary = true
	case runner.JobFinished:
		j.Finished, j.Seconds, j.Conclusion, j.Reason = e.Time, e.Seconds, e.Conclusion, e.Reason
		j.Cause, j.Infra, j.Outputs, j.FirstError = e.Cause, e.Infra, e.Outputs, e.FirstError
		for _, r := range e.Steps {
			j.step(r.Step).StepResult = r
		}
	}
}

// step finds a step or adds it.
func (j *Job) step(ref runner.StepRef) *Step {
	for i := range j.Steps {
		if j.Steps[i].Step.Number == ref.Number {
			return &j.Steps[i]
		}
	}
	j.Steps = append(j.Steps, Step{StepResult: runner.StepResult{Step: ref}})
	return &j.Steps[len(j.Steps)-1]
}

// safeName is a part of a file name that people recognise; the number before
// it is what makes the name unique. Ids come from workflows: whatever they
// hold, only these characters reach the disk.
func safeName(s string) string {
	const limit = 40
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		switch {
		case b.Len() >= limit:
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return name
	}
	return "job"
}
