package ui_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// pipelines is api.Services of the site.
type pipelines struct{ *ledger.Ledger }

func (pipelines) Between(_ context.Context, _ api.Repository, from, _ string) ([]api.Commit, error) {
	if from == "" {
		return nil, nil
	}
	return []api.Commit{{SHA: strings.Repeat("c3", 20), Subject: "Count <b>boats</b> twice"}, {SHA: strings.Repeat("c2", 20), Subject: "Paint the buoys"}}, nil
}

// declared fills the ledger with services of octo/harbour.
func (s *site) declared() {
	s.t.Helper()
	l := ledger.New(s.store)
	for i, service := range []string{"crane", "lighthouse", "pilot", "quay"} {
		for n := 1; n <= 4; n++ {
			b := ledger.Build{
				Service: service, Run: store.RunID(n), Attempt: 1, Job: plan.LegID(service), Repository: 9, Commit: strings.Repeat(fmt.Sprintf("c%d", n), 20), Ref: "refs/heads/main", Event: "push",
				Outcome: pipeline.Built, Reason: fmt.Sprintf("internal/tide/tide%d.go (Go import harbour.example/internal/tide)", n), Image: "registry.example/harbour/" + service,
				Digest: "sha256:" + strings.Repeat(fmt.Sprintf("%x%x", n, i), 32), Size: int64(12_000_000 + 900_000*n), Platforms: []string{"linux/amd64", "linux/arm64"}[:1+n/3], Published: true,
				Version: fmt.Sprintf("1.%d.0", n), Tags: []string{"main", fmt.Sprintf("c%dc%dc%d", n, n, n)}, Bases: []ledger.Base{{Name: "alpine:3.22", Digest: "sha256:" + strings.Repeat(fmt.Sprint(n/3), 64)}},
				Args: map[string]string{"MODE": []string{"slow", "fast"}[n/3]}, Stages: []pipeline.Stage{{Name: pipeline.StageBuild, Took: 3 * time.Second}},
				Time: time.Now().Add(time.Duration(n-5) * time.Hour), Took: time.Duration(3+n) * time.Second,
			}
			switch {
			case n == 4 && i == 1:
				b.Outcome, b.Error, b.Published, b.Tags, b.Digest = pipeline.Failed, `build: process "/bin/sh -c make" did not complete: exit code 2`, false, nil, ""
			case n == 4 && i == 2:
				b.Outcome, b.Reason, b.Published, b.Tags = pipeline.Unchanged, "none of 3 changed files is an input", false, nil
			case n == 4 && i == 3:
				b.Outcome, b.Reason, b.PullRequest = pipeline.Retagged, "none of 3 changed files is an input", 0
			}
			if err := l.Add(s.t.Context(), b); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// TestServices searches a service, and compares two builds of it.
func TestServices(t *testing.T) {
	s := open(t)
	s.history()
	s.declared()
	s.visit("/", `nav a[href="/services"]`)
	s.run(click(`nav a[href="/services"]`), visible(`a[data-key="service octo/harbour quay"]`))
	s.run(chromedp.SendKeys(chromedp.CSS(`input[type=search]`), "crane"), poll(`document.querySelectorAll("td a[data-key]").length === 1`))
	s.run(click(`a[data-key="service octo/harbour crane"]`), visible(".commits li"))
	text := eval[string](s, `document.querySelector("main").innerText`)
	for _, want := range []string{"crane", "registry.example/harbour/crane", "internal/tide/tide4.go", "2 commits", "Count <b>boats</b> twice", "version", "1.3.0", "1.4.0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if got := eval[string](s, `document.querySelector(".commits a").href`); got != "https://github.example/octo/harbour/commit/"+strings.Repeat("c3", 20) {
		t.Errorf("the commit leads to %q", got)
	}
	digest := "sha256:" + strings.Repeat("40", 32) // shortened in the table, whole where it goes
	s.run(click(`button[aria-label="Copy digest `+digest+`"]`), poll(`document.querySelector("#toast").innerText.endsWith("`+digest+`")`))
	s.run(click(`input[aria-label="Compare from run 1.1"]`), poll(`document.querySelector("main").innerText.includes("base image alpine:3.22")`))
	text = eval[string](s, `document.querySelector("main").innerText`)
	for _, want := range []string{"argument MODE", "slow", "fast", "platform linux/arm64", "tags", "c1c1c1", "c4c4c4", "size"} {
		if !strings.Contains(text, want) {
			t.Errorf("the difference lacks %q:\n%s", want, text)
		}
	}
	if got := eval[string](s, `location.search`); got != "?to=4.1&from=1.1" {
		t.Errorf("the address is %q", got)
	}
}
