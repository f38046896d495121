package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// arches are the values of GOARCH that images of jobs are made for.
var arches = []string{"amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"}

// checkKubernetes says what is wrong with what is set below "kubernetes".
func (c *Config) checkKubernetes(fail func(key, format string, args ...any)) {
	k := c.Kubernetes
	for key, d := range map[string]time.Duration{"kubernetes.wait": k.Wait, "kubernetes.pull_wait": k.PullWait} {
		if d <= 0 {
			fail(key, "%s is no time to wait: give a duration such as 15m", d)
		}
	}
	for _, problem := range k.problems() {
		fail(problem.key, "%w", problem.err)
	}
	switch {
	case k.Builder != "" && k.Registry == "":
		fail("kubernetes.builder", "nodes would not get what it builds: set kubernetes.registry too")
	case k.Builder == "" && k.Registry != "":
		fail("kubernetes.registry", "nothing builds what should be there: set kubernetes.builder too")
	}
	// Who clones a repository has not chosen to run it in the cluster that
	// kubectl happens to speak to.
	if c.Executor == ExecutorKubernetes && c.Origin("executor").Source == FromProjectFile &&
		c.Origin("kubernetes.context").Source == FromDefault && c.Origin("kubernetes.kubeconfig").Source == FromDefault &&
		c.Origin("kubernetes.namespace").Source == FromDefault {
		fail("executor", "a project's file cannot choose Kubernetes where you have not said which cluster: "+
			"set kubernetes.context or kubernetes.namespace in your own %s, or give --executor kubernetes", FileName)
	}
}

type problem struct {
	key string
	err error
}

// problems are those of settings that runners may have too.
func (k Kubernetes) problems() []problem {
	var all []problem
	for _, t := range k.Tolerations {
		if _, err := ParseToleration(t); err != nil {
			all = append(all, problem{"kubernetes.tolerations", err})
		}
	}
	if k.Restricted && k.AllowEscalation {
		all = append(all, problem{"kubernetes.allow_escalation", fmt.Errorf("the level restricted does not have it: leave one of the two out")})
	}
	return all
}

// checkRunners says what is wrong with the entries of "runners".
func (c *Config) checkRunners(fail func(key, format string, args ...any)) {
	seen := map[string]int{}
	for i, r := range c.Runners {
		key := runnerKey(i)
		if len(r.Labels) == 0 && r.Group == "" {
			fail(key, "it has neither labels nor a group: no job could be placed there")
		} else if before, ok := seen[strings.ToLower(r.Name())]; ok {
			fail(key, "%s has the same labels and group, and comes first", runnerKey(before))
		}
		if _, ok := seen[strings.ToLower(r.Name())]; !ok {
			seen[strings.ToLower(r.Name())] = i
		}
		for _, label := range r.Labels {
			if label == "" || strings.ContainsAny(label, ",@") {
				fail(key, "%q is no label", label)
			}
		}
		all := []string{ExecutorAuto, ExecutorDocker, ExecutorHost, ExecutorKubernetes}
		if !slices.Contains(all, r.Executor) {
			fail(key, "executor %q is not one of %s%s", r.Executor, strings.Join(all, ", "), closeValue(r.Executor, all))
		}
		switch {
		case r.Executor == ExecutorHost && (r.Image != "" || r.Arch != ""):
			fail(key, "jobs on the host have the machine's files and architecture: leave image and arch out")
		case r.Executor != ExecutorHost && (r.Image == "" || strings.ContainsAny(r.Image, " \t\n")):
			fail(key, "%q is no image: give one, or executor: %s", r.Image, ExecutorHost)
		}
		if r.Arch != "" && !slices.Contains(arches, r.Arch) {
			fail(key, "arch %q is not one of %s%s", r.Arch, strings.Join(arches, ", "), closeValue(r.Arch, arches))
		}
		if len(r.said) > 0 && (r.Executor == ExecutorDocker || r.Executor == ExecutorHost) {
			fail(key, "its settings for Kubernetes have no effect: its executor is %q", r.Executor)
		}
		// What is wrong with the settings for all has been said.
		general := c.Kubernetes.problems()
		for _, p := range r.Kubernetes.problems() {
			if !slices.ContainsFunc(general, func(g problem) bool { return g.key == p.key && g.err.Error() == p.err.Error() }) {
				fail(key, "%s: %w", strings.TrimPrefix(p.key, "kubernetes."), p.err)
			}
		}
	}
}
