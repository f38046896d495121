package affected

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/goimports"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// Verdict is what becomes of a service.
type Verdict string

// The verdicts.
const (
	Build Verdict = "build"
	Skip  Verdict = "skip"
)

// Decision is the verdict on one service.
type Decision struct {
	Name     string   `json:"name"`
	Decision Verdict  `json:"decision"`
	Reason   string   `json:"reason"`            // which file, through which rule
	Files    []string `json:"files,omitempty"`   // the changed files that the service is made from
	Needs    []string `json:"needs,omitempty"`   // services that are built before it
	Problem  string   `json:"problem,omitempty"` // why building it will fail
}

// Input is what Decide looks at.
type Input struct {
	Services *declaration.Services
	Change   tree.Change
	Tree     tree.Tree // after the change
	// Before gives the declaration before the change; it is asked only when the file
	// changed. It may be nil, and may give nil: then every service is built.
	Before func(context.Context) (*declaration.Services, error)
}

// Decide gives a decision for each service, in the order of the declaration. Its
// error means that the tree cannot be read; what is wrong with one service is that
// service's Problem.
func Decide(ctx context.Context, in Input) ([]Decision, error) {
	files, err := in.Tree.Files(ctx)
	if err != nil {
		return nil, err
	}
	d := &decider{Input: in, index: files, texts: map[string]string{}, programs: map[string]*goimports.Inputs{}}
	for _, f := range files {
		if f.Mode == tree.Symlink {
			d.symlinks = append(d.symlinks, f)
		}
	}
	if slices.Contains(in.Change.Files, declaration.FileName) && in.Before != nil {
		if d.before, err = in.Before(ctx); err != nil {
			return nil, err
		}
	}
	problems := map[string]string{}
	for _, p := range in.Services.Missing(d.index.Has) {
		if problems[p.Service] == "" {
			problems[p.Service] = p.String()
		}
	}
	decisions := make([]Decision, 0, len(in.Services.List))
	for _, s := range in.Services.List {
		decision, err := d.decide(ctx, s, problems[s.Name.Text])
		if err != nil {
			return nil, fmt.Errorf("service %q: %w", s.Name.Text, err)
		}
		decisions = append(decisions, decision)
	}
	d.triggers(decisions)
	spread(decisions)
	return decisions, nil
}

type decider struct {
	Input
	index    tree.Index
	symlinks tree.Index
	texts    map[string]string // of the symlinks that were read
	programs map[string]*goimports.Inputs
	before   *declaration.Services
	images   []imageUse // of all services
}

// decide looks at one service by itself.
func (d *decider) decide(ctx context.Context, s *declaration.Service, problem string) (Decision, error) {
	out := Decision{Name: s.Name.Text, Decision: Skip, Problem: problem}
	for _, need := range s.DependsOn {
		out.Needs = append(out.Needs, need.Text)
	}
	build := func(format string, args ...any) {
		if out.Decision == Skip {
			out.Decision, out.Reason = Build, fmt.Sprintf(format, args...)
		}
	}
	if d.Change.Unknown == "" && len(d.Change.Files) == 0 && problem == "" {
		out.Reason = "nothing changed"
		return out, d.needs(ctx, s, &out)
	}
	if d.Change.Unknown != "" {
		build("%s", d.Change.Unknown)
	}
	for _, file := range d.Change.Files {
		if path := attributes(file); path {
			build("%s (git attributes may change every file that is checked out)", file)
		}
	}
	d.declared(s, build)
	if problem != "" {
		build("in doubt: %s", problem)
	}

	rules, err := d.rules(ctx, s)
	if err != nil {
		return out, err
	}
	for _, file := range d.Change.Files {
		if rule := rules.match(file); rule != "" {
			out.Files = append(out.Files, file)
			build("%s (%s)", file, rule)
		}
	}
	for _, doubt := range rules.doubts {
		build("in doubt: %s", doubt)
	}
	if rules.problem != "" && out.Problem == "" {
		out.Problem = rules.problem
	}
	out.need(rules.images)
	if out.Decision == Skip {
		out.Reason = fmt.Sprintf("none of %s is an input", count(len(d.Change.Files)))
	}
	return out, nil
}

// needs finds the services whose images this one is made from, and nothing else:
// somebody may ask for them though nothing changed.
func (d *decider) needs(ctx context.Context, s *declaration.Service, out *Decision) error {
	if !s.Build.Dockerfile.Given() || len(d.Services.List) == 1 {
		return nil
	}
	r := &rules{}
	in, err := d.analyzed(ctx, r, s)
	if err != nil {
		return err
	}
	if in != nil {
		d.imageRules(ctx, r, s, in)
	}
	out.need(r.images)
	return nil
}

// need adds services to those that are built before.
func (out *Decision) need(images []string) {
	for _, image := range images {
		if !slices.Contains(out.Needs, image) {
			out.Needs = append(out.Needs, image)
		}
	}
}

func count(files int) string {
	if files == 1 {
		return "1 changed file"
	}
	return fmt.Sprintf("%d changed files", files)
}

// declared compares what drydock.yaml says of the service now and before.
func (d *decider) declared(s *declaration.Service, build func(string, ...any)) {
	if !slices.Contains(d.Change.Files, declaration.FileName) {
		return
	}
	if d.before == nil {
		build("%s (what it said before is not known)", declaration.FileName)
		return
	}
	before := d.before.Lookup(s.Name.Text)
	if before == nil {
		build("%s (the service is new)", declaration.FileName)
		return
	}
	if keys := s.Differs(before); len(keys) > 0 {
		build("%s (the service's %q is new)", declaration.FileName, keys[0])
	}
}

// triggers builds what starts from a service's image with ONBUILD triggers: they
// copy out of the context of whoever starts from it.
func (d *decider) triggers(decisions []Decision) {
	if d.Change.Unknown == "" && len(d.Change.Files) == 0 {
		return
	}
	for _, use := range d.images {
		for i := range decisions {
			if decisions[i].Name == use.service && decisions[i].Decision == Skip && use.base != nil && use.base() {
				decisions[i].Decision = Build
				decisions[i].Reason = fmt.Sprintf("in doubt: the image of %q copies files by its ONBUILD triggers", use.image)
			}
		}
	}
}

// spread builds what depends on what is built.
func spread(decisions []Decision) {
	byName := map[string]*Decision{}
	for i := range decisions {
		byName[decisions[i].Name] = &decisions[i]
	}
	for again := true; again; {
		again = false
		for i := range decisions {
			d := &decisions[i]
			if d.Decision == Build {
				continue
			}
			for _, need := range d.Needs {
				if other := byName[need]; other != nil && other.Decision == Build {
					d.Decision, again = Build, true
					d.Reason = fmt.Sprintf("depends on %q, which is built: %s", need, other.Reason)
					break
				}
			}
		}
	}
}

// read gives a file through symlinks; nil and no error: it is not there. What the
// error of one that nobody can read means, linked says.
func (d *decider) read(ctx context.Context, file string) (src []byte, links []tree.Link, err error) {
	real, links, err := tree.Follow(ctx, d.Tree, d.index, file)
	if err != nil {
		return nil, links, err
	}
	src, err = d.Tree.Read(ctx, real)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, links, nil
	}
	if src == nil {
		src = []byte{}
	}
	return src, links, err
}
