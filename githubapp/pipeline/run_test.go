package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// builder makes images of the time it is told to take, and notes what it did.
type builder struct {
	takes time.Duration
	fails map[string]error // by "build agenda"
	panic string

	mu     sync.Mutex
	did    []string
	active int
	most   int
	needs  map[string]int
}

func (b *builder) do(ctx context.Context, what, service string, log io.Writer) error {
	b.mu.Lock()
	b.did = append(b.did, what+" "+service)
	b.active++
	b.most = max(b.most, b.active)
	b.mu.Unlock()
	defer func() { b.mu.Lock(); b.active--; b.mu.Unlock() }()
	if log != nil {
		fmt.Fprintf(log, "%s %s\nhalf a line", what, service)
	}
	if b.panic == what+" "+service {
		none := strings.Fields("")
		_ = none[len(none)]
	}
	select {
	case <-time.After(b.takes):
	case <-ctx.Done():
		return fmt.Errorf("stopped: %w", ctx.Err())
	}
	return b.fails[what+" "+service]
}

func (b *builder) Build(ctx context.Context, r pipeline.Request, log io.Writer) (pipeline.Image, error) {
	name := r.Service.Name.Text
	b.mu.Lock()
	if b.needs == nil {
		b.needs = map[string]int{}
	}
	b.needs[name] = len(r.Needs)
	b.mu.Unlock()
	return pipeline.Image{Name: r.Service.Image.Text, Digest: "sha256:new-" + name}, b.do(ctx, "build", name, log)
}

func (b *builder) Push(ctx context.Context, r pipeline.Request, image pipeline.Image, log io.Writer) error {
	return b.do(ctx, "push", r.Service.Name.Text+" "+image.Digest+" "+strings.Join(r.Tags, ","), log)
}

func (b *builder) Retag(ctx context.Context, r pipeline.Request, image pipeline.Image, log io.Writer) error {
	return b.do(ctx, "retag", r.Service.Name.Text+" "+image.Digest+" "+strings.Join(r.Tags, ","), log)
}

func (b *builder) Test(ctx context.Context, r pipeline.Request, log io.Writer) error {
	return b.do(ctx, "test", r.Service.Name.Text, log)
}

func (b *builder) Chart(ctx context.Context, r pipeline.Request, _ pipeline.Image, log io.Writer) (string, error) {
	return r.Service.ChartRepository() + "/" + r.Service.Name.Text + ":" + r.Version, b.do(ctx, "chart", r.Service.Name.Text, log)
}

func (b *builder) Notify(ctx context.Context, to declaration.Notification, r pipeline.Request, result pipeline.Result) error {
	return b.do(ctx, "notify", r.Service.Name.Text+" "+to.Webhook.Text+" "+result.Image.Digest, nil)
}

// ledger remembers digests.
type ledger struct {
	mu   sync.Mutex
	last map[string]string
}

func (l *ledger) Last(_ context.Context, service string) (pipeline.Image, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	digest, ok := l.last[service]
	return pipeline.Image{Digest: digest}, ok, nil
}

func (l *ledger) Record(_ context.Context, r pipeline.Request, image pipeline.Image) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[r.Service.Name.Text] = image.Digest
	return nil
}

const four = `
services:
  base: {path: base, image: r.example/base}
  app:
    path: app
    image: r.example/app
    depends-on: base
    test: {image: golang, run: go test}
    chart: deploy/app
    notify: {webhook: "https://example.com/hook"}
  side: {path: side, image: r.example/side}
  top: {path: top, image: r.example/top, depends-on: [app, side]}
`

// planned is a plan that builds the named services.
func planned(t *testing.T, src string, build ...string) *pipeline.Plan {
	t.Helper()
	services, found := declaration.Parse("drydock.yaml", []byte(src))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	p := &pipeline.Plan{Services: services}
	for _, s := range services.List {
		d := affected.Decision{Name: s.Name.Text, Decision: affected.Skip, Reason: "nothing changed"}
		if slices.Contains(build, s.Name.Text) {
			d.Decision, d.Reason = affected.Build, "changed"
		}
		for _, need := range s.DependsOn {
			d.Needs = append(d.Needs, need.Text)
		}
		p.Decisions = append(p.Decisions, d)
	}
	return p
}

func options(b *builder) pipeline.Options {
	return pipeline.Options{
		Run: "1", Name: "services", Builder: b, Tester: b, Charter: b, Notifier: b, Push: true,
		Version: func(*declaration.Service) (string, []string, error) { return "1.2.3", []string{"abc", "1.2.3"}, nil },
	}
}

func outcomes(results []pipeline.Result) string {
	var all []string
	for _, r := range results {
		all = append(all, r.Service+" "+string(r.Outcome))
	}
	return strings.Join(all, ", ")
}

func TestRunStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &builder{takes: time.Second}
		o := options(b)
		l := &ledger{last: map[string]string{"side": "sha256:old-side"}}
		o.Ledger = l
		var mu sync.Mutex
		var events []string
		o.Sink = runner.SinkFunc(func(e runner.Event) {
			mu.Lock()
			defer mu.Unlock()
			switch e := e.(type) {
			case runner.StepFinished:
				if e.Job == "app" {
					events = append(events, fmt.Sprintf("%d %s %s %.0f", e.Step.Number, e.Step.Name, e.Conclusion, e.Seconds))
				}
			case runner.Line:
				if e.Job == "app" && e.Step == 2 {
					events = append(events, e.Text)
				}
			case runner.JobFinished:
				if e.Job == "app" {
					events = append(events, fmt.Sprint(e.Conclusion, " ", e.Seconds, " ", e.Outputs["digest"]))
				}
			}
		})
		results := pipeline.Run(t.Context(), planned(t, four, "base", "app", "top"), o)
		if got := outcomes(results); got != "base built, app built, side retagged, top built" {
			t.Error(got)
		}
		app := results[1]
		if app.Image.Digest != "sha256:new-app" || app.Chart != "r.example/charts/app:1.2.3" || app.Took != 5*time.Second || len(app.Stages) != 5 || app.Stages[0].Took != time.Second ||
			strings.Join(app.Tags, ",") != "abc,1.2.3" || app.Version != "1.2.3" {
			t.Errorf("%+v", app)
		}
		want := []string{"1 test success 1", "build app", "half a line", "2 build success 1", "3 push success 1", "4 chart success 1", "5 notify success 1", "success 5 sha256:new-app"}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Error(diff)
		}
		for _, did := range []string{"retag side sha256:old-side abc,1.2.3", "push app sha256:new-app abc,1.2.3", "notify app https://example.com/hook sha256:new-app"} {
			if !slices.Contains(b.did, did) {
				t.Errorf("%q is not among %q", did, b.did)
			}
		}
		if slices.Contains(b.did, "build side") || b.needs["app"] != 1 || b.needs["top"] != 2 || b.needs["base"] != 0 {
			t.Errorf("%q, %v", b.did, b.needs)
		}
		if slices.Index(b.did, "build app") < slices.IndexFunc(b.did, func(s string) bool { return strings.HasPrefix(s, "push base") }) {
			t.Errorf("app before base: %q", b.did)
		}
		if l.last["app"] != "sha256:new-app" || l.last["side"] != "sha256:old-side" {
			t.Errorf("kept: %v", l.last)
		}
	})
}

func TestRunWithoutPush(t *testing.T) {
	b := &builder{}
	o := options(b)
	o.Push = false
	results := pipeline.Run(t.Context(), planned(t, four, "app"), o)
	if got := outcomes(results); got != "base unchanged, app built, side unchanged, top unchanged" || pipeline.Conclude(results) != plan.Success {
		t.Error(got)
	}
	if diff := cmp.Diff([]string{"test app", "build app"}, b.did); diff != "" {
		t.Error(diff)
	}
}

func TestRunFailures(t *testing.T) {
	broken := errors.New("registry is down")
	for _, tt := range []struct {
		name    string
		b       *builder
		want    string
		message string // of the first error
	}{
		{"build", &builder{fails: map[string]error{"build base": broken}}, "base failed, app skipped, side built, top skipped", "build: registry is down"},
		{"test", &builder{fails: map[string]error{"test app": broken}}, "base built, app failed, side built, top skipped", "test: registry is down"},
		{"push", &builder{fails: map[string]error{"push side sha256:new-side abc,1.2.3": broken}}, "base built, app built, side failed, top skipped", "push: registry is down"},
		{"notify", &builder{fails: map[string]error{"notify app https://example.com/hook sha256:new-app": broken}}, "base built, app failed, side built, top skipped", "notify: registry is down"},
		{"panic", &builder{panic: "build side"}, "base built, app built, side failed, top skipped", "build: internal error: runtime error: index out of range"},
	} {
		results := pipeline.Run(t.Context(), planned(t, four, "base", "app", "side", "top"), options(tt.b))
		if got := outcomes(results); got != tt.want || pipeline.Conclude(results) != plan.Failure {
			t.Errorf("%s: %s", tt.name, got)
		}
		for _, r := range results {
			if r.Outcome == pipeline.Failed && !strings.HasPrefix(r.Err.Error(), tt.message) {
				t.Errorf("%s: %v", tt.name, r.Err)
			}
			var need *pipeline.NeedError
			if r.Outcome == pipeline.Skipped && !errors.As(r.Err, &need) {
				t.Errorf("%s: %v", tt.name, r.Err)
			}
		}
	}
}

func TestRunProblemsAndCircles(t *testing.T) {
	b := &builder{}
	p := planned(t, four, "base", "side", "top", "app")
	p.Decisions[2].Problem = "side/Dockerfile does not parse"
	results := pipeline.Run(t.Context(), p, options(b))
	if got := outcomes(results); got != "base built, app built, side failed, top skipped" || results[2].Err.Error() != "side/Dockerfile does not parse" {
		t.Error(got, results[2].Err)
	}
	p = planned(t, four, "base", "side", "top", "app")
	p.Decisions[0].Needs = []string{"app"}
	if got := outcomes(pipeline.Run(t.Context(), p, options(b))); got != "base failed, app failed, side built, top skipped" {
		t.Error(got)
	}
}

// An unaffected service without a known image is built: nothing may be missed.
func TestRunUnknownImage(t *testing.T) {
	o := options(&builder{})
	o.Ledger = &ledger{last: map[string]string{"base": "sha256:b", "app": "sha256:a", "top": "sha256:t"}}
	results := pipeline.Run(t.Context(), planned(t, four), o)
	if got := outcomes(results); got != "base retagged, app retagged, side built, top retagged" || results[2].Reason != "no earlier image of it is known" {
		t.Error(got, results[2].Reason)
	}
}

func TestRunParallel(t *testing.T) {
	for parallel, want := range map[int]struct {
		most int
		took time.Duration
	}{0: {8, time.Second}, 1: {1, 8 * time.Second}, 3: {3, 3 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			src, names := "services:\n", []string{}
			for i := range 8 {
				src += fmt.Sprintf("  s%d: {path: s%d, image: s%d}\n", i, i, i)
				names = append(names, fmt.Sprintf("s%d", i))
			}
			b := &builder{takes: time.Second}
			o := options(b)
			o.Push, o.Parallel = false, parallel
			started := time.Now()
			pipeline.Run(t.Context(), planned(t, src, names...), o)
			if b.most != want.most || time.Since(started) != want.took {
				t.Errorf("%d at once: %d, %s", parallel, b.most, time.Since(started))
			}
		})
	}
}

func TestRunCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		b := &builder{takes: time.Hour}
		o := options(b)
		o.Parallel = 1
		time.AfterFunc(90*time.Minute, func() { cancel(errors.New("somebody pressed ctrl-c")) })
		results := pipeline.Run(ctx, planned(t, "services:\n  a: {path: a, image: a}\n  b: {path: b, image: b}\n  c: {path: c, image: c, depends-on: a}\n", "a", "b", "c"), o)
		got := map[pipeline.Outcome]int{}
		for _, r := range results {
			got[r.Outcome]++
			if r.Err == nil || !strings.Contains(r.Err.Error(), "somebody pressed ctrl-c") {
				t.Errorf("%s: %v", r.Service, r.Err)
			}
		}
		if got[pipeline.Cancelled] != 3 || pipeline.Conclude(results) != plan.Cancelled {
			t.Error(outcomes(results))
		}
	})
}
