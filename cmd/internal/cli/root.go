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
		a.runCommand(), a.listCommand(), a.graphCommand(), a.checkCommand(), a.exprCommand(),
		a.doctorCommand(), a.configCommand(), a.versionCommand(),
	)
	return root
}

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

// suggestFlag names the flag that an unknown one comes close to.
func suggestFlag(cmd *cobra.Command, err error) string {
	_, name, ok := strings.Cut(err.Error(), "unknown flag: --")
	if !ok {
		return ""
	}
	best, distance := "", 3
	see := func(f *pflag.Flag) {
		if d := editDistance(f.Name, name); d < distance && !f.Hidden {
			best, distance = f.Name, d
		}
	}
	cmd.Flags().VisitAll(see)
	cmd.InheritedFlags().VisitAll(see)
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean --%s?)", best)
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := before
			if a[i-1] != b[j-1] {
				cost++
			}
			before = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
