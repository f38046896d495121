package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/template"
)

// runScript is a `run:` step: the script goes into a file that a shell runs.
func (x *execution) runScript(ctx context.Context, r *stepRun) (int, error) {
	r.ofAction(action.Ref{}) // a script is nobody's, also inside an action
	x.identify(r)
	sc := x.exprs(r)
	script, err := template.String(r.step.Script, sc)
	if err != nil {
		return 0, fmt.Errorf("evaluate run: %w", err)
	}
	shell, err := template.String(r.step.Shell, sc)
	if err != nil {
		return 0, fmt.Errorf("evaluate shell: %w", err)
	}
	dir, err := template.String(r.step.WorkingDir, sc)
	if err != nil {
		return 0, fmt.Errorf("evaluate working-directory: %w", err)
	}
	if r.scope.action == nil {
		if shell == "" {
			shell = x.defaults.shell
		}
		if r.step.WorkingDir == nil { // an empty one is the workspace
			dir = x.defaults.dir
		}
	}
	sh, err := shellOf(shell, x.spec.Kind == executor.Container, r.scope.action != nil)
	if err != nil {
		return 0, err
	}
	file := x.info.Paths.Temp + "/" + r.id + sh.ext
	script = strings.ReplaceAll(script, "\r\n", "\n")

	x.scriptHeader(r, script, sh.display)
	p := process{
		argv:  sh.argv(file),
		dir:   x.inWorkspace(dir),
		files: []executor.File{{Path: file, Data: []byte(sh.fix(script)), Mode: 0o755}},
	}
	if sh.fallback {
		p.alt = append([]string{"sh"}, p.argv[1:]...)
	}
	return x.process(ctx, r, p)
}

// scriptHeader prints what GitHub prints above a script's output.
func (x *execution) scriptHeader(r *stepRun, script, shell string) {
	line, _, _ := strings.Cut(strings.TrimSpace(script), "\n")
	r.out.group("Run " + line)
	r.out.plain(script)
	r.out.plain("shell: " + shell)
	x.printEnv(r)
	r.out.endGroup()
}

// printEnv prints the env context, but for what lies below the workflow's own
// (Job.Env), as GitHub leaves out the runner's.
func (x *execution) printEnv(r *stepRun) {
	title := "env:"
	for _, v := range r.env.list {
		if below, ok := x.job.Env[v.Name]; ok && below == v.Value {
			continue
		}
		if title != "" {
			r.out.plain(title)
			title = ""
		}
		r.out.plain("  " + v.Name + ": " + v.Value)
	}
}

// process is a process of a step, before the environment is put together.
type process struct {
	argv  []string
	dir   string
	env   []Var // over the step's env: INPUT_*, STATE_*
	files []executor.File
	alt   []string // argv to try when argv[0] is not there
	by    handler
}

// identify names the step's process and its command files, which expressions
// may ask for: ${{ github.output }}.
func (x *execution) identify(r *stepRun) {
	if r.id != "" {
		return
	}
	r.id = x.nextID(r.scope)
	r.gh.files = x.commandFiles(r.id)
	r.gh.files[artifactsList] = x.info.Paths.Temp + "/_runner_file_commands/artifacts_list_" + r.id
}

// process runs p in the job's place and reads its command files.
func (x *execution) process(ctx context.Context, r *stepRun, p process) (int, error) {
	x.identify(r)
	files, list := r.gh.files, x.listFile(r)
	cmd := executor.Command{
		ID:          executor.ProcessID(r.id),
		Argv:        p.argv,
		Env:         x.processEnv(r, p.env),
		PrependPath: r.scope.paths,
		Dir:         p.dir,
		Files:       append(p.files, list),
	}
	x.serviceEnv(r, cmd.Env, x.info.Env, p.by)
	for _, k := range fileKinds {
		cmd.Files = append(cmd.Files, executor.File{Path: files[k], Mode: 0o666})
		cmd.Collect = append(cmd.Collect, files[k])
	}
	exit, err := x.follow(ctx, r, x.env, cmd, files)
	if err != nil && p.alt != nil && executor.IsKind(err, executor.StartFailed) {
		cmd.Argv = p.alt
		exit, err = x.follow(ctx, r, x.env, cmd, files)
	}
	if err != nil && executor.IsKind(err, executor.StartFailed) {
		var e *executor.Error
		if errors.As(err, &e) && e.Hint == "" {
			return 0, fmt.Errorf("%s: %w", path.Base(p.argv[0]), err)
		}
	}
	return exit.Code, err
}

// environmentKeys are the fields of the github context that become GITHUB_*.
var environmentKeys = []string{
	"action", "action_path", "action_ref", "action_repository", "actor", "actor_id", "api_url", "artifacts",
	"artifacts_list", "base_ref", "env", "event_name", "event_path", "graphql_url", "head_ref", "job", "output", "path", "ref",
	"ref_name", "ref_protected", "ref_type", "repository", "repository_id", "repository_owner",
	"repository_owner_id", "retention_days", "run_attempt", "run_id", "run_number", "server_url", "sha", "state",
	"step_summary", "triggering_actor", "workflow", "workflow_ref", "workflow_sha", "workspace",
}

// processEnv is the environment of a step's process: what users set, then
// what they cannot override.
func (x *execution) processEnv(r *stepRun, extra []Var) map[string]string {
	env := map[string]string{"CI": "true"}
	if x.spec.Kind == executor.Machine { // it comes with the runner's own environment, which no container gets
		env[trackingName] = x.tracking
	}
	if h := x.info.Paths.Home; h != "" {
		env["HOME"] = h
	}
	for _, v := range r.env.list {
		env[v.Name] = v.Value
	}
	for _, v := range extra {
		env[v.Name] = v.Value
	}
	env["GITHUB_ACTIONS"] = "true"
	gh := x.githubContext(r.gh)
	for _, k := range environmentKeys {
		v, ok := gh.Lookup(k)
		if !ok || v.IsNull() {
			continue
		}
		env["GITHUB_"+strings.ToUpper(k)] = v.Text()
	}
	for _, k := range x.runnerContext.Keys() {
		v, _ := x.runnerContext.Lookup(k)
		env["RUNNER_"+strings.ToUpper(k)] = v.Text()
	}
	return env
}

// trackingName is the variable by which GitHub's runner knows the processes of
// a job again (actions/runner: JobExtension.cs).
const trackingName = "RUNNER_TRACKING_ID"

// trackingID is "github_" and a random UUID.
func trackingID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("github_%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// nextID makes the name of a process, unique in the job. The job's own loop
// counts by itself: going through a step again gives the same names.
func (x *execution) nextID(sc *scope) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if sc != nil && sc.detached {
		x.idsBeside++
		return fmt.Sprintf("%s-%d", x.besides, x.idsBeside)
	}
	x.ids++
	return fmt.Sprintf("%s-%d", x.idPrefix, x.ids)
}
