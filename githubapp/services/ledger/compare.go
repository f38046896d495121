package ledger

import (
	"maps"
	"slices"
)

// Difference is what two builds of a service do not have in common. What is alike is
// left out.
type Difference struct {
	Digest    *Changed  `json:"digest,omitempty"`
	Version   *Changed  `json:"version,omitempty"`
	Image     *Changed  `json:"image,omitempty"`
	Chart     *Changed  `json:"chart,omitempty"`
	Size      int64     `json:"size,omitempty"` // bytes that To has more
	Bases     []Changed `json:"bases,omitempty"`
	Args      []Changed `json:"args,omitempty"`
	Platforms []Changed `json:"platforms,omitempty"`
	Tags      []Changed `json:"tags,omitempty"`
}

// Changed is one thing that is not the same. "" is: it is not there, or not known.
type Changed struct {
	Name string `json:"name,omitempty"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Compare finds what two builds differ in.
func Compare(from, to Build) Difference {
	one := func(a, b string) *Changed {
		if a == b {
			return nil
		}
		return &Changed{From: a, To: b}
	}
	d := Difference{
		Digest: one(from.Digest, to.Digest), Version: one(from.Version, to.Version), Image: one(from.Image, to.Image), Chart: one(from.Chart, to.Chart),
		Bases: compare(digests(from.Bases), digests(to.Bases)), Args: compare(from.Args, to.Args), Platforms: compare(set(from.Platforms), set(to.Platforms)),
		Tags: compare(set(from.Tags), set(to.Tags)),
	}
	if from.Size > 0 && to.Size > 0 {
		d.Size = to.Size - from.Size
	}
	return d
}

func digests(bases []Base) map[string]string {
	out := map[string]string{}
	for _, b := range bases {
		out[b.Name] = b.Digest
		if b.Digest == "" {
			out[b.Name] = "not known"
		}
	}
	return out
}

func set(list []string) map[string]string {
	out := map[string]string{}
	for _, one := range list {
		out[one] = one
	}
	return out
}

func compare(from, to map[string]string) (all []Changed) {
	names := maps.Clone(from)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, to)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if from[name] != to[name] {
			all = append(all, Changed{Name: name, From: from[name], To: to[name]})
		}
	}
	return all
}
