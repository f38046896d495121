package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/docker"
	"github.com/drydock-ci/drydock/executor/kube"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// preflight finds what would stop a run in the middle, before its first step:
// labels without a place, options that the policy refuses, actions, images and
// node builds that are not there.
func (a *app) preflight(ctx context.Context, p *parts, s *session, place *placer, o runOptions) error {
	if err := labels(s, place); err != nil {
		return err
	}
	w := &wants{place: place}
	for _, built := range s.plans {
		for _, leg := range local.Legs(built) {
			w.leg(leg, s.root, !o.noSkipCheckout)
		}
	}
	if o.containerOptions != "" {
		err := docker.CheckOptions("--container-options", o.containerOptions, a.policy())
		if w.inCluster {
			if kerr := kube.CheckOptions("--container-options", o.containerOptions); kerr != nil || !w.inEngine {
				err = kerr
			}
		}
		if err != nil {
			return &exitError{exitUsage, err}
		}
	}
	if a.config.Offline {
		return w.offline(ctx, p)
	}
	if o.dryRun || w.pullAlways() {
		return nil
	}
	return w.pull(ctx, p, func(text string) { fmt.Fprintln(a.stderr, "drydock: "+text) })
}

// labels asks for the place of every job. That no engine answers is one cause,
// however many jobs it stops.
func labels(s *session, place *placer) error {
	var errs []error
	var infra []error
	for _, built := range s.plans {
		for _, err := range joined(local.Labels(built, place.place)) {
			var e *exitError
			if errors.As(err, &e) && e.code == exitInfrastructure {
				infra = append(infra, err)
				continue
			}
			errs = append(errs, err)
		}
	}
	switch {
	case len(errs) > 0:
		return &exitError{exitUsage, errors.Join(errs...)}
	case len(infra) > 1:
		return &exitError{exitInfrastructure, fmt.Errorf("%w (so for %d jobs)", infra[0], len(infra))}
	case len(infra) == 1:
		return &exitError{exitInfrastructure, infra[0]}
	}
	return nil
}

// joined takes errors.Join apart.
func joined(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// wants are the actions and images that a run is going to use, each with the
// first place that names it. Images of a cluster are its nodes' business.
type wants struct {
	place  *placer
	refs   []action.Ref
	images []executor.Image
	at     map[string]string // by the text of a ref or image

	here      string // the executor of the job that is looked at
	inEngine  bool   // some job runs in a container of this machine's engine
	inCluster bool   // some job runs in a pod
}

// inJob tells that there is no other node for some job than what is provided.
func (w *wants) inJob() bool { return w.inEngine || w.inCluster }

func (w *wants) note(what, file string, pos workflow.Pos) bool {
	if w.at == nil {
		w.at = map[string]string{}
	}
	if _, ok := w.at[what]; ok {
		return false
	}
	w.at[what] = fmt.Sprintf("%s:%d:%d", file, pos.Line, pos.Column)
	return true
}

func (w *wants) leg(leg *plan.Leg, root string, served bool) {
	file := leg.Source.String()
	w.legImages(leg, file)
	for _, s := range leg.Job.Steps {
		ref, err := action.ParseUses(s.Uses)
		if s.Kind != plan.Uses || err != nil || served && servedCheckout(s, ref) {
			continue
		}
		if leg.Source.Repository == "" {
			w.ref(ref, root, file, s.Pos, 0)
		} else if ref.Kind != action.Local {
			w.ref(ref, "", file, s.Pos, 0)
		}
	}
}

// maxLocal is how deep local composite actions are followed.
const maxLocal = 10

// ref notes an action; a local one is looked into, as it is now: a step may
// still change it.
func (w *wants) ref(ref action.Ref, root, file string, pos workflow.Pos, depth int) {
	switch {
	case ref.Kind == action.Image:
		w.image(executor.Image{Ref: ref.Image}, file, pos)
	case ref.Kind == action.Repository:
		if w.note(ref.String(), file, pos) {
			w.refs = append(w.refs, ref)
		}
	case root != "" && depth < maxLocal:
		r, err := os.OpenRoot(root)
		if err != nil {
			return
		}
		defer r.Close()
		dir := ref.Path
		if dir == "" {
			dir = "."
		}
		found, err := action.Load(r.FS(), dir)
		if err != nil {
			return // an earlier step may make it
		}
		for _, used := range found.Uses() {
			if !strings.EqualFold(used.Repository, "actions/checkout") {
				w.ref(used, root, file, pos, depth+1)
			}
		}
	}
}

// servedCheckout tells a checkout of the repository under test, which comes
// from the working copy.
func servedCheckout(s plan.Step, ref action.Ref) bool {
	if ref.Kind != action.Repository || !strings.EqualFold(ref.Repository, "actions/checkout") || ref.Path != "" {
		return false
	}
	if s.With == nil || s.With.Kind != workflow.Mapping {
		return true
	}
	for _, name := range []string{"repository", "ref"} {
		// What an expression comes to shows when the step runs.
		if n := s.With.Lookup(name); n != nil && n.Text != "" && !n.HasExpression() {
			return false
		}
	}
	return true
}

// offline lists everything that is missing.
func (w *wants) offline(ctx context.Context, p *parts) error {
	survey, err := p.store.Survey(ctx, w.refs)
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	var lines []string
	for _, m := range survey.Missing {
		first := m.Ref
		if len(m.Via) > 0 {
			first = m.Via[0]
		}
		lines = append(lines, fmt.Sprintf("%s: action %s", w.at[first.String()], m))
	}
	if w.inEngine {
		w.here = "docker"
		for _, image := range survey.Images {
			w.image(executor.Image{Ref: image}, "an action", workflow.Pos{})
		}
		for _, image := range w.absent(ctx, p) {
			lines = append(lines, fmt.Sprintf("%s: image %s: the engine does not have it: run \"docker pull %s\" while online, or map the label to an image that is there", w.at[image.Ref], image.Ref, image.Ref))
		}
	}
	if w.inJob() {
		for _, using := range survey.Node {
			version, _ := action.NodeVersion(string(using), nil) // what a step's env may change is known to the step alone
			if err := anyNode(ctx, p, version); err != nil {
				lines = append(lines, fmt.Sprintf("%s for JavaScript actions: %v", using, err))
			}
		}
	}
	return missing(lines)
}

// missing is the error of a list of what is not there.
func missing(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	head := "1 thing is missing on this machine, and the network is not used (offline):"
	if n := len(lines); n > 1 {
		head = fmt.Sprintf("%d things are missing on this machine, and the network is not used (offline):", n)
	}
	return &exitError{exitInfrastructure, errors.New(head + "\n  " + strings.Join(lines, "\n  "))}
}

// anyNode tells whether there is a node for at least one C library; which one
// a job needs shows when its image runs.
func anyNode(ctx context.Context, p *parts, version string) error {
	_, err := p.nodes.Ensure(ctx, version, "linux", runtime.GOARCH, "glibc")
	if err != nil {
		if _, other := p.nodes.Ensure(ctx, version, "linux", runtime.GOARCH, "musl"); other == nil {
			return nil
		}
	}
	return err
}

// absent are the images that the engine does not have.
func (w *wants) absent(ctx context.Context, p *parts) []executor.Image {
	lacks := make([]bool, len(w.images))
	var all sync.WaitGroup
	for i, image := range w.images {
		all.Go(func() {
			has, err := p.docker.HasImage(ctx, image)
			lacks[i] = err == nil && !has
		})
	}
	all.Wait()
	var out []executor.Image
	for i, image := range w.images {
		if lacks[i] {
			out = append(out, image)
		}
	}
	return out
}
