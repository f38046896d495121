package affected

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// What a build of a service sees of a generated repository, worked out without the
// analysis: the test's own reading of what Dockerfiles copy and Go imports.
type world struct {
	files    tree.Memory
	services []*made
}

type made struct {
	name, context string
	version       int      // a build argument
	sources       []string // of COPY
	ignored       []string
	base          string // another service's image, or ""
	ko            bool
	needs         string
}

var folders = []string{"a", "b", "b/c", "d", "d/e/f", "lib/x", "lib/y", "lib/z"}

func generate(r *rand.Rand) *world {
	w := &world{files: tree.Memory{"README.md": "r", "go.mod": "module m\n"}}
	for _, folder := range folders {
		for i := range 1 + r.IntN(3) {
			w.files[fmt.Sprintf("%s/f%d.txt", folder, i)] = "0"
		}
	}
	w.files["lib/x/x.go"] = "package x\n" + pick(r, "", "import _ \"m/lib/y\"\n")
	w.files["lib/y/y.go"] = "package y\n" + pick(r, "", "import _ \"m/lib/z\"\n") + pick(r, "", "//go:embed f*.txt\nvar s string\n")
	w.files["lib/z/z.go"] = "package z\n"
	if r.IntN(2) == 0 {
		w.files["d/link"] = "-> " + pick(r, "../a", "../b/c/f0.txt", "e", "/lib/z")
	}
	for i := range 4 {
		s := &made{name: fmt.Sprintf("s%d", i), context: pick(r, ".", ".", "b", "d"), version: r.IntN(2)}
		w.files[s.name+"/file"] = "0"
		switch r.IntN(4) {
		case 0:
			s.ko = true
			w.files[s.name+"/main.go"] = "package main\n" + pick(r, "", "import _ \"m/lib/x\"\n", "import _ \"m/lib/z\"\n")
		default:
			for range r.IntN(3) {
				s.sources = append(s.sources, pick(r, "a", "b", "b/c", "c", "*/f1.txt", "d", "d/link", "link", "e", "f0.txt", ".", "lib/*/f0.txt", "s?/file", "missing"))
			}
			if r.IntN(3) == 0 {
				s.ignored = []string{pick(r, "**/f0.txt", "b", "*.md", "d/*"), pick(r, "!b/c", "lib", "!**/f0.txt", "s0")}
			}
			if i > 0 && r.IntN(3) == 0 {
				s.base = fmt.Sprintf("s%d", r.IntN(i))
			}
		}
		if i > 0 && r.IntN(4) == 0 {
			s.needs = fmt.Sprintf("s%d", r.IntN(i))
		}
		w.services = append(w.services, s)
	}
	w.write()
	return w
}

func pick(r *rand.Rand, all ...string) string { return all[r.IntN(len(all))] }

// write makes the files that say what the services are.
func (w *world) write() {
	var b strings.Builder
	b.WriteString("services:\n")
	for _, s := range w.services {
		fmt.Fprintf(&b, "  %s:\n    path: %s\n    image: r/%s\n", s.name, s.name, s.name)
		if s.needs != "" {
			fmt.Fprintf(&b, "    depends-on: %s\n", s.needs)
		}
		if s.ko {
			b.WriteString("    build: ko\n")
			continue
		}
		fmt.Fprintf(&b, "    build: {context: %s, args: {VERSION: %d}}\n", s.context, s.version)
		base := "scratch"
		if s.base != "" {
			base = "r/" + s.base
		}
		text := "FROM alpine AS one\n"
		for i, source := range s.sources {
			if i%2 == 0 {
				text += "ARG S" + fmt.Sprint(i) + "=" + source + "\nCOPY ${S" + fmt.Sprint(i) + "} /\n"
			} else {
				text += "COPY [\"" + source + "\", \"/\"]\n"
			}
		}
		text += "FROM " + base + "\nCOPY --from=one /x /\n"
		w.files[s.name+"/Dockerfile"] = text
		delete(w.files, s.name+"/Dockerfile.dockerignore")
		if s.ignored != nil {
			w.files[s.name+"/Dockerfile.dockerignore"] = strings.Join(s.ignored, "\n")
		}
	}
	w.files["drydock.yaml"] = b.String()
}

// change edits the repository, as people do.
func (w *world) change(r *rand.Rand) {
	for range 1 + r.IntN(2) {
		paths := slices.Sorted(maps.Keys(w.files))
		at := paths[r.IntN(len(paths))]
		s := w.services[r.IntN(len(w.services))]
		switch r.IntN(9) {
		case 0, 1, 2: // touch
			if strings.HasSuffix(at, ".txt") || strings.HasSuffix(at, "/file") || at == "README.md" {
				w.files[at] += "1"
			}
		case 3: // delete
			if strings.HasSuffix(at, ".txt") {
				delete(w.files, at)
			}
		case 4: // add
			w.files[pick(r, folders...)+"/new.txt"] = "n"
		case 5: // rename a folder
			from, to := pick(r, folders...), pick(r, "moved", "a/moved", "b/c2")
			for _, p := range paths {
				if rest, ok := strings.CutPrefix(p, from+"/"); ok {
					w.files[to+"/"+rest] = w.files[p]
					delete(w.files, p)
				}
			}
		case 6: // another Dockerfile
			if !s.ko {
				s.sources = append(s.sources, pick(r, "a", "d/e"))
			}
		case 7: // another declaration
			s.version++
		case 8: // a folder becomes a file or a link
			folder := pick(r, folders...)
			for _, p := range paths {
				if strings.HasPrefix(p, folder+"/") {
					delete(w.files, p)
				}
			}
			w.files[folder] = pick(r, "file", "-> README.md")
		}
	}
	w.write()
}

// seen is a hash of all that the image is made from.
func (w *world) seen(name string) string {
	h := sha256.New()
	var s *made
	for _, one := range w.services {
		if one.name == name {
			s = one
		}
	}
	if s.ko {
		w.hashPackage(h.Write, s.name, map[string]bool{})
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	fmt.Fprintf(h, "%d %s %s", s.version, s.context, w.files[s.name+"/Dockerfile"])
	patterns, _ := patternmatcher.New(s.ignored)
	for _, file := range slices.Sorted(maps.Keys(w.files)) {
		inside, ok := strings.CutPrefix(file, s.context+"/")
		if s.context == "." {
			inside, ok = file, true
		}
		ignored, _ := patterns.MatchesOrParentMatches(inside)
		if !ok || ignored {
			continue
		}
		for _, source := range s.sources {
			for at := inside; at != "."; at = path.Dir(at) {
				if match, _ := path.Match(source, at); match || source == "." {
					fmt.Fprintf(h, "%s=%s\n", file, w.files[file])
					w.hashLink(h.Write, file)
					break
				}
			}
		}
	}
	if s.base != "" {
		fmt.Fprint(h, w.seen(s.base))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// hashLink adds what a symlink leads to, one step far.
func (w *world) hashLink(write func([]byte) (int, error), file string) {
	text, ok := strings.CutPrefix(w.files[file], "-> ")
	if !ok || path.IsAbs(text) {
		return
	}
	to := path.Join(path.Dir(file), text)
	for _, other := range slices.Sorted(maps.Keys(w.files)) {
		if other == to || strings.HasPrefix(other, to+"/") {
			_, _ = write([]byte(other + w.files[other]))
		}
	}
}

// hashPackage adds a Go package, what it imports and what it embeds.
func (w *world) hashPackage(write func([]byte) (int, error), dir string, seen map[string]bool) {
	if seen[dir] {
		return
	}
	seen[dir] = true
	for _, file := range slices.Sorted(maps.Keys(w.files)) {
		if path.Dir(file) != dir {
			continue
		}
		embeds := strings.Contains(w.files[dir+"/"+path.Base(dir)+".go"], "go:embed")
		if strings.HasSuffix(file, ".go") || embeds && strings.HasPrefix(path.Base(file), "f") {
			_, _ = write([]byte(file + w.files[file]))
		}
		for _, folder := range folders {
			if strings.Contains(w.files[file], "\"m/"+folder+"\"") {
				w.hashPackage(write, folder, seen)
			}
		}
	}
}

// The analysis never skips a service of which a builder would see something else.
func TestNeverMissesABuild(t *testing.T) {
	skipped, built := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := generate(r)
		before := maps.Clone(w.files)
		services := parse(t, before["drydock.yaml"])
		hashes := map[string]string{}
		for _, s := range w.services {
			hashes[s.name] = w.seen(s.name)
		}
		w.change(r)
		var changed []string
		for _, file := range slices.Sorted(maps.Keys(w.files)) {
			if old, ok := before[file]; !ok || old != w.files[file] {
				changed = append(changed, file)
			}
		}
		for _, file := range slices.Sorted(maps.Keys(before)) {
			if _, ok := w.files[file]; !ok {
				changed = append(changed, file)
			}
		}
		slices.Sort(changed)
		decisions, err := Decide(t.Context(), Input{
			Services: parse(t, w.files["drydock.yaml"]), Tree: w.files, Change: tree.Change{Files: changed},
			Before: func(context.Context) (*declaration.Services, error) { return services, nil },
		})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, d := range decisions {
			if d.Decision == Build {
				built++
				continue
			}
			skipped++
			if w.seen(d.Name) != hashes[d.Name] {
				t.Errorf("seed %d: %s is skipped (%s), but %q changed what its build sees:\n%s\n%s", seed, d.Name, d.Reason, changed, w.files["drydock.yaml"], w.files[d.Name+"/Dockerfile"])
			}
		}
		if t.Failed() {
			return
		}
	}
	// The property is empty if everything is built.
	if skipped < 2000 {
		t.Errorf("%d skipped, %d built", skipped, built)
	}
	t.Logf("%d skipped, %d built", skipped, built)
}
