package runner

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/archive"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/action/node"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// runNode runs one entry point (pre, main or post) of a JavaScript action.
func (x *execution) runNode(ctx context.Context, r *stepRun, inst *instance, entry string) (int, error) {
	a := inst.action
	if a.hostDir != "" && entry != "" {
		if err := checkEntry(a, entry); err != nil {
			return 0, err
		}
	}
	program, err := x.nodeProgram(ctx, r, a)
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", a.ref, err)
	}
	extra := append([]Var(nil), inst.with...)
	for _, k := range sortedKeys(inst.state) {
		extra = append(extra, Var{"STATE_" + k, inst.state[k]})
	}
	r.env.remove("NODE_ICU_DATA") // actions/runner: NodeScriptActionHandler.cs
	return x.process(ctx, r, process{
		argv: []string{program, path.Join(a.placeDir, entry)},
		dir:  x.workspace,
		env:  extra,
		by:   byNode,
	})
}

// nodeProgram is the path of node in the place: a provided build, else the
// place's own node.
func (x *execution) nodeProgram(ctx context.Context, r *stepRun, a *preparedAction) (string, error) {
	env := map[string]string{}
	for _, v := range r.env.list {
		env[v.Name] = v.Value
	}
	version, warnings := action.NodeVersion(string(a.manifest.Runs.Using), env)
	for _, w := range warnings {
		r.out.warn(w)
	}
	note := func(version string) {
		if a.manifest.Runs.Using != action.Node24 {
			x.ending.node(a.ref.String(), version)
		}
	}
	if x.Node == nil {
		note(version)
		return "node", nil
	}
	b, err := x.Node.Ensure(ctx, version, x.info.OS, x.info.Arch, x.info.Libc)
	if err != nil {
		var own string
		if own = x.ownNode(ctx, r); own != "" {
			return own, nil
		}
		return "", err
	}
	if major, _, _ := strings.Cut(b.Version, "."); major != "" { // another one may stand in
		version = major
	}
	note(version)
	return x.provideNode(ctx, r.scope, b)
}

// ownNode asks the place for a node of its own.
func (x *execution) ownNode(ctx context.Context, r *stepRun) string {
	id := executor.ProcessID(x.nextID(r.scope))
	found, err := factOf(x, r.scope, "own node", string(id), func() (bool, error) {
		exit, err := executor.Run(ctx, x.env, executor.Command{
			ID: id, Argv: []string{"node", "--version"}, Dir: x.workspace,
		}, func(int64, []byte) {}, x.stopPolicy())
		return err == nil && exit.Code == 0, nil //nolint:nilerr // then there is none
	})
	if err != nil || !found {
		return ""
	}
	return "node"
}

// provideNode is where the build is in the place; a place that cannot show
// folders of this machine gets a copy.
func (x *execution) provideNode(ctx context.Context, sc *scope, b node.Build) (string, error) {
	if x.job.Place.Executor == "host" {
		return path.Join(b.Dir, b.Path), nil
	}
	if x.info.Provided {
		return path.Join(externals, b.Path), nil
	}
	folder, _, _ := strings.Cut(b.Path, "/")
	target := path.Join(x.info.Paths.Work, "_externals")
	x.actions.copying.Lock()
	defer x.actions.copying.Unlock()
	if !x.actions.copied[folder] {
		if _, err := factOf(x, sc, "node", folder, func() (bool, error) {
			return true, x.copyFolder(ctx, path.Join(target, folder), func(w io.Writer) error {
				return archive.Pack(ctx, w, filepath.Join(b.Dir, folder), archive.PackOptions{})
			})
		}); err != nil {
			return "", err
		}
		x.actions.copied[folder] = true
	}
	return path.Join(target, b.Path), nil
}

// checkEntry says early that an action lacks the file it names.
func checkEntry(a *preparedAction, entry string) error {
	if _, err := os.Stat(filepath.Join(a.hostDir, filepath.FromSlash(entry))); err != nil {
		return fmt.Errorf("action %s has no %q, which its manifest names: the copy under %s is not complete", a.ref, entry, a.hostDir)
	}
	return nil
}

// post is a post step that has been registered.
type post struct{ inst *instance }

// postGroup is the posts of one step of the job's list: one step of the
// display, run in reverse.
type postGroup struct {
	step  *plan.Step
	name  string
	posts []post
}

func hasPost(m *action.Action) bool {
	return m.Runs.Post != "" || m.Runs.PostEntrypoint != ""
}

func hasPre(m *action.Action) bool {
	return m.Runs.Pre != "" || m.Runs.PreEntrypoint != ""
}
