package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// legImages notes the images of a job: its own or its label's, and those of
// its services. What cannot be known before its turn is left out.
func (w *wants) legImages(leg *plan.Leg, file string) {
	w.here = ""
	labels, group, err := local.RunsOn(leg)
	if err != nil { // it needs what other jobs yield
		if e := w.place.config.Executor; e == config.ExecutorAuto || e == config.ExecutorDocker {
			w.here = "docker" // most likely
		}
		return
	}
	place, err := w.place.place(leg, labels, group)
	if err != nil {
		return
	}
	switch w.here = place.Executor; w.here {
	case "kubernetes":
		w.inCluster = true
		return
	case "docker":
		w.inEngine = true
	default:
		return
	}
	switch c := leg.Job.Container; {
	case c == nil:
		w.image(executor.Image{Ref: place.Image, Platform: w.place.platform}, file, leg.Job.RunsOn.Pos)
	default:
		w.container(leg, c, file, place.Image)
	}
	if services := leg.Job.Services; services != nil && services.Kind == workflow.Mapping {
		for _, e := range services.Entries {
			w.container(leg, e.Value, file, "")
		}
	}
}

// container notes the image of a container: or a service. One with credentials
// is the job's own business: they are secrets.
func (w *wants) container(leg *plan.Leg, n *workflow.Node, file, otherwise string) {
	image := n
	if n.Kind == workflow.Mapping {
		if n.Lookup("credentials") != nil {
			return
		}
		if image = n.Lookup("image"); image == nil {
			return
		}
	}
	text, err := template.String(image, expr.Scope{Contexts: leg.Contexts})
	switch {
	case err != nil || image.HasExpression() && text == "":
		// env and needs are not known yet
	case text == "":
		if otherwise != "" {
			w.image(executor.Image{Ref: otherwise, Platform: w.place.platform}, file, image.Pos)
		}
	default:
		w.image(executor.Image{Ref: text}, file, image.Pos)
	}
}

func (w *wants) image(image executor.Image, file string, pos workflow.Pos) {
	if image.Ref != "" && w.here == "docker" && w.note(image.Ref, file, pos) {
		w.images = append(w.images, image)
	}
}

func (w *wants) pullAlways() bool { return w.place.config.Pull == config.PullAlways }

// pull gets the images that are not there, one after another, so that no job
// has run when one of them cannot be had.
func (w *wants) pull(ctx context.Context, p *parts, say func(string)) error {
	if !w.inEngine {
		return nil
	}
	var errs []error
	for _, image := range w.absent(ctx, p) {
		if w.place.config.Pull == config.PullNever {
			errs = append(errs, fmt.Errorf("%s: image %q: the engine does not have it, and pull is \"never\": run \"docker pull %s\", or leave --pull=never out", w.at[image.Ref], image.Ref, image.Ref))
			continue
		}
		image.Pull = executor.PullMissing
		if err := p.docker.Pull(ctx, image, say); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.at[image.Ref], err))
		}
	}
	if len(errs) > 0 {
		return &exitError{exitInfrastructure, errors.Join(errs...)}
	}
	return nil
}
