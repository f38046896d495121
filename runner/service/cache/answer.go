package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// kind is a way to fail, as twirp and HTTP call it. Clients try 429, 500, 502,
// 503 and 504 again, so what stays wrong must be none of these.
type kind struct {
	code   string
	status int
}

var (
	invalidArgument  = kind{"invalid_argument", http.StatusBadRequest}
	alreadyExists    = kind{"already_exists", http.StatusConflict}
	permissionDenied = kind{"permission_denied", http.StatusForbidden}
	unauthenticated  = kind{"unauthenticated", http.StatusUnauthorized}
	notFound         = kind{"not_found", http.StatusNotFound}
	badRoute         = kind{"bad_route", http.StatusNotFound}
	wrongMethod      = kind{"bad_route", http.StatusMethodNotAllowed}
	failedBefore     = kind{"failed_precondition", http.StatusPreconditionFailed}
	tooLarge         = kind{"invalid_argument", http.StatusRequestEntityTooLarge}
	diskFull         = kind{"resource_exhausted", http.StatusInsufficientStorage}
	internal         = kind{"internal", http.StatusInternalServerError}
)

type failure struct {
	kind
	msg string
}

func (f *failure) Error() string { return f.msg }

func failed(k kind, format string, args ...any) error {
	return &failure{k, fmt.Sprintf(format, args...)}
}

func isKind(err error, k kind) bool {
	var f *failure
	return errors.As(err, &f) && f.kind == k
}

// asFailure finds the right place of any error.
func asFailure(err error) *failure {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, blob.ErrNoSpace):
		return &failure{diskFull, "the cache's disk is full: " + err.Error()}
	case errors.Is(err, blob.ErrTooLarge):
		return &failure{tooLarge, err.Error()}
	case errors.Is(err, blob.ErrSize), errors.Is(err, blob.ErrIncomplete), errors.Is(err, blob.ErrBlock), errors.Is(err, blob.ErrBlockList):
		return &failure{invalidArgument, err.Error()}
	case errors.Is(err, blob.ErrUnknown):
		return &failure{notFound, "the reservation has ended: reserve the key again"}
	}
	return &failure{internal, "the cache service failed; its log says why"}
}

// fail answers in JSON that twirp's clients (code, msg) and those of version 1
// read (message, typeKey).
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := asFailure(err)
	if f.status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.log.Error("cache service", "path", r.URL.Path, "error", err)
	}
	typeKey := "ArtifactCacheException"
	if f.kind == alreadyExists {
		typeKey = "ArtifactCacheItemAlreadyExistsException" // what BuildKit looks for
	}
	answer(w, f.status, map[string]any{
		"code": f.code, "msg": f.msg,
		"message": f.msg, "typeName": typeKey, "typeKey": typeKey, "errorCode": 0,
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"code":"internal","msg":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone needs no answer
}
