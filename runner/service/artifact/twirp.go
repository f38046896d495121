package artifact

import (
	"errors"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// TwirpPath is where the service of v4 answers; clients keep of its address
// only the origin.
const TwirpPath = "/twirp/github.actions.results.api.v1.ArtifactService/"

// call is one method: what the asking job may see is bounded by its Grant.
type call func(s *Service, r *http.Request, g token.Grant, f fields) (any, error)

// actions/toolkit: packages/artifact/src/generated/results/api/v1/artifact.ts
var calls = map[string]call{
	"CreateArtifact":       (*Service).create,
	"FinalizeArtifact":     (*Service).finalize,
	"ListArtifacts":        (*Service).list,
	"GetSignedArtifactURL": (*Service).signedURL,
	"DeleteArtifact":       (*Service).deleteByName,
}

func (s *Service) registerTwirp(mux *http.ServeMux) {
	mux.HandleFunc(TwirpPath+"{method}", func(w http.ResponseWriter, r *http.Request) {
		body, err := s.twirp(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, body)
	})
}

func (s *Service) twirp(r *http.Request) (any, error) {
	g, err := grant(r)
	if err != nil {
		return nil, err
	}
	method, ok := calls[r.PathValue("method")]
	if !ok || r.Method != http.MethodPost {
		return nil, failed(http.StatusNotFound, "bad_route", "there is no method %s %.80q", r.Method, r.PathValue("method"))
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, failed(http.StatusNotFound, "bad_route", "the content type %.80q is not served: send application/json", r.Header.Get("Content-Type"))
	}
	f, err := readFields(r.Body)
	if err != nil {
		return nil, invalid(err)
	}
	run, err := f.text("workflow_run_backend_id")
	if err != nil {
		return nil, invalid(err)
	}
	if run == "" {
		return nil, invalid(errors.New("the field \"workflow_run_backend_id\" is missing"))
	}
	// The job's id is not looked at: clients send their own or that of the job
	// which made the artifact.
	if run != g.RunBackendID() {
		return nil, failed(http.StatusForbidden, "permission_denied", "the token is not one of run %.80q", run)
	}
	return method(s, r, g, f)
}

// name reads and checks the field "name".
func name(f fields) (string, error) {
	text, err := f.text("name")
	if err == nil {
		err = checkName(text)
	}
	if err != nil {
		return "", invalid(err)
	}
	return text, nil
}

type listed struct {
	Run     string `json:"workflow_run_backend_id"`
	Job     string `json:"workflow_job_run_backend_id"`
	ID      string `json:"database_id"`
	Name    string `json:"name"`
	Size    string `json:"size"`
	Created string `json:"created_at"`
	Digest  string `json:"digest,omitempty"`
}

func (s *Service) list(r *http.Request, g token.Grant, f fields) (any, error) {
	nameFilter, err := f.text("name_filter")
	if err != nil {
		return nil, invalid(err)
	}
	idFilter, err := f.integer("id_filter")
	if err != nil {
		return nil, invalid(err)
	}
	all, err := s.ofRun(r.Context(), g.Repository, g.Run, nameFilter)
	if err != nil {
		return nil, err
	}
	shown := []listed{}
	for _, a := range all {
		if idFilter != 0 && a.ID != idFilter {
			continue
		}
		shown = append(shown, listed{
			Run: g.RunBackendID(), Job: token.Grant{Job: a.Job}.JobBackendID(), ID: strconv.FormatInt(a.ID, 10), Name: a.Name,
			Size: strconv.FormatInt(a.Size, 10), Created: a.Created.UTC().Format(time.RFC3339), Digest: a.Digest,
		})
	}
	return map[string]any{"artifacts": shown}, nil
}

func (s *Service) signedURL(r *http.Request, g token.Grant, f fields) (any, error) {
	wanted, err := name(f)
	if err != nil {
		return nil, err
	}
	a, err := s.newest(r.Context(), g.Repository, g.Run, wanted)
	if err != nil {
		return nil, err
	}
	link, err := s.downloadURL(r, a)
	if err != nil {
		return nil, err
	}
	return map[string]any{"signed_url": link}, nil
}

func (s *Service) deleteByName(r *http.Request, g token.Grant, f fields) (any, error) {
	wanted, err := name(f)
	if err != nil {
		return nil, err
	}
	a, err := s.newest(r.Context(), g.Repository, g.Run, wanted)
	if err != nil {
		return nil, err
	}
	if err := s.remove(r.Context(), a); err != nil {
		return nil, err
	}
	return map[string]any{"ok": true, "artifact_id": strconv.FormatInt(a.ID, 10)}, nil
}
