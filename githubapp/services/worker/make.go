package worker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/chart"
	"github.com/drydock-ci/drydock/githubapp/pipeline/images"
	"github.com/drydock-ci/drydock/githubapp/pipeline/notify"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// make runs the stages, and keeps and tells what came of them.
func (t *task) make(ctx context.Context) runner.Result {
	decision := affected.Decision{Name: t.with.Service, Decision: affected.Skip, Reason: t.with.Reason, Problem: t.with.Problem}
	if t.with.Build() {
		decision.Decision = affected.Build
	}
	made, missing := t.needs()
	for name := range made {
		decision.Needs = append(decision.Needs, name)
	}
	t.plan.Decisions = []affected.Decision{decision}
	var result pipeline.Result
	if missing != "" {
		result = pipeline.Result{
			Service: t.with.Service, Outcome: pipeline.Skipped, Reason: t.with.Reason,
			Err: &pipeline.NeedError{Service: missing, Outcome: pipeline.Failed},
		}
	} else {
		result = pipeline.Run(ctx, t.plan, t.options(made))[0]
	}
	return t.end(ctx, result)
}

// needs are the images of this run that the service is made from; missing is one
// that failed.
func (t *task) needs() (made map[string]pipeline.Image, missing string) {
	made = map[string]pipeline.Image{}
	needs := t.job.Leg.Contexts["needs"]
	for _, name := range t.with.Needs {
		need, ok := needs.Lookup(string(services.JobID(name)))
		if !ok {
			continue // not in this run: what is published of it is taken
		}
		if result := field(need, "result"); result != string(plan.Success) && result != string(plan.Skipped) {
			return nil, name
		}
		outputs, _ := need.Lookup("outputs")
		if digest := field(outputs, "digest"); digest != "" {
			made[name] = pipeline.Image{Name: field(outputs, "image"), Digest: digest}
		}
	}
	return made, ""
}

func field(v expr.Value, name string) string {
	found, _ := v.Lookup(name)
	return found.Text()
}

func (t *task) options(made map[string]pipeline.Image) pipeline.Options {
	o := pipeline.Options{
		Run: string(t.job.Run), Name: services.WorkflowName, Event: t.run.Event, Folder: t.files.folder(), Commit: t.with.Head, Epoch: t.epoch, Version: t.of,
		Builder: images.New(images.Options{
			BuildKit: t.BuildKit, Registry: t.access.Registry, Secret: t.secret, Agent: noAgent, Folder: t.folder, Publish: t.release.Publish, Jobs: t, Bases: true, GoInBuilder: true, Common: t.common(),
			Namespace: t.namespace(t.run, t.with),
		}),
		Tester: t, Ledger: published{t}, Made: made,
		Job:  func(string) plan.LegID { return t.job.ID() },
		Push: t.release.Publish, Sink: t.steps, Now: t.Now,
	}
	if !t.release.Publish || t.release.Preview != 0 {
		o.NoJobs = "its job pushes the image by itself, so here it is only tested"
	}
	if t.release.Preview != 0 { // a chart has a release's version, and who is told deploys
		return o
	}
	o.Charter = chart.New(chart.Options{Registry: t.access.Registry, Folder: t.folder, Services: t.plan.Services})
	o.Notifier = notify.New(notify.Options{
		Run: string(t.job.Run), RunURL: t.Page(t.key), Source: t.Web + t.run.RepositoryName, Repository: t.run.RepositoryName,
		Lookup: t.access.lookup, Token: t.dispatchToken, API: t.API, AllowPrivate: t.PrivateWebhooks, Now: t.Now, Log: t.Log,
	})
	return o
}

// common is for what builders keep for all repositories.
func (w *Worker) common() string {
	mac := hmac.New(sha256.New, w.CacheKey)
	mac.Write([]byte("common"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// secret finds one that the service asks for by name.
func (t *task) secret(name string) (string, error) {
	value, ok := t.access.lookup(name)
	switch {
	case ok:
		return value, nil
	case trust.Zone(t.run.Zone) == trust.Fork:
		return "", errors.New("a fork's pull request has no secrets")
	}
	return "", fmt.Errorf("set it with \"drydock secret set %s --repository %s\"", name, t.run.RepositoryName)
}

// noAgent: the agent of the server is the operator's, and a secret that says where
// one is would be a path on the server.
func noAgent() (string, error) {
	return "", errors.New("a server has none to lend: give the key as a secret, with RUN --mount=type=secret")
}

// telling looks whether everybody can be told before anything is built.
func (t *task) telling() error {
	if !t.release.Publish || t.release.Preview != 0 {
		return nil
	}
	has := func(name string) error {
		_, err := t.secret(name)
		return err
	}
	return notify.Missing(t.service, has, func(repository string) error {
		if strings.EqualFold(repository, t.run.RepositoryName) {
			return nil
		}
		return has(dispatchSecret)
	})
}

// dispatchSecret is the secret with the token for repositories other than the run's.
const dispatchSecret = "DRYDOCK_DISPATCH_TOKEN"

// dispatchToken is what may tell a repository. The installation's rights on others
// are not lent to whoever may write to this one.
func (t *task) dispatchToken(ctx context.Context, repository string) (string, error) {
	if !strings.EqualFold(repository, t.run.RepositoryName) {
		return t.secret(dispatchSecret)
	}
	token, revoke, err := t.Token(ctx, t.run)
	if err == nil {
		t.tokens = append(t.tokens, revoke)
	}
	return token, err
}

// end keeps a result, tells it, and makes it a job's.
func (t *task) end(ctx context.Context, r pipeline.Result) runner.Result {
	why := ""
	if r.Err != nil {
		why = t.steps.mask.Mask(r.Err.Error())
	}
	b := ledger.Build{
		Service: r.Service, Run: t.key.Run, Attempt: t.key.Attempt, Job: t.key.Job, Repository: t.run.Repository,
		Commit: t.with.Head, Ref: t.with.Ref, Event: t.run.Event, PullRequest: t.with.PullRequest,
		Outcome: r.Outcome, Reason: r.Reason, Error: why,
		Image: r.Image.Name, Digest: r.Image.Digest, Size: r.Image.Size, Platforms: r.Image.Platforms, Published: len(r.Tags) > 0,
		Version: r.Version, Tags: r.Tags, Chart: r.Chart, Args: t.args(), Stages: r.Stages, Time: t.Now(), Took: r.Took,
	}
	for _, base := range r.Image.Bases {
		b.Bases = append(b.Bases, ledger.Base{Name: base.Name, Digest: base.Digest})
	}
	if r.Image.Name == "" {
		b.Image = t.service.Image.Text
	}
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := t.Ledger.Add(keeping, b); err != nil {
		t.Log.Warn("keep what became of a service", "service", r.Service, "run", t.key.Run, "err", err)
	}
	t.steps.Emit(runner.Summarised{Time: t.Now(), Job: t.job.ID(), Step: max(len(r.Stages), 1), Markdown: summary(b, t.release)})
	out := runner.Result{Conclusion: r.Outcome.Conclusion(), Reason: r.Reason, Steps: t.steps.results()}
	switch r.Outcome {
	case pipeline.Built, pipeline.Retagged:
		out.Outputs = map[string]string{"image": r.Image.Name, "digest": r.Image.Digest, "version": r.Version, "tags": strings.Join(r.Tags, ",")}
	case pipeline.Cancelled:
		out.Cause = runner.CauseCancelled
	case pipeline.Failed:
		out.Cause, out.Infra = blame(r.Err)
	}
	if r.Outcome == pipeline.Retagged { // nothing of it changed: neutral, as without publishing
		out.Conclusion = plan.Skipped
	}
	if r.Outcome == pipeline.Skipped { // what it is made from failed, so this did
		out.Conclusion = plan.Failure
	}
	if why != "" {
		out.Reason = why
	}
	return out
}

// blame tells for what a stage failed. A builder, an engine or a registry that was
// away may be back soon: the job is tried again.
func blame(err error) (cause runner.Cause, infra error) {
	var within *infraError
	if executor.IsKind(err, executor.Unavailable) || executor.IsKind(err, executor.Lost) || errors.As(err, &within) {
		return runner.CauseOf(err), err
	}
	return runner.CauseStep, nil
}

// args are the build arguments; secrets have a key of their own.
func (t *task) args() map[string]string {
	if len(t.service.Build.Args) == 0 {
		return nil
	}
	args := map[string]string{}
	for _, a := range t.service.Build.Args {
		args[a.Name.Text] = a.Value.Text
	}
	return args
}

// published is the ledger of a pipeline over the server's.
type published struct{ *task }

// Last is what the service was published as from the commit that the change is
// compared with. What came later, or of another branch, may be another image.
func (p published) Last(ctx context.Context, service string) (pipeline.Image, bool, error) {
	b, ok, err := p.task.Ledger.Published(ctx, p.run.Repository, service, p.with.Base)
	if err != nil || !ok || b.Image != p.service.Image.Text {
		return p.known.Last(ctx, service) // by hand, or by another server
	}
	if _, err := p.access.Registry.Resolve(ctx, b.Image+"@"+b.Digest); executor.IsKind(err, executor.NotFound) {
		return p.known.Last(ctx, service) // the registry was cleaned up
	}
	return pipeline.Image{Name: b.Image, Digest: b.Digest, Size: b.Size, Platforms: b.Platforms, Bases: bases(b)}, true, nil
}

// Record has nothing to do: the end of the job keeps everything.
func (p published) Record(context.Context, pipeline.Request, pipeline.Image) error { return nil }

func bases(b ledger.Build) (all []pipeline.Base) {
	for _, base := range b.Bases {
		all = append(all, pipeline.Base{Name: base.Name, Digest: base.Digest})
	}
	return all
}

// summary is what people read of a service in its check.
func summary(b ledger.Build, release Release) string {
	var s strings.Builder
	fmt.Fprintf(&s, "**%s** %s: %s\n\n", cell(b.Service), b.Outcome, cell(b.Reason))
	if b.Error != "" {
		fmt.Fprintf(&s, "%s\n\n", cell(b.Error))
	}
	s.WriteString("| | |\n|---|---|\n")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&s, "| %s | %s |\n", name, value)
		}
	}
	code := func(text string) string {
		if text == "" {
			return ""
		}
		return "`" + strings.NewReplacer("`", "'", "|", "¦", "\n", " ").Replace(text) + "`"
	}
	row("image", code(b.Image))
	row("digest", code(b.Digest))
	if b.Size > 0 {
		row("size", fmt.Sprintf("%.1f MB", float64(b.Size)/1e6))
	}
	row("platforms", cell(strings.Join(b.Platforms, ", ")))
	row("version", code(b.Version))
	row("tags", code(strings.Join(b.Tags, " ")))
	if !release.Publish {
		row("published", "no: "+cell(release.Why))
	}
	if release.Behind != "" {
		row("left alone", "the tags of "+code(release.Behind)+": the branch is at another commit by now")
	}
	row("chart", code(b.Chart))
	for _, base := range b.Bases {
		row("made from", code(strings.TrimSuffix(base.Name+" "+base.Digest, " ")))
	}
	return s.String()
}

var errNoEnvironment = errors.New("jobs of services use no environments: protect the branch, or publish in a workflow of its own")
