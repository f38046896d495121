package runner

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
)

// fileKinds are the command files of a step: keys of the github context.
var fileKinds = []string{"env", "output", "path", "state", "step_summary", "artifacts"}

// filePrefix are the names GitHub uses (actions/runner: FileCommandManager.cs).
var filePrefix = map[string]string{
	"env": "set_env_", "output": "set_output_", "path": "add_path_",
	"state": "save_state_", "step_summary": "step_summary_", "artifacts": "artifacts_",
}

// commandFiles are the paths of a step's files in the place.
func (x *execution) commandFiles(id string) map[string]string {
	files := make(map[string]string, len(fileKinds))
	for _, k := range fileKinds {
		files[k] = x.info.Paths.Temp + "/_runner_file_commands/" + filePrefix[k] + id
	}
	return files
}

// exited takes what a process left when it ended.
func (o *output) exited(files map[string]string, exit executor.Exit) {
	o.flush()
	for _, f := range exit.TooLarge {
		err := fmt.Errorf("command file %s is larger than 8 MiB: write less into it", path.Base(f))
		if f == files["step_summary"] {
			o.errorLine(err.Error()) // the step itself does not fail
		} else {
			o.problem(err)
		}
		delete(exit.Files, f) // it is cut: its last value would be, too
	}
	o.readCommandFiles(files, exit.Files)
	if exit.OOM {
		text := "The process was killed because the job ran out of memory"
		if exit.Code != 128+9 {
			text = "A process of the step was killed because the job ran out of memory"
		}
		if figures := exit.Memory.String(); figures != "" {
			text += " (" + figures + ")"
		}
		o.ranOut = text
		o.errorLine(text + ".")
	}
}

// readCommandFiles takes what a step wrote into its files. Each kind is read
// although another one is broken; pairs before an error count.
func (o *output) readCommandFiles(paths map[string]string, got map[string][]byte) {
	for _, kind := range fileKinds {
		data := got[paths[kind]]
		if len(data) == 0 {
			continue
		}
		var err error
		switch kind {
		case "env", "output", "state":
			var pairs []command.KeyValue
			pairs, err = command.ParseKeyValues(kind, data)
			for _, p := range pairs {
				o.keyValue(kind, p)
			}
		case "path":
			o.effects.Paths = append(o.effects.Paths, command.ParsePaths(data)...)
		case "step_summary":
			if e := command.CheckSummary(data); e != nil {
				// The step itself does not fail (actions/runner: CreateStepSummaryCommand.cs).
				o.errorLine(e.Error())
				continue
			}
			o.x.emit(Summarised{Time: time.Now(), Job: o.x.job.ID(), Step: o.number, Markdown: strings.ToValidUTF8(string(data), "\uFFFD")})
		case "artifacts":
			err = o.declareArtifacts(data)
		}
		if err != nil {
			o.errorLine(fmt.Sprintf("Unable to process file command '%s' successfully.", kind))
			o.problem(err)
		}
	}
}

func (o *output) keyValue(kind string, p command.KeyValue) {
	switch kind {
	case "env":
		if err := command.CheckEnv(p.Name, p.Value); err != nil {
			o.errorLine(err.Error()) // the step itself does not fail
			return
		}
		o.effects.Env = append(o.effects.Env, Var{p.Name, p.Value})
	case "output":
		o.effects.setOutput(p.Name, p.Value)
	case "state":
		o.effects.setState(p.Name, p.Value)
	}
}
