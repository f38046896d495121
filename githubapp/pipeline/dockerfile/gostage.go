package dockerfile

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// goStage is a stage that does nothing with the folders it copies but build one Go
// program, of which others take the program alone: then of these folders only what
// the program is built from matters. Whatever else stands in the stage makes it a
// plain one.
type goStage struct {
	inherited
	main    string // folder of the main package in the context
	outputs []string
}

// inherited is what stages that start from this one have too.
type inherited struct {
	workdir string // absolute, or "" when only the base image knows
	root    string // where the context's root lies in the stage; "": nothing is copied yet
	plain   bool   // something else stands in it
	tuned   bool   // a variable may make the Go tool read other files
}

// goStages looks at all stages and marks the sources of those that build Go.
func (f *file) goStages(all []found) {
	stages := make([]*goStage, len(f.stages))
	for i := range f.stages {
		g := &goStage{}
		if from := f.bases[i]; from >= 0 {
			g.inherited = stages[from].inherited
		}
		for _, c := range f.stages[i].Commands {
			g.command(c)
		}
		stages[i] = g
		if g.plain || g.tuned || g.main == "" || !f.onlyTaken(i, g.outputs) {
			continue
		}
		for k := range all[i].sources {
			if s := &all[i].sources[k]; s.Doubt == "" {
				s.GoMain = g.main
			}
		}
	}
}

// command follows one instruction.
func (g *goStage) command(c instructions.Command) {
	switch c := c.(type) {
	case *instructions.WorkdirCommand:
		if path.IsAbs(c.Path) && !strings.Contains(c.Path, "$") {
			g.workdir = path.Clean(c.Path)
		} else if g.workdir != "" && !strings.Contains(c.Path, "$") {
			g.workdir = path.Join(g.workdir, c.Path)
		} else {
			g.workdir, g.plain = "", true
		}
	case *instructions.CopyCommand:
		if c.From != "" || c.Parents || len(c.ExcludePatterns) > 0 || len(c.SourceContents) > 0 {
			g.plain = true // it makes or hides a go.work, say
			return
		}
		g.copy(c.SourcePaths, c.DestPath)
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			g.tuned = g.tuned || !harmless(pair.Key)
		}
	case *instructions.ArgCommand:
		for _, pair := range c.Args {
			g.tuned = g.tuned || !harmless(pair.Key)
		}
	case *instructions.LabelCommand, *instructions.UserCommand:
	case *instructions.RunCommand:
		g.run(c)
	default:
		g.plain = true
	}
}

// copy notes where the context lies. Every folder must lie as it does in the
// context, so that the Go tool sees the repository's own layout.
func (g *goStage) copy(sources []string, to string) {
	if g.workdir == "" && !path.IsAbs(to) || strings.ContainsAny(to, "$") {
		g.plain = true
		return
	}
	dest := to
	if !path.IsAbs(to) {
		dest = path.Join(g.workdir, to)
	}
	dest = path.Clean(dest)
	for _, source := range sources {
		if strings.ContainsAny(source, "$*?[\\") {
			g.plain = true
			return
		}
		pattern, _ := below(source)
		root := dest
		switch base := path.Base(pattern); {
		case pattern == ".":
		case base == "go.mod" || base == "go.sum" || base == "go.work" || base == "go.work.sum":
			// A file goes into the folder, or is called so.
			root = strip(dest, pattern, path.Dir(pattern))
		default:
			root = strip(dest, pattern, "")
		}
		if root == "" || g.root != "" && g.root != root {
			g.plain = true
			return
		}
		g.root = root
	}
}

// strip takes one of the endings from a path; "" when it has none of them.
func strip(dest string, endings ...string) string {
	for _, e := range endings {
		switch {
		case e == "":
		case e == ".":
			return dest
		default:
			if root, ok := strings.CutSuffix(dest, "/"+e); ok {
				return path.Join("/", root)
			}
		}
	}
	return ""
}

// run reads a RUN. Before anything is copied it may do what it likes; after that
// only build.
func (g *goStage) run(c *instructions.RunCommand) {
	for _, flag := range c.FlagsUsed {
		if flag == "mount" {
			for _, m := range instructions.GetMounts(c) {
				g.plain = g.plain || m.Type == instructions.MountTypeBind || m.From != ""
			}
		}
	}
	if g.root == "" {
		g.plain = g.plain || prepares.MatchString(strings.Join(c.CmdLine, " ")) || len(c.Files) > 0
		return
	}
	if !c.PrependShell || len(c.Files) > 0 || len(c.CmdLine) != 1 {
		g.plain = true
		return
	}
	for command := range strings.SplitSeq(c.CmdLine[0], "&&") {
		words, ok := simpleWords(command)
		if !ok || !g.goCommand(words) {
			g.plain = true
			return
		}
	}
}

// prepares finds commands that may leave something that the Go tool looks for beside
// what is copied later.
var prepares = regexp.MustCompile(`go\.(mod|sum|work)|\bgo +(mod|work|env)\b|GOFLAGS|modules\.txt`)

// simpleWords splits a command that has nothing of the shell's but quotes and
// variables.
func simpleWords(command string) ([]string, bool) {
	var words []string
	var word strings.Builder
	quote, in := rune(0), false
	for _, r := range command {
		switch {
		case strings.ContainsRune("`|;<>&(){}*?[]\\!~#\n", r) && (r != '{' && r != '}' || quote == '\''):
			return nil, false
		case r == '$' && quote == 0 && (strings.HasPrefix(word.String(), "-") || !strings.Contains(word.String(), "=")):
			return nil, false // it may become several words
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words, quote == 0
}

// goCommand reads "go build" and what may stand beside it.
func (g *goStage) goCommand(words []string) bool {
	for len(words) > 0 {
		name, _, ok := strings.Cut(words[0], "=")
		if !ok {
			break
		}
		if !harmless(name) {
			return false
		}
		words = words[1:]
	}
	if len(words) < 2 || words[0] != "go" {
		return false
	}
	switch {
	case words[1] == "mod" && len(words) == 3 && (words[2] == "download" || words[2] == "verify"):
		return true
	case words[1] == "build":
		return g.goBuild(words[2:])
	}
	return false
}

// goBuild wants one package and an output.
func (g *goStage) goBuild(words []string) bool {
	output, packages := "", []string{}
	for i := 0; i < len(words); i++ {
		name, value, joined := strings.Cut(strings.TrimPrefix(words[i], "-"), "=")
		switch {
		case !strings.HasPrefix(words[i], "-"):
			packages = append(packages, words[i])
			continue
		case slices.Contains([]string{"v", "x", "a", "trimpath", "race", "buildvcs"}, name):
			continue
		case !slices.Contains([]string{"o", "ldflags", "tags", "mod", "p", "gcflags", "installsuffix"}, name):
			return false
		}
		if !joined {
			if i++; i == len(words) {
				return false
			}
			value = words[i]
		}
		switch {
		case name == "o":
			output = value
		case strings.HasSuffix(name, "flags") && linksFiles.MatchString(static.ReplaceAllString(value, "")):
			return false
		}
	}
	if len(packages) == 0 {
		packages = []string{"."}
	}
	if len(packages) != 1 || strings.Contains(packages[0], "$") || strings.Contains(packages[0], "...") || strings.HasSuffix(packages[0], ".go") ||
		packages[0] != "." && !strings.HasPrefix(packages[0], "./") || output == "" || strings.Contains(output, "$") || g.workdir == "" {
		return false
	}
	if !path.IsAbs(output) {
		output = path.Join(g.workdir, output)
	}
	if output = path.Clean(output); within(g.root, output) || within(output, g.root) {
		return false // it may be a folder of the context
	}
	g.outputs = append(g.outputs, output)
	dir := path.Join(g.workdir, packages[0])
	main, ok := strings.CutPrefix(dir+"/", strings.TrimSuffix(g.root, "/")+"/")
	if !ok {
		return false
	}
	if main = path.Clean(main); g.main != "" && g.main != main {
		return false
	}
	g.main = main
	return true
}

// linksFiles finds flags of the compiler and linker that name files.
var linksFiles = regexp.MustCompile(`(^|[\s'"=])-(L|I|r[ =]|extld|embedcfg|importcfg|pgoprofile)`)

// static is what people say to the C linker, and names none.
var static = regexp.MustCompile(`-extldflags[ =]?["']?-static["']?`)

// harmless tells variables that do not make the Go tool read other files.
func harmless(name string) bool {
	if !strings.HasPrefix(name, "GO") && !strings.HasPrefix(name, "CGO_") {
		return !slices.Contains([]string{"HOME", "XDG_CONFIG_HOME", "PATH", "CC", "CXX"}, name)
	}
	return slices.Contains([]string{
		"GOOS", "GOARCH", "GOARM", "GOAMD64", "GOARM64", "GOPROXY", "GOCACHE", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN", "CGO_ENABLED",
	}, name)
}

// onlyTaken tells whether nothing of a stage is used but these files: it is not the
// image, no stage starts from it, and what is copied from it are the files or what
// lies below them.
func (f *file) onlyTaken(i int, outputs []string) bool {
	if i == f.target || slices.Contains(f.bases, i) {
		return false
	}
	for j := i + 1; j < len(f.stages); j++ {
		for _, c := range f.stages[j].Commands {
			switch c := c.(type) {
			case *instructions.CopyCommand:
				if c.From == "" || !strings.Contains(c.From, "$") && f.stage(c.From, j) != i {
					continue
				}
				for _, source := range c.SourcePaths {
					clean := path.Clean("/" + source)
					if strings.ContainsAny(source, "$*?[\\") || !slices.ContainsFunc(outputs, func(o string) bool { return within(o, clean) }) {
						return false
					}
				}
			case *instructions.RunCommand:
				for _, m := range instructions.GetMounts(c) {
					if m.From != "" && (strings.Contains(m.From, "$") || f.stage(m.From, j) == i) {
						return false
					}
				}
			}
		}
	}
	return true
}
