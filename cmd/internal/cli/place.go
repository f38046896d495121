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
	docker  func() error             // why docker cannot be used; nil: it can
	kube    func(class string) error // the same of the cluster, for pods of that class
	options string

	platform string // of --container-architecture
}

// hostNames are the values of --platform that mean this machine itself; the
// second is act's.
var hostNames = []string{config.PlatformHost, "-self-hosted"}

// place is runner/local's Place function. Entries of "runners" come first, unless
// the label's image was typed.
func (p *placer) place(leg *plan.Leg, labels []string, group string) (runner.Place, error) {
	if !p.typed(labels) {
		if r, ok := p.runner(labels, group); ok {
			return p.atRunner(r, labels, leg)
		}
	}
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
	switch asked := p.config.Executor; {
	case asked == config.ExecutorHost:
		return onHost, nil
	case asked != config.ExecutorAuto && host && !container:
		return runner.Place{}, fmt.Errorf("label %q is mapped to the host, but --executor %s was asked for: map it to an image, for example -P %s=ubuntu:24.04", label, asked, label)
	case asked == config.ExecutorKubernetes:
		return p.inCluster(place)
	case host && !container:
		return onHost, nil
	}
	err := p.docker()
	switch {
	case err == nil:
		return place, nil
	case p.config.Executor == config.ExecutorAuto && !container && leg.Job.Services == nil &&
		p.config.Origin("platforms."+strings.ToLower(label)).Source == config.FromDefault:
		// Nobody asked for an image: the host is the best place at hand.
		return onHost, nil
	}
	return runner.Place{}, &exitError{exitInfrastructure, err}
}

// inCluster makes a place one of Kubernetes, if pods can be made.
func (p *placer) inCluster(place runner.Place) (runner.Place, error) {
	place.Executor = "kubernetes"
	if err := p.kube(place.Class); err != nil {
		return runner.Place{}, &exitError{exitInfrastructure, err}
	}
	return place, nil
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
	if near := p.near(labels, group); near != "" {
		return fmt.Errorf("%w; %s", err, near)
	}
	known := sortedKeys(p.config.Platforms)
	for _, r := range p.config.Runners {
		known = append(known, r.Labels...)
	}
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
