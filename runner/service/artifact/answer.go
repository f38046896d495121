package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// failure is an error with the place it has in twirp and HTTP. Clients retry
// 429, 500, 502, 503 and 504, so nothing that stays wrong may be one of these.
type failure struct {
	status int
	code   string
	msg    string
}

func (f *failure) Error() string { return f.msg }

func failed(status int, code, format string, args ...any) error {
	return &failure{status, code, fmt.Sprintf(format, args...)}
}

func invalid(err error) error {
	if errors.Is(err, errTooLong) {
		return failed(http.StatusRequestEntityTooLarge, "invalid_argument", "%s", err)
	}
	return failed(http.StatusBadRequest, "invalid_argument", "%s", err)
}

func notFound(format string, args ...any) error {
	return failed(http.StatusNotFound, "not_found", format, args...)
}

func exists(name string) error {
	return failed(http.StatusConflict, "already_exists", "an artifact with the name %q exists already in this run, or is being uploaded: choose another name, or set overwrite", name)
}

// asFailure finds the right place for any error.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	switch msg := err.Error(); {
	case errors.Is(err, blob.ErrNoSpace):
		return &failure{http.StatusInsufficientStorage, "resource_exhausted", msg}
	case errors.Is(err, blob.ErrTooLarge):
		return &failure{http.StatusRequestEntityTooLarge, "resource_exhausted", msg}
	case errors.Is(err, blob.ErrSize), errors.Is(err, blob.ErrDigest), errors.Is(err, blob.ErrIncomplete),
		errors.Is(err, blob.ErrBlock), errors.Is(err, blob.ErrBlockList):
		return &failure{http.StatusBadRequest, "invalid_argument", msg}
	case errors.Is(err, blob.ErrUnknown), errors.Is(err, fs.ErrNotExist):
		return &failure{http.StatusNotFound, "not_found", msg}
	default:
		return &failure{http.StatusInternalServerError, "internal", msg}
	}
}

// fail answers with an error, in JSON that twirp clients (code, msg) and REST
// clients (message) read.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := asFailure(err)
	if f.status >= http.StatusInternalServerError {
		s.log.Error("artifact service", "path", r.URL.Path, "err", err)
	}
	answer(w, f.status, map[string]string{"code": f.code, "msg": f.msg, "message": f.msg})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"code":"internal","msg":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

// origin is the address that the client reached us at, for the links that we
// give it, unless one is configured.
func (s *Service) origin(r *http.Request) (string, error) {
	if s.base != "" {
		return s.base, nil
	}
	at, err := url.Parse("http://" + r.Host)
	if err != nil || at.Host != r.Host || at.Hostname() == "" {
		return "", invalid(fmt.Errorf("the Host header %q is no address", r.Host))
	}
	if r.TLS != nil {
		at.Scheme = "https"
	}
	return at.String(), nil
}
