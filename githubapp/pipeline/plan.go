package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// Plan is what becomes of each service.
type Plan struct {
	Services  *declaration.Services
	Change    tree.Change
	Decisions []affected.Decision // in the order of the declaration
}

// ErrNoServices says that a repository declares none.
var ErrNoServices = errors.New("no services are declared at the top of the repository, in " + declaration.FileName)

// NewPlan decides which services a change builds. The files are those after it; the
// change is asked for while they are listed. An invalid declaration is a
// workflow.InvalidError.
func NewPlan(ctx context.Context, r *tree.Repository, files tree.Tree, change func(context.Context) (tree.Change, error)) (*Plan, error) {
	p := &Plan{}
	group, within := errgroup.WithContext(ctx)
	group.Go(func() (err error) { p.Change, err = change(within); return err })
	group.Go(func() error { _, err := files.Files(within); return err })
	src, err := files.Read(ctx, declaration.FileName)
	if err2 := group.Wait(); err2 != nil {
		return nil, err2
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNoServices
	case err != nil:
		return nil, err
	}
	services, found := declaration.Parse(declaration.FileName, src)
	if err := found.Err(); err != nil {
		return nil, err
	}
	if len(services.List) == 0 {
		return nil, ErrNoServices
	}
	p.Services = services
	p.Decisions, err = affected.Decide(ctx, affected.Input{
		Services: services, Change: p.Change, Tree: files,
		Before: func(ctx context.Context) (*declaration.Services, error) { return before(ctx, r, p.Change.Base) },
	})
	if err != nil {
		return nil, fmt.Errorf("find out what the change builds: %w", err)
	}
	return p, nil
}

// before reads the declaration of a commit; what cannot be read is nil, and builds
// everything.
func before(ctx context.Context, r *tree.Repository, base string) (*declaration.Services, error) {
	if base == "" {
		return nil, nil
	}
	commit := r.Commit(base)
	defer commit.Close()
	src, err := commit.Read(ctx, declaration.FileName)
	if err != nil {
		return nil, ctx.Err()
	}
	services, found := declaration.Parse(declaration.FileName, src)
	if found.HasErrors() {
		return nil, nil
	}
	return services, nil
}

// Ask makes the plan build the services that somebody named, whatever changed, and
// no others.
func (p *Plan) Ask(names []string) error {
	asked := map[string]bool{}
	for _, name := range names {
		if p.Services.Lookup(name) == nil {
			return &UnknownService{name, p.Services.Names()}
		}
		asked[name] = true
	}
	var chosen []affected.Decision
	for _, d := range p.Decisions {
		if !asked[d.Name] {
			continue
		}
		if d.Decision == affected.Skip {
			d.Decision, d.Reason = affected.Build, "asked for"
		}
		chosen = append(chosen, d)
	}
	p.Decisions = chosen
	return nil
}

// UnknownService says that somebody named a service that is not declared.
type UnknownService struct {
	Name  string
	Known []string
}

// Error names it.
func (e *UnknownService) Error() string { return fmt.Sprintf("there is no service %q", e.Name) }
