package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// runner is the first entry of "runners" that offers all labels, in the group.
func (p *placer) runner(labels []string, group string) (config.Runner, bool) {
	for _, r := range p.config.Runners {
		if inGroup(r, group) && len(lacking(r, labels)) == 0 && (len(labels) > 0 || r.Group != "") {
			return r, true
		}
	}
	return config.Runner{}, false
}

// inGroup tells whether jobs of a group may be placed there. As on GitHub, a job
// without one may be anywhere.
func inGroup(r config.Runner, group string) bool {
	return group == "" || r.Group == "" || strings.EqualFold(group, r.Group)
}

// lacking are the labels that an entry does not offer.
func lacking(r config.Runner, labels []string) []string {
	var out []string
	for _, label := range labels {
		if !slices.Contains(r.Labels, strings.ToLower(label)) {
			out = append(out, label)
		}
	}
	return out
}

// typed tells whether somebody mapped one of the labels for this very run.
func (p *placer) typed(labels []string) bool {
	return slices.ContainsFunc(labels, func(label string) bool {
		return p.config.Origin("platforms."+strings.ToLower(label)).Source >= config.FromEnv
	})
}

// atRunner is the place of an entry. An executor that was typed counts before
// the entry's own.
func (p *placer) atRunner(r config.Runner, labels []string, leg *plan.Leg) (runner.Place, error) {
	asked := r.Executor
	if typed := p.config.Executor; asked == config.ExecutorAuto || typed != config.ExecutorAuto && p.config.Origin("executor").Source >= config.FromEnv {
		asked = typed
	}
	place := runner.Place{Executor: "docker", Image: r.Image, Labels: labels, Options: p.options, Pull: p.pull()}
	if r.Arch != "" {
		place.Options = strings.TrimSpace(place.Options + " --platform linux/" + r.Arch)
	}
	own := leg.Job.Container != nil
	switch {
	case asked == config.ExecutorHost && (!own || r.Executor != config.ExecutorHost || p.config.Executor == config.ExecutorHost):
		return runner.Place{Executor: "host", Labels: labels}, nil
	case r.Executor == config.ExecutorHost && !own:
		return runner.Place{}, fmt.Errorf("%s (%s) is this machine itself, but --executor %s was asked for: leave it out, or give an image with -P LABEL=IMAGE",
			offer(r), r.Origin(), asked)
	case asked == config.ExecutorKubernetes:
		if r.Executor != config.ExecutorHost {
			place.Class = r.Name()
		}
		return p.inCluster(place)
	}
	if err := p.docker(); err != nil {
		return runner.Place{}, &exitError{exitInfrastructure, err}
	}
	return place, nil
}

// near says of the entry that offers most of the labels what it lacks.
func (p *placer) near(labels []string, group string) string {
	best, least := "", len(labels)
	for _, r := range p.config.Runners {
		lacks := lacking(r, labels)
		switch {
		case len(labels) == 0:
		case len(lacks) == 0 && !inGroup(r, group):
			return fmt.Sprintf("%s (%s) is in the group %q, not in %q", offer(r), r.Origin(), r.Group, group)
		case len(lacks) < least:
			best, least = fmt.Sprintf("%s (%s) lacks %s", offer(r), r.Origin(), quotedList(lacks)), len(lacks)
		}
	}
	return best
}

// offer names an entry by what it offers.
func offer(r config.Runner) string {
	if len(r.Labels) == 0 {
		return fmt.Sprintf("the runner of group %q", r.Group)
	}
	return "the runner of " + quotedList(r.Labels)
}

func quotedList(list []string) string {
	var all []string
	for _, s := range list {
		all = append(all, fmt.Sprintf("%q", s))
	}
	return strings.Join(all, ", ")
}
