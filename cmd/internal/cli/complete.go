package cli

import (
	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/config"
)

// completed are the workflows for completions: what is broken is left out.
func (a *app) completed(cmd *cobra.Command) []file {
	if a.config == nil {
		if err := a.enter(cmd); err != nil {
			return nil
		}
	}
	path := ""
	if f := cmd.Flags().Lookup("workflows"); f != nil {
		path = f.Value.String()
	}
	files, err := a.workflowFiles(path, a.top())
	if err != nil {
		return nil
	}
	return files
}

func (a *app) completeEvents(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return events(a.completed(cmd)), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeJobs(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, f := range a.completed(cmd) {
		if f.workflow != nil {
			ids = append(ids, jobIDs([]file{f})...)
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeConfig completes the values of settings that allow only some.
func completeConfig(root *cobra.Command) {
	for _, f := range config.Fields() {
		if f.Flag != "" && len(f.Values) > 0 {
			_ = root.RegisterFlagCompletionFunc(f.Flag, cobra.FixedCompletions(f.Values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}
