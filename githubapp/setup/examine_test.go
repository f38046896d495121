package setup

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

func TestExamine(t *testing.T) {
	for _, c := range []struct {
		name    string
		options githubtest.Options
		server  string
		skew    time.Duration
		bad     map[string]string // check -> part of its text or mend
	}{
		{name: "all is well", options: githubtest.Options{Webhook: "https://ci.example.com/webhook"}, server: "https://ci.example.com/"},
		{
			name: "another address", options: githubtest.Options{Webhook: "https://old.example.com/webhook"}, server: "https://ci.example.com",
			bad: map[string]string{"webhook": "https://ci.example.com/webhook"},
		},
		{
			name: "few permissions and events", server: "https://ci.example.com",
			options: githubtest.Options{
				Webhook: "https://ci.example.com/webhook", Permissions: map[string]string{"metadata": "read", "checks": "read"}, Events: []string{"push"},
			},
			bad: map[string]string{"permissions": "checks: write", "events": "pull_request"},
		},
		{
			name: "a wrong clock", options: githubtest.Options{Webhook: "https://ci.example.com/webhook"}, server: "https://ci.example.com", skew: 20 * time.Minute,
			bad: map[string]string{"clock": "20m"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.options.Permissions == nil {
				c.options.Permissions, c.options.Events = (Request{}).permissions(), subscribed()
			}
			gh := githubtest.New(t, c.options)
			app := gh.App()
			client, err := auth.New(auth.Options{
				AppID: app.ID, PrivateKey: app.PrivateKey, Address: gh.URL(), MaxWait: time.Second,
				Now: func() time.Time { return time.Now().Add(c.skew) }, Transport: http.DefaultTransport,
			})
			if err != nil {
				t.Fatal(err)
			}
			found, err := Examine(t.Context(), client, c.server)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, f := range found {
				seen[f.Check] = true
				want, bad := c.bad[f.Check]
				if f.OK == bad || !f.OK && !strings.Contains(f.Text+" "+f.Mend, want) {
					t.Errorf("%+v", f)
				}
			}
			for check := range c.bad {
				if !seen[check] {
					t.Errorf("nothing on %s: %+v", check, found)
				}
			}
		})
	}
}
