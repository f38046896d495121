package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// placer maps the labels of runs-on to a place.
type placer struct {
	config  *config.Config
	docker  error // why docker cannot be used; nil: it can
	options string

	platform string // of --container-architecture
}

// hostNames are the values of --platform that mean this machine itself; the
// second is act's.
var hostNames = []string{config.PlatformHost, "-self-hosted"}

// place is runner/local's Place function.
func (p *placer) place(leg *plan.Leg, labels []string, group string) (runner.Place, error) {
	for _, label := range labels {
		if label == "" {
			continue
		}
		image, ok := p.config.Platforms[strings.ToLower(label)]
		if !ok {
			continue
		}
		return p.at(image, label, labels, leg)
	}
	return runner.Place{}, p.unknown(leg, labels, group)
}

// at is the place of an image, or this machine.
func (p *placer) at(image, label string, labels []string, leg *plan.Leg) (runner.Place, error) {
	place := runner.Place{Executor: "docker", Image: image, Labels: labels, Options: p.options, Pull: p.pull()}
	onHost := runner.Place{Executor: "host", Labels: labels}
	host := slices.Contains(hostNames, image)
	container := leg.Job.Container != nil
	if host {
		place.Image = "" // only a job's own container can give one
	}
	switch {
	case p.config.Executor == config.ExecutorKubernetes:
		return runner.Place{}, fmt.Errorf("the executor %q is not part of this version: use docker or host", config.ExecutorKubernetes)
	case p.config.Executor == config.ExecutorHost:
		return onHost, nil
	case p.config.Executor == config.ExecutorDocker && host && !container:
		return runner.Place{}, fmt.Errorf("label %q is mapped to the host, but --executor docker was asked for: map it to an image, for example -P %s=ubuntu:24.04", label, label)
	case host && !container:
		return onHost, nil
	case p.docker == nil:
		return place, nil
	case p.config.Executor == config.ExecutorAuto && !container && leg.Job.Services == nil &&
		p.config.Origin("platforms."+strings.ToLower(label)).Source == config.FromDefault:
		// Nobody asked for an image: the host is the best place at hand.
		return onHost, nil
	}
	return runner.Place{}, &exitError{exitInfrastructure, p.docker}
}

func (p *placer) pull() executor.PullPolicy {
	switch p.config.Pull {
	case config.PullAlways:
		return executor.PullAlways
	case config.PullNever:
		return executor.PullNever
	}
	return executor.PullMissing
}

// unknown explains that no label is mapped.
func (p *placer) unknown(leg *plan.Leg, labels []string, group string) error {
	err := local.UnknownLabel(labels, group)
	known := sortedKeys(p.config.Platforms)
	for _, label := range labels {
		best, distance := "", 3
		for _, k := range known {
			if d := editDistance(strings.ToLower(label), k); d < distance {
				best, distance = k, d
			}
		}
		if best != "" {
			return fmt.Errorf("%w (did you mean %q?)", err, best)
		}
	}
	if leg.Contexts["matrix"].Kind() == expr.KindObject {
		return fmt.Errorf("%w; --matrix KEY:VALUE runs other legs alone", err)
	}
	return err
}
