package dockerfile

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// allPlatforms stand for a build that does not say which it is for.
var allPlatforms = []string{
	"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x",
}

// known are frontends that read Dockerfiles as we do.
var known = regexp.MustCompile(`^(docker\.io/)?docker/dockerfile(-upstream)?(:|@|$)`)

// Analyze reads a Dockerfile. Its error says that no builder could read it either.
func Analyze(src []byte, o Options) (in *Inputs, err error) {
	// The parser is another's and the file a stranger's.
	defer func() {
		if p := recover(); p != nil {
			in, err = nil, fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	in = &Inputs{}
	syntax, _, _, ok := parser.DetectSyntax(src)
	if given := o.Args["BUILDKIT_SYNTAX"]; given != "" { // BuildKit: it comes before what the file says
		syntax, ok = given, true
	}
	if ok && !known.MatchString(syntax) {
		in.add(Source{Pattern: ".", Text: "# syntax=" + syntax, Line: 1, Doubt: "what this frontend reads cannot be told"})
		return in, nil
	}
	if n := len(src); n > maxSize {
		in.all(fmt.Sprintf("%d bytes", n))
		return in, nil
	}
	result, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	if n := len(result.AST.Children); n > maxInstructions {
		in.all(fmt.Sprintf("%d instructions", n))
		return in, nil
	}
	platforms := o.Platforms
	if len(platforms) == 0 {
		platforms = allPlatforms
	}
	for _, platform := range platforms {
		// Expanding changes the instructions: each platform has its own.
		stages, globals, err := instructions.Parse(result.AST, nil)
		if err != nil {
			return nil, err
		}
		f := &file{in: in, o: o, lex: shell.NewLex(result.EscapeToken), stages: stages, platform: platform}
		if err := f.analyze(globals); err != nil {
			return nil, err
		}
		if n := len(in.Sources) + len(in.Images); n > maxInstructions {
			in.all(fmt.Sprintf("%d sources and images", n))
			return in, nil
		}
	}
	return in, nil
}

// Bounds of what is looked at one by one. Nobody writes such a file.
const (
	maxSize         = 1 << 20 // bytes
	maxInstructions = 500
)

// all counts the whole context instead of what is too much to look at.
func (in *Inputs) all(what string) {
	in.Sources = []Source{{Pattern: ".", Text: what, Line: 1, Doubt: "too many to look at each"}}
	in.Images = nil
	in.Triggers = true
	in.Doubts = []string{"is too large to tell which images it starts from"}
}

// file is a Dockerfile for one platform.
type file struct {
	in       *Inputs
	o        Options
	lex      *shell.Lex
	stages   []instructions.Stage
	platform string

	globals map[string]string
	ran     int // triggers
	target  int
	bases   []int               // the stage that each starts from, or -1
	needs   []map[int]bool      // stages that each needs
	env     []map[string]string // after each stage: stages that start from it inherit ENV and ARG
}

// found is what one stage reads; it counts when the target needs the stage.
type found struct {
	sources []Source
	images  []Image
	doubts  []string
}

func (f *file) analyze(globals []instructions.ArgCommand) error {
	f.globals = f.platformArgs()
	for _, arg := range globals {
		for _, pair := range arg.Args {
			f.define(f.globals, pair, nil)
		}
	}
	target := len(f.stages) - 1
	if f.o.Target != "" {
		if target = f.stage(f.o.Target, len(f.stages)); target < 0 {
			return fmt.Errorf("there is no stage %q to build", f.o.Target)
		}
	}
	all := make([]found, len(f.stages))
	for i := range f.stages {
		all[i] = f.read(i)
	}
	f.target = target
	f.goStages(all)
	// Builders make only the stages that the target needs.
	wanted := map[int]bool{}
	f.want(target, wanted)
	for _, i := range slices.Sorted(maps.Keys(wanted)) {
		for _, s := range all[i].sources {
			f.in.add(s)
		}
		for _, image := range all[i].images {
			f.in.addImage(image)
		}
		for _, doubt := range all[i].doubts {
			if !slices.Contains(f.in.Doubts, doubt) {
				f.in.Doubts = append(f.in.Doubts, doubt)
			}
		}
	}
	return nil
}

func (f *file) want(i int, wanted map[int]bool) {
	if wanted[i] {
		return
	}
	wanted[i] = true
	for other := range f.needs[i] {
		f.want(other, wanted)
	}
}

// stage finds an earlier stage by name or number, or gives -1. Of several with one
// name builders take the last.
func (f *file) stage(name string, before int) int {
	for i := before - 1; i >= 0; i-- {
		if f.stages[i].Name != "" && strings.EqualFold(f.stages[i].Name, name) {
			return i
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < before {
		return n
	}
	return -1
}

// read goes through one stage.
func (f *file) read(i int) found {
	s := &f.stages[i]
	line := line(s.Location)
	var out found
	f.needs = append(f.needs, map[int]bool{})
	env := map[string]string{}
	base, unknown := f.expand(s.BaseName, f.globals)
	if from := f.stageByName(base, i); from >= 0 {
		f.needs[i][from] = true
		f.bases = append(f.bases, from)
		maps.Copy(env, f.env[from])
		s.Commands = append(f.triggers(from, &out), s.Commands...)
	} else if unknown != "" {
		out.doubts = append(out.doubts, fmt.Sprintf("line %d: FROM %s: %s is not known, so the base may be another service's image", line, s.BaseName, unknown))
	} else {
		out.images = append(out.images, Image{base, line, true})
		if strings.Contains(base, "onbuild") {
			out.sources = append(out.sources, Source{Pattern: ".", Text: "FROM " + base, Line: line, Doubt: "the base may copy files by its ONBUILD triggers"})
		}
	}
	if len(f.bases) == i {
		f.bases = append(f.bases, -1)
	}
	for _, c := range s.Commands {
		f.command(i, c, env, &out)
	}
	f.env = append(f.env, env)
	return out
}

// stageByName finds the stage that FROM names: numbers are images there.
func (f *file) stageByName(name string, before int) int {
	if _, err := strconv.Atoi(name); err == nil {
		return -1
	}
	return f.stage(name, before)
}

func (f *file) command(i int, c instructions.Command, env map[string]string, out *found) {
	line := line(c.Location())
	switch c := c.(type) {
	case *instructions.ArgCommand:
		for _, pair := range c.Args {
			f.define(env, pair, f.globals)
		}
	case *instructions.EnvCommand:
		before := maps.Clone(env)
		for _, pair := range c.Env {
			value, unknown := f.expand(pair.Value, before)
			if unknown != "" {
				delete(env, pair.Key)
				continue
			}
			env[pair.Key] = value
		}
	case *instructions.CopyCommand:
		if c.From != "" {
			f.from(i, c.From, line, out)
			return
		}
		f.sources("COPY", c.SourcePaths, line, env, out)
	case *instructions.AddCommand:
		f.sources("ADD", c.SourcePaths, line, env, out)
	case *instructions.RunCommand:
		f.mounts(i, c, line, env, out)
	case *instructions.OnbuildCommand:
		f.in.Triggers = true
	}
}

// from is COPY --from and RUN --mount=from: a stage or an image.
func (f *file) from(i int, name string, line int, out *found) {
	if strings.Contains(name, "$") {
		for other := range i {
			f.needs[i][other] = true
		}
		return
	}
	if stage := f.stage(name, i); stage >= 0 {
		f.needs[i][stage] = true
		return
	}
	out.images = append(out.images, Image{name, line, false})
}

// remote sources are fetched. github.com/owner/name without a scheme is a folder
// (BuildKit: dfgitutil, IndistinguishableFromLocal).
var remote = regexp.MustCompile(`^(https?://|git://|ssh://|git@[^/]*:)`)

// sources are those of COPY and ADD out of the context.
func (f *file) sources(instruction string, texts []string, line int, env map[string]string, out *found) {
	for _, text := range texts {
		if len(out.sources) > maxInstructions {
			return // Analyze refuses so many
		}
		value, unknown := f.expand(text, env)
		s := Source{Text: instruction + " " + text, Line: line}
		switch {
		case unknown != "":
			s.Pattern, s.Doubt = ".", unknown+" is not known from the Dockerfile: only its base image may define it"
		case instruction == "ADD" && remote.MatchString(value):
			continue
		default:
			s.Pattern, s.Outside = below(value)
		}
		out.sources = append(out.sources, s)
	}
}

// below makes a source relative to the context, as builders do: "/x" and "../x"
// are "x".
func below(text string) (pattern string, outside bool) {
	clean := path.Clean(text)
	outside = clean == ".." || strings.HasPrefix(clean, "../")
	pattern = strings.TrimPrefix(path.Clean("/"+text), "/")
	if pattern == "" {
		pattern = "."
	}
	return pattern, outside
}

// mounts are the files that RUN sees without copying them.
func (f *file) mounts(i int, c *instructions.RunCommand, line int, env map[string]string, out *found) {
	unknown := ""
	err := c.Expand(func(word string) (string, error) {
		value, u := f.expand(word, env)
		unknown = max(unknown, u)
		return value, nil
	})
	if err != nil || unknown != "" {
		doubt := "the mount cannot be read"
		if unknown != "" {
			doubt = unknown + " is not known from the Dockerfile"
		}
		out.sources = append(out.sources, Source{Pattern: ".", Text: "RUN --mount", Line: line, Doubt: doubt})
		for other := range i {
			f.needs[i][other] = true
		}
		return
	}
	for _, m := range instructions.GetMounts(c) {
		switch {
		case m.From != "":
			f.from(i, m.From, line, out)
		case m.Type == instructions.MountTypeBind:
			pattern, outside := below(m.Source)
			out.sources = append(out.sources, Source{Pattern: pattern, Text: "RUN --mount=type=bind,source=" + pattern, Line: line, Outside: outside})
		}
	}
}
