package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"sync"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// prepared holds the actions of a job by the text of their `uses`.
type prepared struct {
	mu     sync.Mutex
	byUses map[string]*preparedAction

	copying sync.Mutex      // held while a folder of the place is filled
	copied  map[string]bool // those that are
}

// preparedAction is an action that can run.
type preparedAction struct {
	ref      action.Ref
	manifest *action.Action
	resolved action.Resolved
	hostDir  string        // its folder on this machine, "" for a local action
	placeDir string        // its folder in the place
	file     *manifestFile // of a local action

	building sync.Mutex
	image    executor.Image // of a docker action, once it is built
}

// remote tells a `uses` that must be fetched from one that is in the
// workspace or an image.
func remote(ref action.Ref) bool { return ref.Kind == action.Repository }

// located says where an action of the workflow's own repository is: in the
// workspace when that is the repository under test.
func (x *execution) located(ref action.Ref) action.Ref {
	if ref.Kind != action.Self {
		return ref
	}
	src := x.job.Leg.Source
	if src.Repository == "" {
		return action.Ref{Kind: action.Local, Path: ref.Path}
	}
	at := src.SHA
	if at == "" {
		at = src.Ref
	}
	return action.Ref{Kind: action.Repository, Repository: src.Repository, Path: ref.Path, Ref: at}
}

// prepareActions resolves every remote action that the steps use, also those
// inside composite actions, and names all that are missing at once.
func (x *execution) prepareActions(ctx context.Context, o *output) error {
	x.actions = &prepared{byUses: map[string]*preparedAction{}, copied: map[string]bool{}}
	var errs []error
	var visit func(steps []plan.Step, depth int)
	visit = func(steps []plan.Step, depth int) {
		for i := range steps {
			s := &steps[i]
			if s.Kind != plan.Uses {
				continue
			}
			ref, err := action.ParseUses(s.Uses)
			if err != nil {
				errs = append(errs, fmt.Errorf("%d:%d: %w", s.Pos.Line, s.Pos.Column, err))
				continue
			}
			ref = x.located(ref)
			if !remote(ref) || x.surelyServed(s, ref) || x.actions.byUses[ref.String()] != nil {
				continue
			}
			a, err := x.resolve(ctx, ref)
			if err != nil {
				if x.mayBeServed(s, ref) { // known only when the step runs
					continue
				}
				errs = append(errs, err)
				continue
			}
			o.plain(fmt.Sprintf("Download action repository '%s@%s' (SHA:%s)", a.resolved.Repository, a.resolved.Ref, a.resolved.SHA))
			if depth < maxDepth {
				visit(a.manifest.Runs.Steps, depth+1)
			}
		}
	}
	visit(x.job.Leg.Job.Steps, 0)
	return errors.Join(errs...)
}

// resolve finds a remote action on this machine.
func (x *execution) resolve(ctx context.Context, ref action.Ref) (*preparedAction, error) {
	uses := ref.String()
	x.actions.mu.Lock()
	a := x.actions.byUses[uses]
	x.actions.mu.Unlock()
	if a != nil {
		return a, nil
	}
	res, err := x.Actions.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	m, err := action.Load(os.DirFS(res.Dir), path.Clean(ref.Path))
	if err != nil {
		return nil, fmt.Errorf("load action %q: %w", uses, err)
	}
	a = &preparedAction{
		ref: ref, manifest: m, resolved: res,
		hostDir: filepath.Join(res.Dir, filepath.FromSlash(ref.Path)),
	}
	x.actions.mu.Lock()
	x.actions.byUses[uses] = a
	x.actions.mu.Unlock()
	return a, nil
}

// copyActions puts the prepared actions into the place.
func (x *execution) copyActions(ctx context.Context, _ *output) error {
	x.actions.mu.Lock()
	list := make([]*preparedAction, 0, len(x.actions.byUses))
	for _, uses := range sortedKeys(x.actions.byUses) {
		list = append(list, x.actions.byUses[uses])
	}
	x.actions.mu.Unlock()
	sort.SliceStable(list, func(i, j int) bool { return list[i].resolved.Repository < list[j].resolved.Repository })
	for _, a := range list {
		if err := x.copyAction(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// copyAction copies the repository of an action to _actions/owner/name/ref,
// once a job: actions may write into their own folder.
func (x *execution) copyAction(ctx context.Context, a *preparedAction) error {
	root := path.Join(x.info.Paths.Actions, a.resolved.Repository, refFolder(a.ref.Ref))
	x.actions.copying.Lock()
	defer x.actions.copying.Unlock()
	if a.placeDir == "" { // steps that run at a time only read it
		a.placeDir = path.Join(root, a.ref.Path)
	}
	if x.actions.copied[root] {
		return nil
	}
	err := x.copyFolder(ctx, root, func(w io.Writer) error { return action.Pack(a.resolved.Dir, w) })
	x.actions.copied[root] = err == nil
	return err
}

// copyOnce is copyAction for a step: one that goes on finds the action there.
func (x *execution) copyOnce(ctx context.Context, sc *scope, a *preparedAction) error {
	root := path.Join(x.info.Paths.Actions, a.resolved.Repository, refFolder(a.ref.Ref))
	x.actions.copying.Lock()
	there := x.actions.copied[root]
	x.actions.copying.Unlock()
	if there {
		return x.copyAction(ctx, a)
	}
	_, err := factOf(x, sc, "action", root, func() (bool, error) { return true, x.copyAction(ctx, a) })
	if err != nil {
		return err
	}
	x.actions.copying.Lock()
	x.actions.copied[root] = true
	x.actions.copying.Unlock()
	return x.copyAction(ctx, a)
}

// refFolder makes a ref one folder's name.
func refFolder(ref string) string {
	out := []rune(ref)
	for i, r := range out {
		if r == '/' || r == '\\' || r < ' ' {
			out[i] = '-'
		}
	}
	return string(out)
}

// copyFolder streams what pack writes into dir of the place.
func (x *execution) copyFolder(ctx context.Context, dir string, pack func(io.Writer) error) error {
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := guarded(func() error { return pack(w) })
		w.CloseWithError(err)
		packed <- err
	}()
	err := x.env.CopyIn(ctx, dir, r)
	r.CloseWithError(errors.New("the place stopped reading"))
	if perr := <-packed; perr != nil && err == nil {
		err = perr
	}
	if err != nil {
		return fmt.Errorf("copy into %s: %w", dir, err)
	}
	return nil
}
