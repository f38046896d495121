package cache

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// TwirpPath is the path of version 2.
// actions/toolkit: packages/cache/src/generated/results/api/v1/cache.twirp-client.ts
const TwirpPath = "/twirp/github.actions.results.api.v1.CacheService/"

func (s *Service) registerTwirp(mux *http.ServeMux) {
	methods := map[string]func(*http.Request, access, fields) (any, error){
		"CreateCacheEntry":         s.createEntry,
		"FinalizeCacheEntryUpload": s.finalizeEntry,
		"GetCacheEntryDownloadURL": s.downloadURL,
	}
	mux.HandleFunc(TwirpPath, func(w http.ResponseWriter, r *http.Request) {
		method, ok := methods[r.URL.Path[len(TwirpPath):]]
		if !ok || r.Method != http.MethodPost {
			s.fail(w, r, failed(badRoute, "no such method: %s %s", r.Method, r.URL.Path))
			return
		}
		a, err := accessOf(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		f, err := readFields(w, r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		body, err := method(r, a, f)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, body)
	})
}

type createAnswer struct {
	OK              bool   `json:"ok"`
	SignedUploadURL string `json:"signed_upload_url"`
	Message         string `json:"message,omitempty"`
}

func (s *Service) createEntry(r *http.Request, a access, f fields) (any, error) {
	key, version, err := f.keyAndVersion()
	if err != nil {
		return nil, err
	}
	res, err := s.reserve(r.Context(), a, key, version)
	if isKind(err, permissionDenied) {
		return createAnswer{Message: err.Error()}, nil // the toolkit prints it as a warning
	}
	if err != nil {
		return nil, err
	}
	link, err := s.urls.Sign(r, URLClass, string(res.upload), blob.Write, s.uploadTTL(a))
	if err != nil {
		s.drop(res)
		return nil, failed(invalidArgument, "%s", err)
	}
	return createAnswer{OK: true, SignedUploadURL: link}, nil
}

// uploadTTL lets an upload URL live as long as the job, and not for ever.
func (s *Service) uploadTTL(a access) time.Duration {
	rest := a.expires.Sub(s.now())
	if rest <= 0 || rest > uploadTTL {
		return uploadTTL
	}
	return rest
}

type finalizeAnswer struct {
	OK      bool   `json:"ok"`
	EntryID string `json:"entry_id"` // a string: BuildKit refuses a number
	Message string `json:"message,omitempty"`
}

func (s *Service) finalizeEntry(r *http.Request, a access, f fields) (any, error) {
	key, version, err := f.keyAndVersion()
	if err != nil {
		return nil, err
	}
	size, err := f.number("size_bytes")
	if err != nil {
		return nil, err
	}
	if size < 0 { // zero is left out on the wire
		size = 0
	}
	res, err := s.find(a, func(o *reservation) bool { return o.key == key && o.version == version }, true)
	if err != nil {
		if e, ok := s.saved(r.Context(), a, key, version, size); ok && isKind(err, notFound) {
			return finalizeAnswer{OK: true, EntryID: entryID(e)}, nil
		}
		return nil, err
	}
	e, err := s.save(r.Context(), res, size)
	if problem, told := tellable(err); told {
		return finalizeAnswer{Message: problem}, nil
	}
	if err != nil {
		return nil, err
	}
	return finalizeAnswer{OK: true, EntryID: entryID(e)}, nil
}

func entryID(e Entry) string { return strconv.FormatInt(e.ID(), 10) }

// tellable are errors that the toolkit shows with their text when they come as
// an answer: what was uploaded is not what was announced.
func tellable(err error) (string, bool) {
	if err == nil {
		return "", false
	}
	if f := asFailure(err); f.status == http.StatusBadRequest || f.kind == failedBefore {
		return fmt.Sprintf("the cache is not saved: %s", f.msg), true
	}
	return "", false
}

type downloadAnswer struct {
	OK                bool   `json:"ok"`
	SignedDownloadURL string `json:"signed_download_url"`
	MatchedKey        string `json:"matched_key"`
}

func (s *Service) downloadURL(r *http.Request, a access, f fields) (any, error) {
	key, version, err := f.keyAndVersion()
	if err != nil {
		return nil, err
	}
	restore, err := f.texts("restore_keys")
	if err != nil {
		return nil, err
	}
	e, found, err := s.search(r.Context(), a, append([]string{key}, restore...), version)
	if err != nil {
		return nil, err
	}
	if !found {
		return downloadAnswer{}, nil
	}
	link, err := s.signDownload(r, e)
	return downloadAnswer{OK: true, SignedDownloadURL: link, MatchedKey: e.Key}, err
}

func (s *Service) signDownload(r *http.Request, e Entry) (string, error) {
	link, err := s.urls.Sign(r, URLClass, blobURLID(e.Blob), blob.Read, downloadTTL)
	if err != nil {
		return "", failed(invalidArgument, "%s", err)
	}
	return link, nil
}
