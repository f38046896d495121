package history

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Run is what run.json says of one attempt of a run.
type Run struct {
	ID      executor.RunID `json:"id"`      // digits
	Attempt int            `json:"attempt"` // from 1
	Number  int            `json:"number"`  // of the runs of this workflow in this repository
	// Repository is owner/name, Root the project's folder on this machine, Dir
	// the one that the command was typed in.
	Repository string `json:"repository"`
	Root       string `json:"root"`
	Dir        string `json:"dir"`
	Workflow   string `json:"workflow"` // name:, else the path
	File       string `json:"file"`
	Title      string `json:"title,omitempty"` // run-name:
	Event      string `json:"event"`
	Ref        string `json:"ref,omitempty"`
	SHA        string `json:"sha,omitempty"`
	Actor      string `json:"actor,omitempty"`

	Started    time.Time       `json:"started"`
	Finished   time.Time       `json:"finished,omitzero"`
	Conclusion plan.Conclusion `json:"conclusion,omitempty"` // "": it runs, or died
	PID        int             `json:"pid"`
	Version    string          `json:"version"`

	// Arguments are those of `run`, secrets by name alone.
	Arguments []string `json:"arguments"`
	Secrets   []string `json:"secrets"` // names
	// Again says of an attempt after the first which jobs it ran.
	Again string `json:"again,omitempty"`
	// Resumed counts how often another process went on with the attempt.
	Resumed int `json:"resumed,omitempty"`
	// Incomplete says why the record ends before the run.
	Incomplete string `json:"incomplete,omitempty"`

	mark string // stands for secrets in this record
}

// Status is the conclusion of a run, or one of the words below.
type Status string

// The statuses of a run that has no conclusion.
const (
	Running Status = "running"
	Died    Status = "died" // its process ended without a word
)

// Seconds is how long the attempt took; 0 if it has not ended.
func (r *Run) Seconds() float64 {
	if r.Finished.IsZero() {
		return 0
	}
	return max(r.Finished.Sub(r.Started).Seconds(), 0)
}

// Status tells how a run is; alive says whether its process lives.
func (r *Run) Status(alive func(executor.RunID) bool) Status {
	switch {
	case r.Conclusion != "":
		return Status(r.Conclusion)
	case alive(r.ID):
		return Running
	}
	return Died
}

// ParseID checks the id of a run that somebody typed.
func ParseID(text string) (executor.RunID, error) {
	n, err := strconv.ParseUint(text, 10, 53) // JavaScript reads larger ones with loss
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != text {
		return "", fmt.Errorf("run %q: the id of a run is a number such as 17", text)
	}
	return executor.RunID(text), nil
}

// newer orders ids, the newest first.
func newer(a, b executor.RunID) int {
	return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(string(b), string(a)))
}
