package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// Error is the answer to a request that failed:
// {"error":{"code","message","hint"}}.
type Error struct {
	Status  int    `json:"-"`
	Code    string `json:"code"` // for programs; one of the Code constants
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do
}

// The codes.
const (
	CodeBadRequest   = "bad_request"
	CodeSignIn       = "sign_in"      // nobody is signed in
	CodeForbidden    = "forbidden"    // signed in, but may not
	CodeCSRF         = "csrf"         // a write without its header, or of a foreign page
	CodeNotFound     = "not_found"    // or not to be seen by the caller
	CodeConflict     = "conflict"     // the state has changed, look again
	CodeNotHere      = "not_here"     // this server cannot do that
	CodeBusy         = "busy"         // too many readers
	CodeWrongHost    = "wrong_host"   // the request was meant for another host
	CodeInternal     = "internal"     // the log says more
	CodeUnavailable  = "unavailable"  // GitHub or the store does not answer
	CodeUnacceptable = "unacceptable" // refused, whoever asks
)

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ": " + e.Hint
}

func refuse(status int, code, hint, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func badRequest(format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, CodeBadRequest, "", format, args...)
}

func notFound(what string) *Error {
	return refuse(http.StatusNotFound, CodeNotFound, "it does not exist, or you may not see it", "no such %s", what)
}

func notHere(what string) *Error {
	return refuse(http.StatusNotImplemented, CodeNotHere, "", "this server cannot %s", what)
}

// answerable makes an Error of what a part of the server said. Causes that are
// not meant for callers stay in the log.
func answerable(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, store.ErrNotFound):
		return notFound("thing")
	case errors.Is(err, store.ErrWrongCommit):
		return refuse(http.StatusConflict, CodeConflict, "look at the run again: an approval is for exactly one commit", "%v", store.ErrWrongCommit)
	case errors.Is(err, queue.ErrNotReviewer):
		return refuse(http.StatusForbidden, CodeForbidden, "one of the environment's reviewers can", "%v", err)
	case errors.Is(err, queue.ErrNotWaiting), errors.Is(err, queue.ErrNotCompleted), errors.Is(err, queue.ErrCompleted), errors.Is(err, queue.ErrNothing), errors.Is(err, store.ErrConflict):
		return refuse(http.StatusConflict, CodeConflict, "look at the run again", "%v", err)
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(http.StatusServiceUnavailable, CodeUnavailable, "try again", "it took too long")
	}
	return refuse(http.StatusInternalServerError, CodeInternal, "the server's log says more", "something went wrong here")
}

func writeError(w http.ResponseWriter, e *Error) {
	writeJSON(w, e.Status, map[string]*Error{"error": e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer cannot be written"}}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
