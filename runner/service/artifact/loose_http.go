package artifact

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// Paths of the old protocol, below the address of the service.
// actions/toolkit: packages/artifact before v2, internal/utils.ts
const (
	artifactsPath  = "/_apis/pipelines/workflows/{run}/artifacts"
	containersPath = "/_apis/resources/Containers/"

	maxLooseFiles = 100_000
	storageType   = "actions_storage"
)

func (s *Service) registerLoose(mux *http.ServeMux) {
	handle := func(pattern string, serve func(http.ResponseWriter, *http.Request, token.Grant) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			g, err := grant(r)
			if err == nil {
				err = serve(w, r, g)
			}
			if err != nil {
				s.fail(w, r, err)
			}
		})
	}
	handle("POST "+artifactsPath, s.looseCreate)
	handle("PATCH "+artifactsPath, s.looseFinish)
	handle("GET "+artifactsPath, s.looseList)
	handle("PUT "+containersPath+"{id}", s.loosePut)
	handle("GET "+containersPath+"{id}", s.looseItems)
	handle("GET "+containersPath+"{id}/{file}", s.looseFetch)
}

// ownRun refuses the artifacts of another run.
func ownRun(r *http.Request, g token.Grant) error {
	if r.PathValue("run") != g.Run {
		return failed(http.StatusForbidden, "permission_denied", "the token is not one of run %.80q", r.PathValue("run"))
	}
	return nil
}

func (s *Service) looseCreate(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	if err := ownRun(r, g); err != nil {
		return err
	}
	f, err := readFields(r.Body)
	if err != nil {
		return invalid(err)
	}
	wanted, err := name(f.folded())
	if err != nil {
		return err
	}
	days, err := f.folded().integer("retentiondays")
	if err != nil {
		return invalid(err)
	}
	if days < 0 {
		return invalid(fmt.Errorf("the retention of %d days is negative", days))
	}
	keep := s.retention
	if days > 0 && days < int64(keep/(24*time.Hour)) {
		keep = time.Duration(days) * 24 * time.Hour
	}
	now := s.now().UTC()
	c, err := s.openContainer(r.Context(), g, Artifact{
		Repository: g.Repository, Run: g.Run, Attempt: g.Attempt, Job: g.Job, Name: wanted, Loose: true,
		Created: now, Expires: now.Add(keep),
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	a := c.artifact
	c.mu.Unlock()
	origin, err := s.origin(r)
	if err != nil {
		return err
	}
	shown := looseShown(origin, a)
	shown["size"], shown["expiresOn"] = -1, a.Expires.Format(time.RFC3339)
	answer(w, http.StatusCreated, shown)
	return nil
}

// folded has every name in lower case: this protocol's begin with a capital,
// and its own server does not care.
func (f fields) folded() fields {
	out := fields{}
	for name, value := range f {
		out[strings.ToLower(name)] = value
	}
	return out
}

func (s *Service) looseFinish(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	if err := ownRun(r, g); err != nil {
		return err
	}
	if _, err := readFields(r.Body); err != nil { // the size in it says nothing that the files do not
		return invalid(err)
	}
	wanted := r.URL.Query().Get("artifactName")
	key := Artifact{Repository: g.Repository, Run: g.Run, Name: wanted, Loose: true}.recordKey()
	s.mu.Lock()
	c := s.loose[key]
	s.mu.Unlock()
	if c == nil {
		return notFound("this job uploads no artifact with the name %.300q", wanted)
	}
	a, err := s.finishLoose(context.WithoutCancel(r.Context()), c, owner(g))
	if err != nil {
		return err
	}
	origin, err := s.origin(r)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, looseShown(origin, a))
	return nil
}

func (s *Service) looseList(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	if err := ownRun(r, g); err != nil {
		return err
	}
	origin, err := s.origin(r)
	if err != nil {
		return err
	}
	all, err := s.List(r.Context(), g.Run)
	if err != nil {
		return err
	}
	shown := []map[string]any{}
	for _, a := range all {
		if a.Loose && a.sameRepository(g) {
			shown = append(shown, looseShown(origin, a))
		}
	}
	answer(w, http.StatusOK, map[string]any{"count": len(shown), "value": shown})
	return nil
}

func looseShown(origin string, a Artifact) map[string]any {
	link := origin + containersPath + strconv.FormatInt(a.ID, 10)
	return map[string]any{
		"containerId": a.ID, "size": a.Size, "signedContent": nil, "fileContainerResourceUrl": link, "type": storageType,
		"name": a.Name, "url": origin + strings.ReplaceAll(artifactsPath, "{run}", url.PathEscape(a.Run)) + "?artifactName=" + url.QueryEscape(a.Name),
	}
}
