package checks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// message is a check run as GitHub takes it. go-github's types lack started_at
// when one is changed.
type message struct {
	Name       string     `json:"name"`
	HeadSHA    string     `json:"head_sha,omitempty"` // only when it is made
	DetailsURL string     `json:"details_url,omitempty"`
	ExternalID string     `json:"external_id,omitempty"`
	Status     string     `json:"status,omitempty"`
	Conclusion string     `json:"conclusion,omitempty"`
	Started    *time.Time `json:"started_at,omitempty"`
	Completed  *time.Time `json:"completed_at,omitempty"`
	Output     *summary   `json:"output,omitempty"`
	Buttons    []button   `json:"actions"`
}

type summary struct {
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Annotations []annotation `json:"annotations,omitempty"`
}

// button is one of at most three. Label, description and identifier have at most
// 20, 40 and 20 characters.
type button struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// target is where check runs of a run go.
type target struct {
	client *github.Client
	path   string // repos/owner/name
	run    *store.Run
}

// errTurn says that there is more to say, of a run that has to be read anew by now.
var errTurn = errors.New("it was told for long enough")

// tell sends what is not said yet.
func (r *Reporter) tell(ctx context.Context, s *session, run *store.Run, entries []entry) error {
	client, err := r.Clients(run.Installation)
	if err != nil {
		return err
	}
	owner, name, ok := strings.Cut(run.RepositoryName, "/")
	if !ok {
		return fmt.Errorf("report run %d: %q is no name of a repository", run.ID, run.RepositoryName)
	}
	t := target{client: client, path: "repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name), run: run}

	if err := r.prepare(ctx, s, t, entries); err != nil {
		return err
	}
	told := 0
	for _, e := range entries {
		was, more := s.due(e, run.Attempt)
		if !more {
			continue
		}
		if told++; told > oneTurn {
			return errTurn
		}
		if err := r.tellOne(ctx, s, t, e, was); err != nil {
			return err
		}
	}
	return nil
}

// prepare notes which check runs are about to be made, before the first of them:
// if an answer gets lost, or this process ends, they are looked for and not made
// twice.
func (r *Reporter) prepare(ctx context.Context, s *session, t target, entries []entry) error {
	lost, fresh := false, false
	for _, e := range entries {
		was, known := s.Said[keyOf(e.key)]
		switch {
		case e.check != 0 || was.ID != 0:
		case !known, was.Refused && was.State != e.state:
			s.Said[keyOf(e.key)] = said{}
			fresh = true
		case !was.Refused:
			lost = true
		}
	}
	if lost {
		if err := r.findLost(ctx, s, t); err != nil {
			return err
		}
	}
	if lost || fresh {
		return s.save(ctx)
	}
	return nil
}

// findLost looks for check runs that were made although nobody heard of it.
func (r *Reporter) findLost(ctx context.Context, s *session, t target) error {
	for page := 1; page < 100; page++ {
		var got struct {
			Runs []struct {
				ID         int64  `json:"id"`
				ExternalID string `json:"external_id"`
			} `json:"check_runs"`
		}
		path := fmt.Sprintf("%s/commits/%s/check-runs?filter=all&per_page=100&page=%d", t.path, url.PathEscape(t.run.HeadSHA), page)
		if r.AppID != 0 {
			path += fmt.Sprintf("&app_id=%d", r.AppID)
		}
		if err := t.do(ctx, http.MethodGet, path, nil, &got); err != nil {
			return err
		}
		for _, c := range got.Runs {
			key, ok := strings.CutPrefix(c.ExternalID, externalPrefix(t.run.ID))
			if was, asked := s.Said[key]; ok && asked && was.ID == 0 {
				s.Said[key] = said{ID: c.ID, Doubt: true}
			}
		}
		if len(got.Runs) < 100 {
			return nil
		}
	}
	return nil
}

// keyOf names a check run within its run.
func keyOf(k store.JobKey) string { return fmt.Sprintf("%d/%s", k.Attempt, k.Job) }

// externalPrefix and keyOf are external_id.
func externalPrefix(id store.RunID) string { return fmt.Sprintf("drydock-%d-", id) }

// tellOne makes or changes one check run and notes it.
func (r *Reporter) tellOne(ctx context.Context, s *session, t target, e entry, was said) error {
	key := keyOf(e.key)
	o := &output{}
	if e.output {
		var err error
		if o, err = r.read(ctx, e.key); err != nil {
			return err
		}
		if o.finished.Cause == runner.CauseTimeout && e.conclusion != "success" {
			e.conclusion = "timed_out"
		}
	}
	m := r.message(e, o)
	sent := 0
	switch {
	case was.Doubt && was.ID != 0 && len(o.annotations) > 0:
		var err error
		if sent, err = t.arrived(ctx, was.ID); err != nil {
			return err
		}
	case was.State == e.state:
		sent = max(was.Annotations, 0)
	}
	for first := true; first || sent < len(o.annotations); first = false {
		part := o.annotations[min(sent, len(o.annotations)):]
		part = part[:min(batch, len(part))]
		m.Output.Annotations = part
		if len(part) > 0 && was.ID != 0 {
			was.Doubt = true
			s.Said[key] = was
			if err := s.save(ctx); err != nil {
				return err
			}
		}
		id, err := r.sendAtAll(ctx, t, was.ID, m)
		if err != nil && statusOf(err) != http.StatusUnprocessableEntity || errors.Is(err, errNoCommit) {
			return err
		}
		sent += len(part)
		if err != nil {
			r.Log.Warn("GitHub refuses a check run", "run", t.run.ID, "job", string(e.key.Job), "err", err)
			s.Said[key] = said{ID: was.ID, State: e.state, Annotations: -1, Refused: true}
			return s.save(ctx)
		}
		if id != e.check {
			if err := r.Store.SetCheckRun(ctx, e.key, id); err != nil {
				return err
			}
			e.check = id
		}
		was = said{ID: id, State: e.state, Annotations: sent}
		if sent >= len(o.annotations) {
			was.Annotations = -1 // all
		}
		s.Said[key] = was
		if len(part) == 0 {
			err = s.saveSometimes(ctx)
		} else {
			err = s.save(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// message is an entry as GitHub is to show it, without annotations.
func (r *Reporter) message(e entry, o *output) message {
	m := message{
		Name: clip(e.name, maxTitle), DetailsURL: r.URL(e.key), ExternalID: externalPrefix(e.key.Run) + keyOf(e.key),
		Status: e.status, Conclusion: e.conclusion, Buttons: e.buttons,
		Output: &summary{Title: clip(e.title, maxTitle), Summary: o.markdown(e.text, r.URL(e.key))},
	}
	if m.Buttons == nil {
		m.Buttons = []button{}
	}
	if !e.started.IsZero() && e.status != "queued" {
		m.Started = &e.started
	}
	if !e.finished.IsZero() && e.status == "completed" {
		m.Completed = &e.finished
	}
	return m
}

// sendAtAll leaves out what GitHub may refuse, bit by bit: what a job names as a
// file or line, or writes as a summary, may be nothing that GitHub takes, and its
// result counts more.
func (r *Reporter) sendAtAll(ctx context.Context, t target, check int64, m message) (int64, error) {
	id, err := t.send(ctx, check, m)
	refused := func() bool {
		return statusOf(err) == http.StatusUnprocessableEntity && !errors.Is(err, errNoCommit)
	}
	if refused() && len(m.Output.Annotations) > 0 {
		r.Log.Warn("GitHub refuses annotations", "run", t.run.ID, "check", m.Name, "err", err)
		m.Output = &summary{Title: m.Output.Title, Summary: m.Output.Summary}
		id, err = t.send(ctx, check, m)
	}
	if refused() {
		r.Log.Warn("GitHub refuses the text of a check run", "run", t.run.ID, "check", m.Name, "err", err)
		m.Output = &summary{Title: m.Status, Summary: fmt.Sprintf("[Log](%s)", m.DetailsURL)}
		id, err = t.send(ctx, check, m)
	}
	return id, err
}

// send makes a check run (id 0) or changes it, and gives its id.
func (t target) send(ctx context.Context, id int64, m message) (int64, error) {
	method, path := http.MethodPost, t.path+"/check-runs"
	if id != 0 {
		method, path = http.MethodPatch, fmt.Sprintf("%s/check-runs/%d", t.path, id)
	} else {
		m.HeadSHA = t.run.HeadSHA
	}
	var got struct {
		ID int64 `json:"id"`
	}
	err := t.do(ctx, method, path, m, &got)
	if err == nil && got.ID == 0 {
		err = errors.New("GitHub's answer holds no id")
	}
	if err != nil {
		return 0, fmt.Errorf("report %q of run %d: %w", m.Name, t.run.ID, err)
	}
	return got.ID, nil
}

// errNoCommit says that the commit of a run is gone from its repository.
var errNoCommit = errors.New("the commit is gone")

// arrived asks how many annotations a check run has.
func (t target) arrived(ctx context.Context, check int64) (int, error) {
	var got struct {
		Output struct {
			Annotations int `json:"annotations_count"`
		}
	}
	err := t.do(ctx, http.MethodGet, fmt.Sprintf("%s/check-runs/%d", t.path, check), nil, &got)
	return got.Output.Annotations, err
}

func (t target) do(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, oneRequest)
	defer cancel()
	req, err := t.client.NewRequest(method, path, body)
	if err != nil {
		return err
	}
	_, err = t.client.Do(ctx, req, into)
	if statusOf(err) == http.StatusUnprocessableEntity && strings.Contains(err.Error(), "No commit found") {
		err = fmt.Errorf("%w: %w", errNoCommit, err)
	}
	return err
}

// statusOf is the status of GitHub's refusal, 0 when the error is another.
func statusOf(err error) int {
	var e *github.ErrorResponse
	if errors.As(err, &e) && e.Response != nil {
		return e.Response.StatusCode
	}
	return 0
}

// limitedUntil is when GitHub takes requests again, zero when the error is another.
func limitedUntil(err error) time.Time {
	var ours *auth.RateLimitedError
	var primary *github.RateLimitError
	switch {
	case errors.As(err, &ours):
		return ours.Until
	case errors.As(err, &primary):
		return primary.Rate.Reset.Time
	}
	return time.Time{}
}
