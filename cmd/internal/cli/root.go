package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/config"
)

// root builds the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "drydock",
		Short: "Run GitHub Actions workflows on your own machines",
		Long: `Drydock runs existing GitHub Actions workflows, unchanged, on your own machines:
in Docker containers or directly on the host, offline if you like.`,
		Example: `  drydock run                     # run the workflows that a push would start
  drydock run pull_request -j test
  drydock check                   # is every workflow file valid?
  drydock doctor                  # what works on this machine, and how to mend the rest`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if strings.HasPrefix(cmd.Name(), "__complete") {
				return nil // a broken drydock.yaml must not break the shell
			}
			return a.enter(cmd)
		},
	}
	root.SetVersionTemplate("drydock {{.Version}}\n")
	root.PersistentFlags().StringVarP(&a.dir, "directory", "C", "", "run as if started in this `folder`")
	a.configFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w%s: see \"%s --help\"", err, suggestFlag(cmd, err), cmd.CommandPath())
	})
	root.AddCommand(
		a.runCommand(), a.buildCommand(), a.listCommand(), a.graphCommand(), a.checkCommand(), a.whyCommand(), a.exprCommand(),
		a.remotely(a.runsCommand(), a.remoteRuns, "workflow", "status", "limit", "all", "json"),
		a.remotely(a.logsCommand(), a.remoteLogs, "job", "attempt", "follow", "raw", "timestamps", "json"),
		a.artifactsCommand(), a.remotely(a.rerunCommandLine(), a.remoteRerun, "failed", "job"), a.resumeCommand(),
		a.remotely(a.cancelCommand(), a.remoteCancel, "force"), a.cacheCommand(), a.uiCommand(), a.dispatchCommand(),
		a.serveCommand(), a.appCommand(), a.secretCommand(), a.variableCommand(), a.doctorCommand(), a.initCommand(), a.configCommand(), a.versionCommand(),
	)
	completeConfig(root)
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Long = completionHelp
			c.Example = "  source <(drydock completion bash)\n  drydock completion zsh > \"${fpath[1]}/_drydock\"\n  drydock completion fish | source"
			c.PersistentPreRunE = func(*cobra.Command, []string) error { return nil }
		}
		if c.HasSubCommands() { // else a mistyped one would print help and pass
			c.Args = cobra.NoArgs
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	return root
}

const completionHelp = `Completion prints a script that makes your shell complete drydock's commands, flags, events and
job ids. Load it in the shell's start file.`

// configFlags makes a flag of every row of the configuration's table that has
// one; the values go to config.Load as texts.
func (a *app) configFlags(flags *pflag.FlagSet) {
	a.flags = map[string][]string{}
	for _, f := range config.Fields() {
		if f.Flag == "" {
			continue
		}
		for i, name := range append([]string{f.Flag}, f.Aliases...) {
			v := &configFlag{app: a, name: name, kind: f.Kind, arg: f.Arg}
			short := ""
			if i == 0 {
				short = f.Short
			}
			doc := f.Doc
			if f.Default != "" && f.Kind != config.Map && f.Kind != config.Bool {
				doc += fmt.Sprintf(" (default %s)", f.Default)
			}
			flag := flags.VarPF(v, name, short, doc)
			flag.NoOptDefVal = f.Bare
			flag.Hidden = i > 0
		}
	}
}

// configFlag collects the values of one flag.
type configFlag struct {
	app  *app
	name string
	kind config.Kind
	arg  string
}

func (f *configFlag) String() string { return "" }

func (f *configFlag) Type() string {
	if f.arg != "" {
		return f.arg
	}
	return string(f.kind)
}

func (f *configFlag) Set(s string) error {
	f.app.flags[f.name] = append(f.app.flags[f.name], s)
	return nil
}
