package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// APIPath is where the calls of GitHub's REST API answer that a download from
// another run makes: GITHUB_API_URL is the service's address and this, without
// the last slash. Everything else of that API is not here.
const APIPath = "/_api/"

const (
	defaultPage = 30
	maxPage     = 100
)

func (s *Service) registerREST(mux *http.ServeMux) {
	rest := func(pattern string, serve func(w http.ResponseWriter, r *http.Request) error) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+APIPath+"repos/{owner}/{repo}/actions/"+path, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	rest("GET runs/{run}/artifacts", s.restList)
	rest("GET artifacts/{id}", s.restOne)
	rest("GET artifacts/{id}/zip", s.restZip)
	rest("DELETE artifacts/{id}", s.restDelete)
	mux.HandleFunc(APIPath, func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, notFound("%s %.200q is not served here: of GitHub's API only the artifacts of the own repository are", r.Method, r.URL.Path))
	})
}

// repository is the one that the path names, which must be the asker's own.
// Another one is as good as not there.
func repository(r *http.Request) (string, error) {
	g, err := grant(r)
	if err != nil {
		return "", err
	}
	named := r.PathValue("owner") + "/" + r.PathValue("repo")
	if !strings.EqualFold(named, g.Repository) {
		return "", notFound("there is no repository %.200q that this token may read", named)
	}
	return g.Repository, nil
}

func (s *Service) restList(w http.ResponseWriter, r *http.Request) error {
	repo, err := repository(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	size, err := number(query, "per_page", defaultPage)
	if err != nil {
		return err
	}
	page, err := number(query, "page", 1)
	if err != nil {
		return err
	}
	size = min(max(size, 1), maxPage)
	all, err := s.ofRun(r.Context(), repo, r.PathValue("run"), query.Get("name"))
	if err != nil {
		return err
	}
	slices.Reverse(all) // newest first
	origin, err := s.origin(r)
	if err != nil {
		return err
	}
	shown := []map[string]any{}
	for i, a := range all {
		if i/size == page-1 {
			shown = append(shown, restArtifact(origin, a, false))
		}
	}
	answer(w, http.StatusOK, map[string]any{"total_count": len(all), "artifacts": shown})
	return nil
}

// number is a positive number of the query.
func number(query url.Values, name string, fallback int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalid(fmt.Errorf("%s=%.40q is no number above 0", name, text))
	}
	return n, nil
}

func (s *Service) restOne(w http.ResponseWriter, r *http.Request) error {
	a, err := s.restFind(r)
	if err != nil {
		return err
	}
	origin, err := s.origin(r)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, restArtifact(origin, a, a.expired(s.now())))
	return nil
}

func (s *Service) restZip(w http.ResponseWriter, r *http.Request) error {
	a, err := s.restFind(r)
	if err != nil {
		return err
	}
	if a.expired(s.now()) {
		return failed(http.StatusGone, "not_found", "artifact %d has expired", a.ID)
	}
	link, err := s.downloadURL(r, a)
	if err != nil {
		return err
	}
	w.Header().Set("Location", link)
	w.WriteHeader(http.StatusFound)
	return nil
}

// restDelete lets a job remove what its own run has made; what another run has
// made is not its business.
func (s *Service) restDelete(w http.ResponseWriter, r *http.Request) error {
	a, err := s.restFind(r)
	if err != nil {
		return err
	}
	if g, err := grant(r); err != nil || a.Run != g.Run {
		return failed(http.StatusForbidden, "permission_denied", "artifact %d belongs to run %s: a job may delete those of its own run only", a.ID, a.Run)
	}
	if err := s.remove(r.Context(), a); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) restFind(r *http.Request) (Artifact, error) {
	repo, err := repository(r)
	if err != nil {
		return Artifact{}, err
	}
	text := r.PathValue("id")
	missing := notFound("there is no artifact %.40q in repository %q", text, repo)
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Artifact{}, missing
	}
	a, err := s.byID(r.Context(), id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Artifact{}, missing
	case err != nil:
		return Artifact{}, err
	case a.Loose || !strings.EqualFold(a.Repository, repo):
		return Artifact{}, missing
	}
	return a, nil
}

func restArtifact(origin string, a Artifact, expired bool) map[string]any {
	link := fmt.Sprintf("%s%srepos/%s/actions/artifacts/%d", origin, APIPath, a.Repository, a.ID)
	created := a.Created.UTC().Format(time.RFC3339)
	shown := map[string]any{
		"id": a.ID, "node_id": fmt.Sprintf("artifact-%d", a.ID), "name": a.Name, "size_in_bytes": a.Size,
		"url": link, "archive_download_url": link + "/zip", "expired": expired,
		"created_at": created, "updated_at": created, "expires_at": a.Expires.UTC().Format(time.RFC3339),
		"digest": nil, "workflow_run": map[string]any{"id": runNumber(a.Run)},
	}
	if a.Digest != "" {
		shown["digest"] = a.Digest
	}
	return shown
}

// runNumber is a run's id as GitHub's API has it: a number, if it is one.
func runNumber(run string) any {
	if n, err := strconv.ParseInt(run, 10, 64); err == nil {
		return n
	}
	return run
}

// ByID finds an artifact of any run that has not expired; the error of an
// unknown one is fs.ErrNotExist.
func (s *Service) ByID(ctx context.Context, id int64) (Artifact, error) {
	a, err := s.byID(ctx, id)
	if err == nil && a.expired(s.now()) {
		return Artifact{}, fmt.Errorf("artifact %d has expired: %w", id, fs.ErrNotExist)
	}
	return a, err
}
