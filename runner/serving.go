package runner

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// handler is what runs a step; each gives its process other variables.
type handler int

const (
	byScript    handler = iota // run:
	byNode                     // a JavaScript action
	byContainer                // a docker action, or an image
)

// serving is what one job has of the services.
type serving struct {
	ends Endpoints
	addr string // empty: they are not reachable, or nobody asks for them
}

// openServices opens the job's endpoints and makes them reachable in its place,
// beside what else is set up. The returned function waits for it.
func (x *execution) openServices(ctx context.Context, o *output) (wait func() error, err error) {
	if !x.wantsServices() {
		return func() error { return nil }, nil
	}
	ends, err := x.Services.Open(ctx, x.job)
	if err != nil {
		return nil, executor.Errorf(fmt.Sprintf("open the services of job %q", x.job.Leg.Name), executor.Failed, "%w", err)
	}
	x.hide(ends.Token)
	x.serving.ends = ends
	type answer struct {
		addr string
		err  error
	}
	exposed := make(chan answer, 1)
	go func() {
		var a answer
		a.err = guarded(func() (err error) {
			a.addr, err = x.env.Expose(ctx, 0, x.serve)
			return err
		})
		exposed <- a
	}()
	return func() error {
		a := <-exposed
		if a.err != nil {
			if lostPlace(a.err) || ctx.Err() != nil {
				return a.err
			}
			// Most jobs can do without; those that cannot fail in the step that tries.
			o.emit(command.LevelWarning, "The services for caches and artifacts cannot be reached from this job: "+a.err.Error())
			return nil
		}
		x.serving.addr = a.addr
		return nil
	}, nil
}

// wantsServices tells whether a step may have a use for the services.
func (x *execution) wantsServices() bool {
	return x.Services != nil && (x.ServicesForScripts || x.usesActions() || x.wantsIDToken())
}

// usesActions tells whether a step may run an action.
func (x *execution) usesActions() bool {
	for i := range x.job.Leg.Job.Steps {
		s := &x.job.Leg.Job.Steps[i]
		if s.Kind != plan.Uses {
			continue
		}
		if ref, err := action.ParseUses(s.Uses); err != nil || !x.surelyServed(s, x.located(ref)) {
			return true
		}
	}
	return false
}

// wantsIDToken tells whether the job asks for id-token: write; whether it gets
// that is for the services to say.
func (x *execution) wantsIDToken() bool {
	p := x.job.Leg.Job.Permissions
	return p != nil && (p.All == "write-all" || p.Scopes["id-token"] == "write")
}

// serve answers a connection that came out of the place.
func (x *execution) serve(c net.Conn) {
	if err := guarded(func() error { x.Services.Serve(c); return nil }); err != nil {
		x.logger().Error("serve a job", "job", x.job.ID(), "err", x.masker.MaskShown(err.Error()))
		c.Close()
	}
}

// closeServices makes the job's token dead.
func (x *execution) closeServices() {
	if end := x.serving.ends.Close; end != nil {
		if err := guarded(func() error { end(); return nil }); err != nil {
			x.noteInfra(err)
		}
	}
}

// serviceEnv adds what GitHub's runner tells a step's process of the services
// (actions/runner: NodeScriptActionHandler.cs, ContainerActionHandler.cs,
// ScriptHandler.cs). Nothing that the step sets stands against it. Place is the
// environment of the place that the process runs in.
func (x *execution) serviceEnv(r *stepRun, env, place map[string]string, by handler) {
	s := x.serving
	if s.addr == "" {
		return
	}
	base := "http://" + s.addr + "/" // clients append to it: the slash counts
	actions := by != byScript || x.ServicesForScripts
	if actions {
		for _, name := range []string{"ACTIONS_RUNTIME_URL", "ACTIONS_RESULTS_URL", "ACTIONS_CACHE_URL"} {
			env[name] = base
		}
		env["ACTIONS_RUNTIME_TOKEN"] = s.ends.Token
		if s.ends.CacheMode != "" {
			env["ACTIONS_CACHE_MODE"] = s.ends.CacheMode
		}
		if by != byContainer { // there it is missing on GitHub too
			env["ACTIONS_CACHE_SERVICE_V2"] = "True"
		}
		x.readRunsHere(r, env, base, by)
		if slices.Contains(notOnEnterprise, strings.ToLower(r.gh.actionRepository)) && enterprise(env["GITHUB_SERVER_URL"]) {
			env["GITHUB_SERVER_URL"] = "https://github.com"
		}
	}
	if s.ends.IDToken {
		env["ACTIONS_ID_TOKEN_REQUEST_URL"] = base + IDTokenPath
		env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = s.ends.Token
	}
	if actions || s.ends.IDToken {
		pastProxy(env, place, s.addr)
	}
}

// readRunsHere lets actions/download-artifact find a run that GitHub does not
// know, since it was here. The action asks the REST API by its input
// github-token, which says nothing to the services: it gets the job's own.
func (x *execution) readRunsHere(r *stepRun, env map[string]string, base string, by handler) {
	const run, repository = "INPUT_RUN-ID", "INPUT_REPOSITORY"
	s := x.serving
	if by != byNode || s.ends.Keeps == nil || env[run] == "" || !strings.EqualFold(r.gh.actionRepository, "actions/download-artifact") {
		return
	}
	if env["INPUT_GITHUB-TOKEN"] == "" && env[run] == env["GITHUB_RUN_ID"] {
		return // the action asks the services by itself
	}
	if s.ends.Keeps(context.Background(), env[repository], env[run]) {
		env["GITHUB_API_URL"], env["INPUT_GITHUB-TOKEN"] = base+RESTPath, s.ends.Token
	}
}

// notOnEnterprise are actions that refuse to work when GITHUB_SERVER_URL is an
// Enterprise Server: its own service lacks what ours has. No other action is
// told another server than the repository's: it could send it the token.
var notOnEnterprise = []string{"actions/upload-artifact", "actions/download-artifact"}

// enterprise is the test of GitHub's own clients (actions/toolkit: isGhes).
func enterprise(server string) bool {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" {
		return false
	}
	host := strings.ToLower(strings.TrimSpace(u.Hostname()))
	return host != "github.com" && !strings.HasSuffix(host, ".ghe.com") && !strings.HasSuffix(host, ".localhost")
}

// pastProxy keeps requests to the services away from a proxy that the process
// is told of.
func pastProxy(env, place map[string]string, addr string) {
	get := func(name string) string {
		if v, ok := env[name]; ok {
			return v
		}
		return place[name]
	}
	proxied := false
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"} {
		proxied = proxied || get(name) != ""
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil || !proxied {
		return
	}
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		list := get(name)
		if slices.Contains(strings.Split(list, ","), host) {
			continue
		}
		if list != "" {
			list += ","
		}
		env[name] = list + host
	}
}
