package runner

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// checkoutAction is served from the working copy of the repository under
// test, uncommitted changes included.
const checkoutAction = "actions/checkout"

// isCheckout tells the action itself, served or not.
func isCheckout(uses string) bool {
	ref, err := action.ParseUses(uses)
	return err == nil && ref.Kind == action.Repository && ref.Path == "" && strings.EqualFold(ref.Repository, checkoutAction)
}

func (x *execution) servesCheckout(ref action.Ref) bool {
	return x.job.Checkout.Served && x.Workspace != nil &&
		ref.Kind == action.Repository && strings.EqualFold(ref.Repository, checkoutAction) && ref.Path == ""
}

// surelyServed tells before the step runs that the action itself will not be
// needed.
func (x *execution) surelyServed(s *plan.Step, ref action.Ref) bool {
	if !x.servesCheckout(ref) {
		return false
	}
	empty := func(n *workflow.Node) bool { return n == nil || n.Kind == workflow.Null || n.Text == "" }
	return s.With == nil || s.With.Kind == workflow.Mapping && empty(s.With.Lookup("repository")) && empty(s.With.Lookup("ref"))
}

// mayBeServed is true when only the step's evaluated inputs can tell.
func (x *execution) mayBeServed(_ *plan.Step, ref action.Ref) bool { return x.servesCheckout(ref) }

// serveCheckout copies the working copy into the workspace when the step asks
// for no other repository or ref.
func (x *execution) serveCheckout(ctx context.Context, r *stepRun, ref action.Ref, given []template.Pair) (bool, error) {
	if !x.servesCheckout(ref) {
		return false, nil
	}
	in := map[string]string{}
	for _, p := range given {
		in[strings.ToLower(p.Name)] = p.Value
	}
	if repo := in["repository"]; repo != "" && !strings.EqualFold(repo, x.job.Checkout.Repository) {
		return false, nil
	}
	if !x.currentRef(in["ref"]) {
		return false, nil
	}
	target, err := x.checkoutPath(in["path"])
	if err != nil {
		return true, err
	}
	x.actionHeader(r, given)
	r.out.plain("Copying the working copy of " + x.job.Checkout.Repository + " to " + target)
	submodules := in["submodules"] == "true" || in["submodules"] == "recursive"
	_, err = factOf(x, r.scope, "checkout", target, func() (bool, error) {
		return true, x.copyFolder(ctx, target, func(w io.Writer) error { return x.Workspace.Pack(ctx, submodules, w) })
	})
	if err != nil {
		return true, fmt.Errorf("serve checkout: %w", err)
	}
	x.settle(r.scope)
	x.checkouts.add(target)
	gitRef, _ := x.github.Lookup("ref")
	r.effects.setOutput("ref", gitRef.Text())
	r.effects.setOutput("commit", x.Workspace.Commit())
	return true, nil
}

// currentRef tells whether a ref is the one under test anyway.
func (x *execution) currentRef(ref string) bool {
	if ref == "" {
		return true
	}
	for _, k := range []string{"ref", "ref_name", "sha", "head_ref"} {
		if v, ok := x.github.Lookup(k); ok && v.Text() != "" && ref == v.Text() {
			return true
		}
	}
	return ref == x.Workspace.Commit()
}

// checkoutPath is where `path:` points; it may be absolute, but not outside
// the workspace.
func (x *execution) checkoutPath(p string) (string, error) {
	target := x.inWorkspace(p)
	if target != x.workspace && !strings.HasPrefix(target, x.workspace+"/") {
		return "", fmt.Errorf("repository path %q is not under %q", path.Clean(target), x.workspace)
	}
	return target, nil
}
