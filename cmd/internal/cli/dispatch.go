package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) dispatchCommand() *cobra.Command {
	var repository, ref string
	var inputs []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "dispatch WORKFLOW",
		Short: "Start a workflow of a repository on a server",
		Long: `Dispatch starts a workflow that listens to workflow_dispatch, where "drydock serve" runs it. On this
machine "drydock run workflow_dispatch" does the same for the working copy.`,
		Example: `  drydock dispatch deploy.yml --server https://drydock.example.com -R octo/app --input where=staging`,
		Args:    cobra.ExactArgs(1),
	}
	server := serverFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *server == "" || repository == "" {
			return usage("dispatch: --server and --repository are needed")
		}
		given := map[string]string{}
		for _, in := range inputs {
			name, value, ok := strings.Cut(in, "=")
			if !ok {
				return usage("--input %q: give NAME=VALUE", in)
			}
			given[name] = value
		}
		c, err := a.server(*server)
		if err != nil {
			return err
		}
		id, err := c.Dispatch(cmd.Context(), repository, args[0], ref, given)
		if err != nil {
			return refused(err)
		}
		if asJSON {
			return printJSON(a.stdout, map[string]any{"run": id})
		}
		fmt.Fprintf(a.stdout, "run %d: %s/runs/%d\n", id, c.URL, id)
		return nil
	}
	f := cmd.Flags()
	f.StringVarP(&repository, "repository", "R", "", "of this repository, `OWNER/NAME`")
	f.StringVar(&ref, "ref", "", "at this `branch` or tag (default: the default branch)")
	f.StringArrayVar(&inputs, "input", nil, "an input, `NAME=VALUE`")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
