package propose

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline/dockerfile"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// Service is one proposal.
type Service struct {
	Name, Path string
	Dockerfile string // empty: ko
	Context    string // of the Dockerfile; empty: Path
}

// Services finds what looks like services: folders with a Dockerfile, and main
// packages of Go without one. Name is what a service at the top is called.
func Services(ctx context.Context, t tree.Tree, name string) ([]Service, error) {
	files, err := t.Files(ctx)
	if err != nil {
		return nil, err
	}
	var all []Service
	for _, f := range files {
		if path.Base(f.Path) != "Dockerfile" || hidden(f.Path) || f.Mode != tree.Regular && f.Mode != tree.Executable {
			continue
		}
		s := Service{Path: path.Dir(f.Path), Dockerfile: f.Path}
		src, err := t.Read(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		if !copiesFrom(tree.Index(files), s.Path, src) && copiesFrom(tree.Index(files), ".", src) {
			s.Context = "."
		}
		all = append(all, s)
	}
	seen := ""
	for _, f := range files {
		dir := path.Dir(f.Path)
		if dir == seen || path.Ext(f.Path) != ".go" || strings.HasSuffix(f.Path, "_test.go") || hidden(f.Path) || f.Mode == tree.Symlink {
			continue
		}
		seen = dir
		covered := slices.ContainsFunc(all, func(s Service) bool { return s.Path == "." || dir == s.Path || strings.HasPrefix(dir, s.Path+"/") })
		if covered || !hasModule(tree.Index(files), dir) {
			continue
		}
		src, err := t.Read(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		if parsed, err := parser.ParseFile(token.NewFileSet(), f.Path, src, parser.PackageClauseOnly); err == nil && parsed.Name.Name == "main" {
			all = append(all, Service{Path: dir})
		}
	}
	slices.SortFunc(all, func(a, b Service) int { return strings.Compare(a.Path, b.Path) })
	taken := map[string]bool{}
	for i := range all {
		all[i].Name = unique(all[i].Path, name, taken)
	}
	return all, nil
}

// copiesFrom tells whether the sources of a Dockerfile lie in a folder.
func copiesFrom(index tree.Index, folder string, src []byte) bool {
	in, err := dockerfile.Analyze(src, dockerfile.Options{})
	if err != nil {
		return true
	}
	for _, s := range in.Sources {
		there := slices.ContainsFunc(index.Below(folder), func(f tree.File) bool {
			inside := f.Path
			if folder != "." {
				inside = strings.TrimPrefix(f.Path, folder+"/")
			}
			return s.Match(inside)
		})
		if !there {
			return false
		}
	}
	return true
}

func hasModule(index tree.Index, dir string) bool {
	for ; ; dir = path.Dir(dir) {
		if index.Has(path.Join(dir, "go.mod")) {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// hidden tells folders that hold no services: those of tools, tests and others'
// code.
func hidden(file string) bool {
	for part := range strings.SplitSeq(path.Dir(file), "/") {
		switch {
		case strings.HasPrefix(part, ".") && part != ".", strings.HasPrefix(part, "_"):
			return true
		case part == "vendor", part == "testdata", part == "node_modules":
			return true
		}
	}
	return false
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// unique makes a name of a folder that no service has yet, with as much of the path
// as it takes.
func unique(folder, top string, taken map[string]bool) string {
	parts := strings.Split(folder, "/")
	if folder == "." {
		parts = []string{top}
	}
	name := ""
	for i := len(parts) - 1; i >= 0; i-- {
		part := strings.Trim(unfit.ReplaceAllString(strings.ToLower(parts[i]), "-"), "-")
		name = strings.Trim(part+"-"+name, "-")
		if name = strings.TrimRight(name[:min(len(name), 60)], "-"); name != "" && !taken[name] {
			break
		}
	}
	if name == "" {
		name = "service"
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	taken[free] = true
	return free
}

// Text is the declaration of services whose images go to a registry, or to a part
// of one.
func Text(all []Service, registry string) string {
	var b strings.Builder
	b.WriteString("services:\n")
	for _, s := range all {
		fmt.Fprintf(&b, "  %s:\n    path: %s\n", s.Name, quoted(s.Path))
		switch {
		case s.Dockerfile == "":
			b.WriteString("    build: ko\n")
		case s.Context != "":
			fmt.Fprintf(&b, "    build:\n      dockerfile: %s\n      context: %s\n", quoted(s.Dockerfile), quoted(s.Context))
		}
		fmt.Fprintf(&b, "    image: %s\n", quoted(registry+"/"+s.Name))
	}
	return b.String()
}

var plain = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9._/:-]*$`)

// quoted is a text as YAML has it.
func quoted(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
