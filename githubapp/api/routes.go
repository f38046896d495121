package api

// need is what a route asks of its caller.
type need int

const (
	anyone need = iota
	person      // somebody who is signed in
	read        // the repository of the run, or of the path
	write       // the same
	admin       // of this server
)

func (n need) String() string { return [...]string{"anyone", "signed in", "read", "write", "admin"}[n] }

// route is one entry of the API.
type route struct {
	Method, Path string
	Need         need
	Knows        bool // wants to know an anonymous caller's absence, too
	Stream       bool // lasts as long as its reader
	serve        func(*Server, *call) error
}

// routes are all of them; docs/api.md says what each is for, and a test that
// none is missing there.
var routes = []route{
	{"GET", "/api/v1/me", anyone, true, false, (*Server).me},
	{"GET", "/api/v1/runs", person, false, false, (*Server).listRuns},
	{"GET", "/api/v1/watch", person, false, true, (*Server).watchRuns},
	{"GET", "/api/v1/runs/{run}", read, false, false, (*Server).oneRun},
	{"GET", "/api/v1/runs/{run}/watch", read, false, true, (*Server).watchRun},
	{"GET", "/api/v1/runs/{run}/summaries", read, false, false, (*Server).summaries},
	{"GET", "/api/v1/runs/{run}/attempts/{attempt}/events", read, false, true, (*Server).events},
	{"GET", "/api/v1/runs/{run}/attempts/{attempt}/log", read, false, true, (*Server).textLog},
	{"GET", "/api/v1/runs/{run}/artifacts", read, false, false, (*Server).listArtifacts},
	{"GET", "/api/v1/runs/{run}/artifacts/{artifact}", read, false, true, (*Server).artifact},
	{"POST", "/api/v1/runs/{run}/cancel", write, false, false, (*Server).cancel},
	{"POST", "/api/v1/runs/{run}/rerun", write, false, false, (*Server).rerun},
	{"POST", "/api/v1/runs/{run}/approve", read, false, false, (*Server).approve},
	{"GET", "/api/v1/repositories", person, false, false, (*Server).listRepositories},
	{"GET", "/api/v1/repositories/{owner}/{name}/workflows", read, false, false, (*Server).listWorkflows},
	{"POST", "/api/v1/repositories/{owner}/{name}/dispatch", write, false, false, (*Server).dispatch},
	{"GET", "/api/v1/repositories/{owner}/{name}/services", read, false, false, (*Server).servicesOf},
	{"GET", "/api/v1/repositories/{owner}/{name}/services/{service}", read, false, false, (*Server).serviceBuilds},
	{"GET", "/api/v1/repositories/{owner}/{name}/services/{service}/diff", read, false, false, (*Server).compareBuilds},
	{"GET", "/api/v1/services", person, false, false, (*Server).listServices},
	{"GET", "/api/v1/deliveries", admin, false, false, (*Server).listDeliveries},
	{"GET", "/api/v1/deliveries/{delivery}", admin, false, false, (*Server).delivery},
	{"GET", "/api/v1/queue", admin, false, false, (*Server).queue},
	{"GET", "/auth/login", anyone, false, false, (*Server).login},
	{"GET", "/auth/callback", anyone, false, false, (*Server).callback},
	{"POST", "/auth/local", anyone, false, false, (*Server).signInLocal},
	{"POST", "/auth/logout", person, false, false, (*Server).logout},
	{"GET", "/healthz", anyone, false, false, (*Server).health},
	{"GET", "/readyz", anyone, false, false, (*Server).ready},
	{"GET", "/metrics", anyone, true, false, (*Server).metrics},
}

// Route is a route as it is documented.
type Route struct{ Method, Path, Need string }

// Routes lists what the server answers.
func Routes() []Route {
	all := make([]Route, len(routes))
	for i, r := range routes {
		all[i] = Route{r.Method, r.Path, r.Need.String()}
	}
	return all
}
