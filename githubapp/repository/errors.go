package repository

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/google/go-github/v60/github"
)

// Kind says why GitHub will give the same refusal again.
type Kind string

// The kinds of refusals that no repetition changes.
const (
	Gone      Kind = "repository gone" // deleted, or another one has its name now
	NoAccess  Kind = "no access"       // installation removed or suspended, or it may not read this
	NoCommit  Kind = "commit gone"     // force-pushed away, or the repository is empty
	NoFile    Kind = "no such file"
	TooLarge  Kind = "too large"
	Malformed Kind = "malformed" // a name that GitHub does not allow
)

// Error is a refusal for good.
type Error struct {
	Doing string
	Kind  Kind
	Err   error // may be nil
}

func (e *Error) Error() string {
	text := e.Doing + ": " + words[e.Kind]
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

var words = map[Kind]string{
	Gone:      "the repository was deleted, or the App cannot see it any more",
	NoAccess:  "GitHub gives the App no access: look whether it is still installed there and has the permission",
	NoCommit:  "there is no such commit any more",
	NoFile:    "there is no such file",
	TooLarge:  "it is too large",
	Malformed: "GitHub allows no such name",
}

// KindOf is the Kind of an Error in the chain, "" for errors that may pass.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, auth.ErrNoAccess) {
		return NoAccess
	}
	return ""
}

// refused makes an Error of what asking again does not change; missing is what
// 404 stands for.
func refused(doing string, missing Kind, res *github.Response, err error) error {
	kind := Kind("")
	switch {
	case errors.Is(err, auth.ErrNoAccess):
		kind = NoAccess
	case res == nil:
	case res.StatusCode == http.StatusNotFound:
		kind = missing
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		kind = NoAccess // the limiter has taken out what is a rate limit
	case res.StatusCode == http.StatusGone || res.StatusCode == http.StatusUnavailableForLegalReasons:
		kind = Gone
	case res.StatusCode == http.StatusConflict: // "Git Repository is empty."
		kind = NoCommit
	case res.StatusCode == http.StatusUnprocessableEntity: // "No commit found for SHA"
		kind = NoCommit
	}
	if kind == "" {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &Error{Doing: doing, Kind: kind, Err: err}
}
