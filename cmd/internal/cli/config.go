package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show the configuration and where each value comes from",
		Example: "  drydock config print",
	}
	var asJSON bool
	printCmd := &cobra.Command{
		Use:     "print",
		Short:   "Print every setting, its value and its origin",
		Example: "  drydock config print --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			settings := a.config.Settings()
			if asJSON {
				type row struct {
					Key    string `json:"key"`
					Value  string `json:"value"`
					Origin string `json:"origin"`
				}
				rows := []row{}
				for _, s := range settings {
					rows = append(rows, row{s.Key, s.Value, s.Origin.String()})
				}
				return printJSON(a.stdout, map[string]any{"settings": rows})
			}
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			for _, s := range settings {
				fmt.Fprintf(w, "%s\t%v\t# %s\n", s.Key, s.Value, s.Origin)
			}
			return w.Flush()
		},
	}
	printCmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.AddCommand(printCmd)
	return cmd
}
