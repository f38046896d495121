package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const maxBody = 256 << 10 // GitHub takes 64 KiB of inputs

// readJSON reads the body of a write. A form of a foreign page cannot send one.
func readJSON(c *call, v any) error {
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, CodeBadRequest, "send Content-Type: application/json", "the body is no JSON")
	}
	dec := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.More() {
		err = errors.New("there is more than one value")
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, CodeBadRequest, "", "the body has more than %d bytes", maxBody)
	case errors.Is(err, io.EOF):
		return badRequest("the body is empty: send {} at least")
	case err != nil:
		return badRequest("the body: %v", err)
	}
	return nil
}

const maxText = 4 << 10

func (s *Server) cancel(c *call) error {
	var body struct {
		Force  bool   `json:"force"`
		Reason string `json:"reason"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	if s.Actions.Cancel == nil {
		return notHere("cancel runs")
	}
	if len(body.Reason) > maxText {
		return badRequest("reason: it has more than %d bytes", maxText)
	}
	if body.Reason == "" {
		body.Reason = "cancelled by " + c.caller.actor().Login
	}
	if err := s.Actions.Cancel(c.r.Context(), c.run.ID, c.caller.actor(), body.Reason, body.Force); err != nil {
		return err
	}
	writeJSON(c.w, http.StatusAccepted, map[string]any{"run": c.run.ID})
	return nil
}

func (s *Server) rerun(c *call) error {
	var body struct {
		What  queue.What `json:"what"`
		Job   plan.LegID `json:"job"`
		Debug bool       `json:"debug"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	if s.Actions.Rerun == nil {
		return notHere("run again")
	}
	switch body.What {
	case "":
		body.What = queue.All
	case queue.All, queue.Failed, queue.Job:
	default:
		return badRequest("what %q: it is all, failed or job", body.What)
	}
	if (body.What == queue.Job) != (body.Job != "") {
		return badRequest("job: give its id with what: job, and only then")
	}
	attempt, err := s.Actions.Rerun(c.r.Context(), c.run.ID, queue.RerunRequest{What: body.What, Job: body.Job, Debug: body.Debug, By: c.caller.actor()})
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusAccepted, map[string]any{"run": c.run.ID, "attempt": attempt})
	return nil
}

// approve takes a person's word. That a fork's run may begin is for who may
// write; environments have reviewers, who may have less, and whom the queue asks.
func (s *Server) approve(c *call) error {
	var body struct {
		Environment string        `json:"environment"`
		SHA         string        `json:"sha"`
		Verdict     store.Verdict `json:"verdict"`
		Comment     string        `json:"comment"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	switch {
	case s.Actions.Approve == nil:
		return notHere("approve runs")
	case body.Environment == "" && c.can < Write:
		return refuse(http.StatusForbidden, CodeForbidden, "who may push to it can", "you may only read %s", c.repo.Name)
	case body.Verdict != store.Approved && body.Verdict != store.Rejected:
		return badRequest("verdict %q: it is approved or rejected", body.Verdict)
	case body.SHA == "":
		return badRequest("sha: name the commit that you have looked at")
	case len(body.Comment) > maxText:
		return badRequest("comment: it has more than %d bytes", maxText)
	}
	err := s.Actions.Approve(c.r.Context(), store.Approval{
		Run: c.run.ID, Attempt: c.run.Attempt, Environment: body.Environment, SHA: body.SHA,
		By: c.caller.actor(), Verdict: body.Verdict, Comment: body.Comment,
	})
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusAccepted, map[string]any{"run": c.run.ID})
	return nil
}

func (s *Server) dispatch(c *call) error {
	var body struct {
		Workflow string            `json:"workflow"`
		Ref      string            `json:"ref"`
		Inputs   map[string]string `json:"inputs"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	if s.Actions.Dispatch == nil {
		return notHere("dispatch workflows")
	}
	if body.Workflow == "" {
		return badRequest("workflow: name its path, .github/workflows/deploy.yml")
	}
	id, err := s.Actions.Dispatch(c.r.Context(), Dispatch{Repository: c.repo, Workflow: body.Workflow, Ref: body.Ref, Inputs: body.Inputs, By: c.caller.actor()})
	if err != nil {
		if e := answerable(err); e.Code != CodeInternal {
			return e
		}
		return refuse(http.StatusUnprocessableEntity, CodeUnacceptable, "", "%v", err)
	}
	writeJSON(c.w, http.StatusCreated, map[string]any{"run": id})
	return nil
}
