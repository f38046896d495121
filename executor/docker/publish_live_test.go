package docker

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

// TestServiceForTheEngine: a port of a service is on this machine, where the
// engine finds it (docker push localhost:5000/app), if jobs may talk to the
// engine. A second job with that port goes without and says so; both reach
// their own service at localhost.
func TestServiceForTheEngine(t *testing.T) {
	port := executortest.Port(t)
	address := "127.0.0.1:" + port
	x, labels := live(t, Options{Policy: Policy{AllowSocket: true}})
	var mu sync.Mutex
	var lines []string
	place := func(who string, confined bool) *environment {
		return create(t, x, executor.Spec{
			Name: who, Labels: labels, Kind: executor.Machine, Confined: confined,
			Services: []executor.Service{{
				ID: "web", Image: executor.Image{Ref: testImage}, Ports: []string{port + ":80", "81"},
				Command: []string{"sh", "-c", "mkdir /www; echo " + who + " >/www/i; exec httpd -f -p 80 -h /www"},
			}},
			Log: func(line string) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, line)
			},
		})
	}
	here := func() string {
		q, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/i", http.NoBody)
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			return "nobody"
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return strings.TrimSpace(string(b))
	}
	own := func(e *environment, who string) {
		t.Helper()
		want(t, e, fmt.Sprintf("for i in $(seq 300); do wget -qO- localhost:%s/i 2>/dev/null && exit; sleep 0.2; done; exit 1", port), who)
	}

	confined := place("confined", true)
	own(confined, "confined")
	if got := here(); got != "nobody" {
		t.Errorf("a confined job's service answers on this machine: %q", got)
	}
	first := place("first", false)
	own(first, "first")
	if got := here(); got != "first" {
		t.Errorf("on this machine %q answers", got)
	}
	if n := first.info.Services["web"].Ports["80"]; n != port {
		t.Errorf("job.services.web.ports[80] is %q, want %q", n, port)
	}
	second := place("second", false)
	own(second, "second")
	if got := here(); got != "first" {
		t.Errorf("on this machine %q answers", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := strings.Join(lines, "\n"); strings.Count(text, "Warning: a port of service web is taken on this machine") != 1 {
		t.Errorf("said:\n%s", text)
	}
	if err := first.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if got := here(); got != "nobody" {
		t.Errorf("after the job %q answers on this machine", got)
	}
}

// TestEngineForEveryUser: a user that is not root may talk to the engine too, as
// on a GitHub-hosted machine.
func TestEngineForEveryUser(t *testing.T) {
	x, labels := live(t, Options{Policy: Policy{AllowSocket: true}})
	e := create(t, x, executor.Spec{Name: "user", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: userImage}})
	want(t, e, "test $(id -u) != 0 && test -r /var/run/docker.sock && test -w /var/run/docker.sock && echo reached", "reached")
}
