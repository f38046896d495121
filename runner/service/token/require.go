package token

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

type grantKey struct{}

// NewContext returns ctx with the grant of the request's bearer.
func NewContext(ctx context.Context, g Grant) context.Context {
	return context.WithValue(ctx, grantKey{}, g)
}

// FromContext returns the grant that Require put into the request's context.
func FromContext(ctx context.Context) (Grant, bool) {
	g, ok := ctx.Value(grantKey{}).(Grant)
	return g, ok
}

// Require lets a request with a live token through, its grant in the context,
// and answers any other with 401 and {"code":"unauthenticated","msg":...}.
func (i *Issuer) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer, problem := fromHeader(r)
		if problem != "" {
			refuse(w, problem)
			return
		}
		g, err := i.Check(bearer)
		if err != nil {
			refuse(w, err.Error())
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), g)))
	})
}

// fromHeader reads "Bearer TOKEN", or "token TOKEN" as older Octokits send it.
func fromHeader(r *http.Request) (bearer, problem string) {
	values := r.Header.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", "the Authorization header with the job's ACTIONS_RUNTIME_TOKEN is missing"
	case len(values) > 1:
		return "", "the Authorization header is given more than once"
	}
	kind, bearer, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(kind, "bearer") && !strings.EqualFold(kind, "token") {
		return "", `the Authorization header is not of the form "Bearer TOKEN"`
	}
	return strings.TrimSpace(bearer), ""
}

// refuse answers as Twirp clients read it (code, msg) and as REST clients do
// (message).
func refuse(w http.ResponseWriter, problem string) {
	body, _ := json.Marshal(map[string]string{"code": "unauthenticated", "msg": problem, "message": problem})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("WWW-Authenticate", `Bearer realm="drydock"`)
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write(append(body, '\n'))
}
