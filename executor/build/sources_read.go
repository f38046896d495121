package build

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
)

// dockersOwn are frontends that read Dockerfiles as we do.
var dockersOwn = regexp.MustCompile(`^(docker\.io/)?docker/dockerfile(:|@|$)`)

// checkDockerfile holds what a Dockerfile names to a policy. It does not see what the
// triggers of base images name.
func checkDockerfile(ctx context.Context, src []byte, r *Request, policy *spb.Policy) (err error) {
	defer func() { // the parser is another's and the file a stranger's
		if p := recover(); p != nil {
			err = fmt.Errorf("failed to parse dockerfile: %v", p)
		}
	}()
	syntax, _, _, ok := parser.DetectSyntax(src)
	if given := r.Args["BUILDKIT_SYNTAX"]; given != "" {
		syntax, ok = given, true
	}
	if ok && !dockersOwn.MatchString(syntax) {
		return fmt.Errorf("the frontend %q is denied by policy: this builder is too old to keep it from the own network", syntax)
	}
	result, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return fmt.Errorf("failed to parse dockerfile: %w", err)
	}
	stages, globals, err := instructions.Parse(result.AST, nil)
	if err != nil {
		return fmt.Errorf("failed to parse dockerfile: %w", err)
	}
	engine := sourcepolicy.NewEngine([]*spb.Policy{policy})
	d := dockerfileSources{args: r.Args, lex: shell.NewLex(result.EscapeToken), global: map[string]string{}, allowed: func(identifier string) error {
		_, err := engine.Evaluate(ctx, &pb.SourceOp{Identifier: identifier})
		return err
	}}
	for _, arg := range globals {
		if err := d.arg(d.global, &arg); err != nil {
			return err
		}
	}
	for _, s := range stages {
		if err := d.stage(s); err != nil {
			return err
		}
	}
	return nil
}

// dockerfileSources reads what one names, with variables filled in.
type dockerfileSources struct {
	args    map[string]string
	lex     *shell.Lex
	allowed func(identifier string) error
	global  map[string]string   // arguments before the first stage
	env     []map[string]string // of each stage
	names   []string
}

func (d *dockerfileSources) stage(s instructions.Stage) error {
	base, err := d.image(s.BaseName, d.global)
	if err != nil {
		return err
	}
	env := map[string]string{}
	if i := d.named(base); i >= 0 {
		env = maps.Clone(d.env[i])
	}
	for _, command := range s.Commands {
		if err := d.command(command, env); err != nil {
			return err
		}
	}
	d.env, d.names = append(d.env, env), append(d.names, s.Name)
	return nil
}

func (d *dockerfileSources) command(command instructions.Command, env map[string]string) error {
	switch c := command.(type) {
	case *instructions.ArgCommand:
		return d.arg(env, c)
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			value, _, err := d.lex.ProcessWord(pair.Value, words(env))
			if err != nil {
				return err
			}
			env[pair.Key] = value
		}
	case *instructions.AddCommand:
		for _, source := range c.SourcePaths {
			if err := d.add(source, env); err != nil {
				return err
			}
		}
	case *instructions.CopyCommand:
		if c.From != "" {
			_, err := d.image(c.From, env)
			return err
		}
	case *instructions.RunCommand:
		for _, m := range instructions.GetMounts(c) {
			if m.From == "" {
				continue
			}
			if _, err := d.image(m.From, env); err != nil {
				return err
			}
		}
	case *instructions.OnbuildCommand: // for a later stage that starts from this one
		read, err := parser.Parse(strings.NewReader(c.Expression))
		if err != nil || len(read.AST.Children) == 0 {
			return err
		}
		trigger, err := instructions.ParseCommand(read.AST.Children[0])
		if err != nil {
			return err
		}
		return d.command(trigger, maps.Clone(env))
	}
	return nil
}

func (d *dockerfileSources) arg(env map[string]string, c *instructions.ArgCommand) error {
	for _, pair := range c.Args {
		value, ok := d.args[pair.Key]
		switch {
		case ok:
		case pair.Value != nil:
			var err error
			if value, _, err = d.lex.ProcessWord(*pair.Value, words(env)); err != nil {
				return err
			}
		default:
			value = d.global[pair.Key]
		}
		env[pair.Key] = value
	}
	return nil
}

// named is the stage that an image's name stands for, or -1.
func (d *dockerfileSources) named(name string) int {
	for i := len(d.names) - 1; i >= 0; i-- {
		if strings.EqualFold(d.names[i], name) && name != "" || fmt.Sprint(i) == name {
			return i
		}
	}
	return -1
}

// image checks one, and gives its name with variables filled in.
func (d *dockerfileSources) image(word string, env map[string]string) (string, error) {
	name, _, err := d.lex.ProcessWord(word, words(env))
	if err != nil || name == "scratch" || name == "context" || d.named(name) >= 0 {
		return name, err
	}
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name, err
	}
	return name, d.allowed("docker-image://" + ref.String())
}

// add checks a source of ADD. A variable that no line defines is one of a base image.
func (d *dockerfileSources) add(word string, env map[string]string) error {
	got, err := d.lex.ProcessWordWithMatches(word, words(env))
	switch {
	case err != nil:
		return err
	case len(got.Unmatched) > 0:
		return fmt.Errorf("ADD %s: denied by policy: a base image could fill in anything: define the variable", word)
	case strings.HasPrefix(got.Result, "http://"), strings.HasPrefix(got.Result, "https://"):
		return d.allowed(got.Result)
	case strings.HasPrefix(got.Result, "git@"):
		return d.allowed("git://" + got.Result)
	case strings.Contains(got.Result, "://"):
		_, rest, _ := strings.Cut(got.Result, "://")
		return d.allowed("git://" + rest)
	}
	return nil
}

// words are the variables that are known, for the parser.
type words map[string]string

// Get is one of them.
func (w words) Get(name string) (string, bool) { v, ok := w[name]; return v, ok }

// Keys are all.
func (w words) Keys() (all []string) {
	for k := range w {
		all = append(all, k)
	}
	return all
}
