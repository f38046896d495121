package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// RESTPath is the path of version 1.
// actions/toolkit: packages/cache/src/internal/cacheHttpClient.ts
const RESTPath = "/_apis/artifactcache/"

func (s *Service) registerREST(mux *http.ServeMux) {
	mux.HandleFunc(RESTPath, func(w http.ResponseWriter, r *http.Request) {
		a, err := accessOf(r)
		if err == nil {
			err = s.serveREST(w, r, a)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// serveREST writes the answer, or returns the error that is to be answered.
func (s *Service) serveREST(w http.ResponseWriter, r *http.Request, a access) error {
	resource, id, _ := strings.Cut(r.URL.Path[len(RESTPath):], "/")
	switch {
	case resource == "cache" && id == "":
		return only(r, http.MethodGet, func() error { return s.restFind(w, r, a) })
	case resource == "caches" && id == "" && r.Method == http.MethodGet:
		return s.restList(w, r, a)
	case resource == "caches" && id == "":
		return only(r, http.MethodPost, func() error { return s.restReserve(w, r, a) })
	case resource == "caches" && r.Method == http.MethodPatch:
		return s.restWrite(w, r, a, id)
	case resource == "caches":
		return only(r, http.MethodPost, func() error { return s.restCommit(w, r, a, id) })
	}
	return failed(badRoute, "no such resource: %s", r.URL.Path)
}

func only(r *http.Request, method string, do func() error) error {
	if r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
		return failed(wrongMethod, "no such method: %s %s", r.Method, r.URL.Path)
	}
	return do()
}

// restEntry is an entry as version 1 shows it.
type restEntry struct {
	CacheKey        string    `json:"cacheKey"`
	Scope           string    `json:"scope"`
	CacheVersion    string    `json:"cacheVersion"`
	CreationTime    time.Time `json:"creationTime"`
	ArchiveLocation string    `json:"archiveLocation,omitempty"`
}

func shown(e Entry) restEntry {
	return restEntry{CacheKey: e.Key, Scope: e.Scope, CacheVersion: e.Version, CreationTime: e.Created}
}

func (s *Service) restFind(w http.ResponseWriter, r *http.Request, a access) error {
	q := r.URL.Query()
	e, found, err := s.search(r.Context(), a, strings.Split(q.Get("keys"), ","), q.Get("version"))
	if err != nil {
		return err
	}
	if !found {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	link, err := s.signDownload(r, e)
	if err != nil {
		return err
	}
	body := shown(e)
	body.ArchiveLocation = link
	answer(w, http.StatusOK, body)
	return nil
}

// restList is what the toolkit asks in debug mode after a miss.
func (s *Service) restList(w http.ResponseWriter, r *http.Request, a access) error {
	list := []restEntry{}
	for _, scope := range a.read {
		entries, err := s.List(r.Context(), Filter{Repository: a.repository, Scope: scope, Prefix: r.URL.Query().Get("key")})
		if err != nil {
			return err
		}
		for _, e := range entries {
			list = append(list, shown(e))
		}
	}
	answer(w, http.StatusOK, map[string]any{"totalCount": len(list), "artifactCaches": list})
	return nil
}

func (s *Service) restReserve(w http.ResponseWriter, r *http.Request, a access) error {
	f, err := readFields(w, r)
	if err != nil {
		return err
	}
	key, version, err := f.keyAndVersion()
	if err != nil {
		return err
	}
	size, err := f.number("cache_size")
	if err != nil {
		return err
	}
	if s.maxEntry > 0 && size > s.maxEntry {
		return failed(invalidArgument, "the cache of %d bytes is over the limit of %d bytes", size, s.maxEntry)
	}
	res, err := s.reserve(r.Context(), a, key, version)
	if err != nil {
		return err
	}
	answer(w, http.StatusCreated, map[string]int64{"cacheId": res.number})
	return nil
}

// byNumber is the job's own reservation of this id.
func (s *Service) byNumber(a access, id string, saving bool) (*reservation, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, failed(notFound, "cache id %.40q is not one", id)
	}
	return s.find(a, func(o *reservation) bool { return o.number == number }, saving)
}

func (s *Service) restWrite(w http.ResponseWriter, r *http.Request, a access, id string) error {
	res, err := s.byNumber(a, id, false)
	if err != nil {
		return err
	}
	first, length, _, err := blob.ParseContentRange(r.Header.Get("Content-Range"))
	if err != nil {
		return failed(invalidArgument, "%s", err)
	}
	if r.ContentLength >= 0 && r.ContentLength != length {
		return failed(invalidArgument, "the range has %d bytes, the body %d", length, r.ContentLength)
	}
	if err := s.uploads.PutRange(r.Context(), res.upload, first, r.Body, length); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) restCommit(w http.ResponseWriter, r *http.Request, a access, id string) error {
	f, err := readFields(w, r)
	if err != nil {
		return err
	}
	size, err := f.number("size")
	if err != nil {
		return err
	}
	if size < 0 {
		return failed(invalidArgument, "size is missing")
	}
	res, err := s.byNumber(a, id, true)
	if err != nil {
		return err
	}
	if size == 0 { // no range can say "no bytes"
		if err := s.uploads.Put(r.Context(), res.upload, http.NoBody, 0); err != nil {
			s.drop(res)
			return err
		}
	}
	if _, err := s.save(r.Context(), res, size); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
