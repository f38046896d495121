package cli

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// placer maps the labels of runs-on to a place.
type placer struct {
	config  *config.Config
	docker  error // why docker cannot be used; nil: it can
	options string
}

// hostNames are the values of --platform that mean this machine itself; the
// second is act's.
var hostNames = []string{config.PlatformHost, "-self-hosted"}

// place is runner/local's Place function.
func (p *placer) place(leg *plan.Leg, labels []string, group string) (runner.Place, error) {
	if len(labels) == 0 && group != "" {
		return runner.Place{}, fmt.Errorf("runs-on group %q: groups are known only to a server: add a label that is mapped to an image", group)
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
	return runner.Place{}, p.unknown(labels)
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
func (p *placer) unknown(labels []string) error {
	known := make([]string, 0, len(p.config.Platforms))
	for label := range p.config.Platforms {
		known = append(known, label)
	}
	sort.Strings(known)
	name := strings.Join(labels, ", ")
	if len(labels) == 0 || name == "" {
		return fmt.Errorf("runs-on is empty: give a label, for example ubuntu-latest")
	}
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, "windows") || strings.HasPrefix(lower, "macos") {
		return fmt.Errorf("no place for runs-on %q: Drydock runs Linux containers and this machine itself: map the label with -P %s=IMAGE or -P %s=host, or leave the job out with --job", name, labels[0], labels[0])
	}
	return fmt.Errorf("no place for runs-on %q: known labels are %s: map it with -P %s=IMAGE (or =host), or under platforms: in drydock.yaml", name, strings.Join(known, ", "), labels[0])
}
