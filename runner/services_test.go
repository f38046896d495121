package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const serviceToken = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbiI6dHJ1ZX0.c2lnbmF0dXJl"

// desk is services that answer "served " and what was asked.
type desk struct {
	idToken bool
	mode    string
	keeps   func(repository, run string) bool
	fail    error

	opened, closed atomic.Int32
	closedAt       atomic.Int64 // the number of commands that had been started
	x              func() *fake.Executor
	panics         bool
}

func (d *desk) Open(_ context.Context, job *Job) (Endpoints, error) {
	d.opened.Add(1)
	if d.fail != nil {
		return Endpoints{}, d.fail
	}
	if job.Leg.Job.ID != "build" {
		return Endpoints{}, fmt.Errorf("job %q", job.Leg.Job.ID)
	}
	return Endpoints{Token: serviceToken, IDToken: d.idToken, CacheMode: d.mode, Keeps: func(_ context.Context, repository, run string) bool {
		return d.keeps != nil && d.keeps(repository, run)
	}, Close: func() {
		d.closed.Add(1)
		if d.x != nil {
			d.closedAt.Store(int64(len(d.x().Commands())))
		}
	}}, nil
}

func (d *desk) Serve(c net.Conn) {
	defer c.Close()
	if d.panics {
		panic("a service with a bug")
	}
	data, err := io.ReadAll(c)
	if err == nil {
		fmt.Fprintf(c, "served %s", data)
	}
}

// with makes b run with services.
func (d *desk) with(b bench) bench {
	before := b.setup
	b.setup = func(e *Engine, j *Job) {
		e.Services = d
		x, ok := e.Executors["fake"].(*fake.Executor)
		if !ok {
			x = e.Executors["fake"].(*engineWithContainers).Executor.(*fake.Executor)
		}
		d.x = func() *fake.Executor { return x }
		if before != nil {
			before(e, j)
		}
	}
	return b
}

var allHooks = map[string]string{
	"action.yml": "name: a\nruns: {using: node24, pre: pre.js, main: main.js, post: post.js}\n",
	"pre.js":     "echo pre", "main.js": "echo main", "post.js": "echo post",
}

const serviceBase = "http://10.0.0.2:40001/"

// TestServicesEnvironment is the table of the specification.
func TestServicesEnvironment(t *testing.T) {
	actions := map[string]string{
		"ACTIONS_RUNTIME_URL": serviceBase, "ACTIONS_RESULTS_URL": serviceBase, "ACTIONS_CACHE_URL": serviceBase,
		"ACTIONS_RUNTIME_TOKEN": serviceToken,
	}
	id := map[string]string{
		"ACTIONS_ID_TOKEN_REQUEST_URL":   serviceBase + IDTokenPath,
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": serviceToken,
	}
	v2, mode := map[string]string{"ACTIONS_CACHE_SERVICE_V2": "True"}, map[string]string{"ACTIONS_CACHE_MODE": "read"}
	for _, test := range []struct {
		name                   string
		desk                   *desk
		scripts                bool
		node, container, shell []map[string]string
	}{
		{"plain", &desk{}, false, []map[string]string{actions, v2}, []map[string]string{actions}, nil},
		{"id token", &desk{idToken: true}, false, []map[string]string{actions, v2, id}, []map[string]string{actions, id}, []map[string]string{id}},
		{"cache mode", &desk{mode: "read"}, false, []map[string]string{actions, v2, mode}, []map[string]string{actions, mode}, nil},
		{"scripts too", &desk{mode: "read", idToken: true}, true, []map[string]string{actions, v2, mode, id}, []map[string]string{actions, mode, id}, []map[string]string{actions, v2, mode, id}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var beside *engineWithContainers
			r := containers(test.desk.with(bench{
				setup:   func(e *Engine, _ *Job) { e.ServicesForScripts = test.scripts },
				actions: map[string]map[string]string{"a/a@v1": allHooks},
				workflow: job(`
env: {ACTIONS_RUNTIME_TOKEN: mine}
steps:
  - uses: a/a@v1
    env: {ACTIONS_RESULTS_URL: "http://mine/"}
  - run: echo $ACTIONS_RUNTIME_TOKEN
    env: {ACTIONS_RUNTIME_TOKEN: ""}
  - uses: docker://some/image
`)}), &beside).run(t)
			r.wantConclusion(plan.Success)
			check := func(what string, cmd executor.Command, want []map[string]string) {
				t.Helper()
				all := map[string]string{}
				for _, m := range want {
					maps.Copy(all, m)
				}
				got := map[string]string{}
				for k, v := range cmd.Env {
					// What the workflow itself sets stands where nothing of ours is.
					if strings.HasPrefix(k, "ACTIONS_") && (v != "" && v != "mine" || all[k] != "") {
						got[k] = v
					}
				}
				if !maps.Equal(got, all) {
					t.Errorf("%s has\n%v\nwant\n%v", what, got, all)
				}
			}
			cmds := r.fake.Commands()
			if len(cmds) != 4 || len(beside.beside.Commands()) != 1 {
				t.Fatalf("%d commands, %d beside", len(cmds), len(beside.beside.Commands()))
			}
			for i, what := range []string{"pre", "main"} {
				check(what, cmds[i], test.node)
			}
			check("run", cmds[2], test.shell)
			check("post", cmds[3], test.node)
			check("container", beside.beside.Commands()[0], test.container)
			if strings.Contains(r.all(), serviceToken) {
				t.Error("the token is to be seen")
			}
			if n := test.desk.closed.Load(); test.desk.opened.Load() != 1 || n != 1 || test.desk.closedAt.Load() != 4 {
				t.Errorf("closed %d times, after command %d", n, test.desk.closedAt.Load())
			}
			if len(r.fake.Calls("expose")) != 1 {
				t.Errorf("%d ports were exposed", len(r.fake.Calls("expose")))
			}
		})
	}
}

// TestServicesReadRunsHere: a run of this machine is not asked of GitHub.
func TestServicesReadRunsHere(t *testing.T) {
	download := map[string]string{
		"action.yml": "inputs: {run-id: {default: '${{ github.run_id }}'}, repository: {default: '${{ github.repository }}'}, github-token: {}}\n" +
			"runs: {using: node24, main: main.js}\n",
		"main.js": "echo main",
	}
	kept := &desk{keeps: func(repository, run string) bool { return repository == "octo/demo" && (run == "4" || run == "7") }}
	for _, test := range []struct {
		name, uses, with string
		here             bool
	}{
		{"another run", "actions/download-artifact@v8", "{run-id: 4}", true},
		{"with a token", "actions/download-artifact@v8", "{run-id: 4, github-token: ghs_mine}", true},
		{"own run", "actions/download-artifact@v8", "{}", false},
		{"own run with a token", "actions/download-artifact@v8", "{github-token: ghs_mine}", true},
		{"run of GitHub", "actions/download-artifact@v8", "{run-id: 17263548119, github-token: ghs_mine}", false},
		{"another repository", "actions/download-artifact@v8", "{run-id: 4, repository: octo/other, github-token: ghs_mine}", false},
		{"another action", "mallory/download-artifact@v8", "{run-id: 4, github-token: ghs_mine}", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := kept.with(bench{
				actions:  map[string]map[string]string{"actions/download-artifact@v8": download, "mallory/download-artifact@v8": download},
				github:   map[string]string{"repository": "octo/demo", "run_id": "7", "api_url": "https://api.github.com"},
				workflow: job("steps:\n  - uses: " + test.uses + "\n    with: " + test.with + "\n"),
			}).run(t)
			r.wantConclusion(plan.Success)
			env := r.fake.Commands()[0].Env
			here := env["GITHUB_API_URL"] == serviceBase+RESTPath && env["INPUT_GITHUB-TOKEN"] == serviceToken
			if here != test.here || !here && (env["GITHUB_API_URL"] != "https://api.github.com" || env["INPUT_GITHUB-TOKEN"] == serviceToken) {
				t.Errorf("the API is %q, the token %q", env["GITHUB_API_URL"], env["INPUT_GITHUB-TOKEN"])
			}
		})
	}
}

// TestServicesOnlyWhereNeeded: who has no use for them does not pay.
func TestServicesOnlyWhereNeeded(t *testing.T) {
	for _, test := range []struct {
		name, steps string
		desk        *desk
		scripts     bool
		want        int
	}{
		{"run alone", "steps:\n  - run: echo $ACTIONS_RUNTIME_TOKEN\n", &desk{}, false, 0},
		{"run with id token", "permissions: {id-token: write}\nsteps:\n  - run: echo $ACTIONS_ID_TOKEN_REQUEST_URL\n", &desk{idToken: true}, false, 1},
		{"run that shall see them", "steps:\n  - run: echo $ACTIONS_RUNTIME_URL\n", &desk{}, true, 1},
		{"local action", "steps:\n  - uses: ./act\n", &desk{}, false, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.desk.with(bench{
				setup:    func(e *Engine, _ *Job) { e.ServicesForScripts = test.scripts },
				files:    map[string]string{"act/action.yml": "runs: {using: node24, main: m.js}\n", "act/m.js": "echo $ACTIONS_RUNTIME_URL"},
				workflow: job(test.steps),
			}).run(t)
			r.wantConclusion(plan.Success)
			if n := len(r.fake.Calls("expose")); n != test.want {
				t.Errorf("%d ports were exposed, want %d\n%s", n, test.want, r.log())
			}
			if asked := r.fake.Calls("create")[0].Spec.Expose; asked != (test.want > 0) {
				t.Errorf("the place is asked for exposed ports: %t", asked)
			}
			if n := test.desk.opened.Load(); n != int32(test.want) {
				t.Errorf("opened %d times", n)
			}
		})
	}
}

func TestServicesServe(t *testing.T) {
	for _, panics := range []bool{false, true} {
		d := &desk{panics: panics}
		r := d.with(bench{
			actions:  map[string]map[string]string{"a/a@v1": allHooks},
			workflow: job("steps:\n  - uses: a/a@v1\n"),
			options: fake.Options{Script: func(_ context.Context, cmd executor.Command, p *fake.IO) executor.Exit {
				addr := strings.TrimSuffix(strings.TrimPrefix(cmd.Env["ACTIONS_RESULTS_URL"], "http://"), "/")
				c, err := p.Dial(addr)
				if err != nil {
					p.Printf("%v\n", err)
					return executor.Exit{Code: 1}
				}
				defer c.Close()
				fmt.Fprint(c, "question")
				_ = c.(interface{ CloseWrite() error }).CloseWrite()
				answer, err := io.ReadAll(c)
				p.Printf("%s, %v\n", answer, err != nil)
				return executor.Exit{}
			}},
		}).run(t)
		r.wantConclusion(plan.Success)
		if !panics {
			r.wantLog("2 served question, false")
		} else if strings.Contains(r.log(), "served") {
			t.Error("a panic served")
		}
	}
}

// TestServicesClose: the token is dead when the job is over, whatever happened.
func TestServicesClose(t *testing.T) {
	js := map[string]map[string]string{"a/a@v1": allHooks}
	for _, test := range []struct {
		name   string
		bench  bench
		opened int32
	}{
		{"failure", bench{workflow: job("steps:\n  - uses: a/a@v1\n  - run: exit 3\n")}, 1},
		{"cancel", bench{workflow: job("steps:\n  - uses: a/a@v1\n  - run: sleep 1h\n"), cancelAfter: time.Minute}, 1},
		{"time-out", bench{workflow: job("timeout-minutes: 1\nsteps:\n  - uses: a/a@v1\n  - run: sleep 1h\n")}, 1},
		{"lost", bench{workflow: job("steps:\n  - uses: a/a@v1\n  - run: lose\n")}, 1},
		{"panic", bench{
			workflow: job("steps:\n  - uses: a/a@v1\n"), setup: func(e *Engine, _ *Job) { e.Node = panicking{} },
		}, 1},
		{"no place", bench{
			workflow: job("steps:\n  - uses: a/a@v1\n"),
			options:  fake.Options{Create: func(executor.Spec) error { return errors.New("no room") }},
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &desk{}
			test.bench.actions = js
			r := d.with(test.bench).run(t)
			if r.Conclusion == plan.Success {
				t.Errorf("the job passed\n%s", r.log())
			}
			if d.opened.Load() != test.opened || d.closed.Load() != test.opened {
				t.Errorf("opened %d times, closed %d, want %d", d.opened.Load(), d.closed.Load(), test.opened)
			}
		})
	}
}

func TestServicesThatFail(t *testing.T) {
	steps := bench{actions: map[string]map[string]string{"a/a@v1": allHooks}, workflow: job("steps:\n  - uses: a/a@v1\n")}

	broken := steps
	r := (&desk{fail: errors.New("disk full")}).with(broken).run(t)
	r.wantConclusion(plan.Failure)
	if r.Infra == nil || !strings.Contains(r.Reason, `open the services of job "build": disk full`) {
		t.Errorf("reason %q, infra %v", r.Reason, r.Infra)
	}

	unreachable := steps
	unreachable.options.Expose = func() error { return errors.New("no port") }
	d := &desk{}
	r = d.with(unreachable).run(t)
	r.wantConclusion(plan.Success)
	if !strings.Contains(r.log(), "The services for caches and artifacts cannot be reached from this job: expose a port: no port") {
		t.Errorf("no warning:\n%s", r.log())
	}
	for _, cmd := range r.fake.Commands() {
		if cmd.Env["ACTIONS_RUNTIME_URL"] != "" || cmd.Env["ACTIONS_RUNTIME_TOKEN"] != "" {
			t.Error("a step was told of services that it cannot reach")
		}
	}
	if d.closed.Load() != 1 {
		t.Error("the endpoints were not closed")
	}

	lost := steps
	lost.options.Expose = func() error { return executor.Errorf("expose", executor.Lost, "the engine went away") }
	r = (&desk{}).with(lost).run(t)
	r.wantConclusion(plan.Failure)
	if r.Infra == nil {
		t.Error("a lost place is not the workflow's fault")
	}
}

func TestServicesPastProxy(t *testing.T) {
	for _, test := range []struct {
		name  string
		place map[string]string
		env   string
		want  []string // no_proxy, NO_PROXY
	}{
		{"no proxy", nil, "{}", []string{"", ""}},
		{"the place's", map[string]string{"http_proxy": "http://p", "no_proxy": "a,b"}, "{}", []string{"a,b,10.0.0.2", "10.0.0.2"}},
		{"the step's", nil, "{HTTP_PROXY: http://p, NO_PROXY: '10.0.0.2'}", []string{"10.0.0.2", "10.0.0.2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &desk{}
			r := d.with(bench{
				actions:  map[string]map[string]string{"a/a@v1": allHooks},
				workflow: job("steps:\n  - uses: a/a@v1\n    env: " + test.env + "\n"),
				options:  fake.Options{Info: executor.Info{Env: test.place}},
			}).run(t)
			env := r.fake.Commands()[1].Env
			if got := []string{env["no_proxy"], env["NO_PROXY"]}; !slices.Equal(got, test.want) {
				t.Errorf("no_proxy, NO_PROXY = %q, want %q", got, test.want)
			}
		})
	}
}

// The clients for artifacts refuse an Enterprise Server by its address; no other
// action may be told another server.
func TestServicesOnEnterprise(t *testing.T) {
	for server, want := range map[string]bool{
		"https://github.com": false, "https://GitHub.com": false, "https://tenant.ghe.com": false, "http://x.localhost:8080": false,
		"https://github.example.com": true, "https://notgithub.com": true, "": false, "://": false,
	} {
		if got := enterprise(server); got != want {
			t.Errorf("%q is an Enterprise Server: %t", server, got)
		}
	}
	const server = "https://github.example.com"
	d := &desk{}
	r := d.with(bench{
		github:  map[string]string{"server_url": server},
		actions: map[string]map[string]string{"actions/upload-artifact@v4": allHooks, "a/a@v1": allHooks},
		workflow: job(`
steps:
  - uses: actions/upload-artifact@v4
  - uses: a/a@v1
`)}).run(t)
	var got []string
	for _, cmd := range r.fake.Commands() {
		got = append(got, cmd.Env["GITHUB_SERVER_URL"])
	}
	const ours = "https://github.com"
	if want := []string{ours, server, ours, server, server, ours}; !slices.Equal(got, want) {
		t.Errorf("servers %q, want %q", got, want)
	}
}
