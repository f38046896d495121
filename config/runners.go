package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// runnerKeys are the keys of an entry of "runners".
var runnerKeys = []string{"labels", "group", "executor", "image", "arch", "kubernetes"}

func runnerKey(i int) string { return fmt.Sprintf("runners[%d]", i) }

// Origin is where the entry stands.
func (r Runner) Origin() Origin { return r.origin }

// runnersOf reads the list from a variable.
func runnersOf(text string, origin Origin) ([]Runner, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	p := &parser{path: origin.Name, source: origin.Source, values: map[string]value{}}
	list := p.runners(doc.Content[0])
	return list, errors.Join(p.errs...)
}

// runners reads the list.
func (p *parser) runners(n *yaml.Node) []Runner {
	n = target(n)
	if n.Kind != yaml.SequenceNode {
		p.fail(n, "%q must be a list of entries, each with labels and an image", "runners")
		return nil
	}
	var all []Runner
	for _, item := range n.Content {
		if r, ok := p.runner(target(item)); ok {
			all = append(all, r)
		}
	}
	return all
}

// runner reads one entry.
func (p *parser) runner(n *yaml.Node) (Runner, bool) {
	r := Runner{Executor: ExecutorAuto, origin: p.origin(n)}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "an entry of %q must be a mapping of keys to values", "runners")
		return r, false
	}
	before := len(p.errs)
	texts := map[string]*string{"group": &r.Group, "executor": &r.Executor, "image": &r.Image, "arch": &r.Arch}
	p.pairs("runners", n, func(name, content *yaml.Node) {
		content = target(content)
		switch key := name.Value; key {
		case "labels":
			for _, label := range p.texts("runners: labels", content) {
				if label = strings.ToLower(strings.TrimSpace(label)); !slices.Contains(r.Labels, label) {
					r.Labels = append(r.Labels, label)
				}
			}
		case "kubernetes":
			r.said = p.said(content)
		default:
			into := texts[key]
			switch {
			case into == nil:
				p.fail(name, "unknown key %q of a runner%s", key, hint(closest(key, runnerKeys)))
			case content.Kind != yaml.ScalarNode:
				p.fail(content, "\"runners: %s\" must be a string", key)
			case !null(content):
				*into = strings.TrimSpace(content.Value)
			}
		}
	})
	return r, len(p.errs) == before
}

// pairs walks a mapping; a key that stands twice is an error.
func (p *parser) pairs(what string, n *yaml.Node, each func(name, content *yaml.Node)) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if before := first[name.Value]; before != nil {
			p.fail(name, "%s: key %q stands here again, first in line %d: keep one", what, name.Value, before.Line)
			continue
		}
		first[name.Value] = name
		each(name, n.Content[i+1])
	}
}

// texts reads a string or a list of them.
func (p *parser) texts(what string, n *yaml.Node) []string {
	items := n.Content
	if n.Kind == yaml.ScalarNode {
		items = []*yaml.Node{n}
	}
	var all []string
	for _, item := range items {
		if item = target(item); item.Kind != yaml.ScalarNode || null(item) || n.Kind == yaml.MappingNode {
			p.fail(item, "%q must be a string or a list of strings", what)
			continue
		}
		all = append(all, item.Value)
	}
	return all
}

// said reads the settings that an entry has instead of those for all.
func (p *parser) said(n *yaml.Node) map[string]value {
	if null(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "\"runners: kubernetes\" must be a mapping of keys to values")
		return nil
	}
	own := &parser{path: p.path, source: p.source, values: map[string]value{}}
	p.pairs("runners: kubernetes", n, func(name, content *yaml.Node) {
		f, ok := fieldOf("kubernetes." + name.Value)
		switch {
		case ok && f.PerRunner:
			own.field(f, name, content)
		case ok:
			p.fail(name, "%q is the same for all runners: set it outside of \"runners\"", f.Key)
		default:
			p.fail(name, "unknown key %q of a runner's kubernetes%s", name.Value, hint(closest(name.Value, perRunner())))
		}
	})
	p.errs = append(p.errs, own.errs...)
	return own.values
}

// perRunner are the keys below "kubernetes" that a runner may have.
func perRunner() []string {
	var all []string
	for _, f := range fields {
		if f.PerRunner {
			all = append(all, strings.TrimPrefix(f.Key, "kubernetes."))
		}
	}
	return all
}

// settleRunners gives each runner what is set for all, and on it what its entry
// says: as between two files, lists replace and maps add.
func (c *Config) settleRunners(env environment, note func(string, error)) {
	c.Runners = slices.Clone(c.Runners)
	for i := range c.Runners {
		r := &c.Runners[i]
		own := &Config{Kubernetes: c.Kubernetes.clone(), origins: map[string]Origin{}}
		for _, key := range slices.Sorted(maps.Keys(r.said)) {
			f, _ := fieldOf(key)
			if err := own.apply(f, r.said[key], env); err != nil {
				note(fmt.Sprintf("%q of %s (%s)", key, runnerKey(i), r.said[key].origin), err)
			}
		}
		r.Kubernetes = own.Kubernetes
	}
}

func (k Kubernetes) clone() Kubernetes {
	for _, m := range []*map[string]string{&k.NodeSelector, &k.Requests, &k.Limits, &k.Labels, &k.Annotations} {
		*m = maps.Clone(*m)
	}
	return k
}

// text is an entry as one line.
func (r Runner) text() string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+"="+value)
		}
	}
	add("labels", strings.Join(r.Labels, ","))
	add("group", r.Group)
	add("executor", r.Executor)
	add("image", r.Image)
	add("arch", r.Arch)
	own := &Config{Kubernetes: r.Kubernetes}
	for _, f := range kubernetesFields {
		if _, ok := r.said[f.Key]; !ok {
			continue
		}
		if m, ok := f.ref(own).(*map[string]string); ok {
			for _, name := range slices.Sorted(maps.Keys(*m)) {
				add(f.Key+"."+name, (*m)[name])
			}
			continue
		}
		add(f.Key, text(f.ref(own)))
	}
	return strings.Join(parts, " ")
}
