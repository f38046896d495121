package runner

import (
	"context"
	"net"
)

// Services are the HTTP services that a job's actions expect: caches, artifacts
// and ID tokens. One set of them serves all jobs of an engine.
type Services interface {
	// Open gives the job's own token. The engine calls it once for each job that
	// has its place and a step that may use them, and Endpoints.Close when the
	// job's last step is over.
	Open(ctx context.Context, job *Job) (Endpoints, error)

	// Serve answers one connection that came out of the job's place, until it
	// ends, and closes it. What speaks there is not to be trusted: only the
	// token in a request says which job it is. Conn has CloseWrite.
	Serve(conn net.Conn)
}

// IDTokenPath is where, below the services' address, a job asks for an ID token
// (ACTIONS_ID_TOKEN_REQUEST_URL). Clients append "&audience=".
const IDTokenPath = "_apis/distributedtask/idtoken?api-version=2.0"

// RESTPath is where, below the services' address, the calls of GitHub's REST API
// answer by which a job reads the artifacts of another run.
const RESTPath = "_api"

// Endpoints are what one job may use.
type Endpoints struct {
	// Token is ACTIONS_RUNTIME_TOKEN; it is masked in every log.
	Token string
	// IDToken: the job has id-token: write, so ACTIONS_ID_TOKEN_REQUEST_* are set.
	IDToken bool
	// CacheMode is ACTIONS_CACHE_MODE: "", "read", "none"...
	CacheMode string
	// Keeps tells whether artifacts of that run are here rather than at GitHub.
	// It may be nil.
	Keeps func(ctx context.Context, repository, run string) bool
	// Close makes the token dead and gives up what the job did not finish. It
	// may be nil.
	Close func()
}
