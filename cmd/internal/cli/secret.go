package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/vault"
)

// secretScope is whose values a command is about.
type secretScope struct {
	organization, repository, environment string
}

func (a *app) secretCommand() *cobra.Command   { return a.valueCommand(store.Secret) }
func (a *app) variableCommand() *cobra.Command { return a.valueCommand(store.Variable) }

// valueCommand is "secret" or "variable": they differ in what is shown.
func (a *app) valueCommand(kind store.SecretKind) *cobra.Command {
	word := string(kind)
	cmd := &cobra.Command{
		Use:   word,
		Short: "Set, list and delete the server's " + word + "s",
		Long: fmt.Sprintf(`The %[1]ss that jobs of "drydock serve" get, of a repository, one of its environments or all repositories
of an organization. They are kept sealed in the server's database, with the key of vault.key_file.`, word),
		Example: fmt.Sprintf("  drydock %[1]s set NAME --repository octo/demo\n  drydock %[1]s list --organization octo", word),
	}
	cmd.AddCommand(a.valueSet(kind), a.valueList(kind), a.valueDelete(kind))
	return cmd
}

func (s *secretScope) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.repository, "repository", "", "`OWNER/NAME` that it belongs to")
	f.StringVar(&s.organization, "organization", "", "`LOGIN` of the organization or user whose repositories all have it")
	f.StringVar(&s.environment, "environment", "", "`NAME` of an environment of the repository")
}

func (a *app) valueSet(kind store.SecretKind) *cobra.Command {
	var s secretScope
	var file, variable string
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Keep a value: from a file, a variable, standard input, or asked for on a terminal",
		Example: fmt.Sprintf("  drydock %[1]s set NAME --repository octo/demo < value.txt\n"+
			"  drydock %[1]s set NAME --repository octo/demo --environment production --from-env NAME", kind),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := a.readValue(args[0], file, variable)
			if err != nil {
				return err
			}
			return a.withVault(cmd.Context(), s, func(ctx context.Context, v *vault.Vault, scope store.Scope) error {
				return v.Set(ctx, kind, scope, args[0], value, store.Actor{})
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "read the value from this `FILE`")
	cmd.Flags().StringVar(&variable, "from-env", "", "take the value of this environment `VARIABLE`")
	cmd.MarkFlagsMutuallyExclusive("file", "from-env")
	return cmd
}

func (a *app) valueList(kind store.SecretKind) *cobra.Command {
	var s secretScope
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List names; values are never shown again",
		Example: fmt.Sprintf("  drydock %s list --repository octo/demo --json", kind),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withVault(cmd.Context(), s, func(ctx context.Context, v *vault.Vault, scope store.Scope) error {
				names, err := v.Names(ctx, kind, scope)
				if err != nil {
					return err
				}
				type row struct {
					Name    string    `json:"name"`
					Updated time.Time `json:"updated"`
				}
				rows := []row{}
				for _, n := range names {
					rows = append(rows, row{n.Name, n.Updated})
				}
				if asJSON {
					return printJSON(a.stdout, map[string]any{string(kind) + "s": rows})
				}
				w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				for _, r := range rows {
					fmt.Fprintf(w, "%s\t%s\n", r.Name, r.Updated.Local().Format(time.DateTime))
				}
				return w.Flush()
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) valueDelete(kind store.SecretKind) *cobra.Command {
	var s secretScope
	cmd := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Forget a value",
		Example: fmt.Sprintf("  drydock %s delete NAME --repository octo/demo", kind),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withVault(cmd.Context(), s, func(ctx context.Context, v *vault.Vault, scope store.Scope) error {
				err := v.Delete(ctx, kind, scope, args[0])
				if errors.Is(err, store.ErrNotFound) {
					return usage("there is no %s %q there", kind, args[0])
				}
				return err
			})
		},
	}
	s.flags(cmd)
	return cmd
}

// withVault opens the server's database and finds the number behind a name.
func (a *app) withVault(ctx context.Context, s secretScope, do func(context.Context, *vault.Vault, store.Scope) error) error {
	if (s.repository == "") == (s.organization == "") || s.environment != "" && s.repository == "" {
		return usage("whose is it? Give --repository OWNER/NAME (and perhaps --environment NAME), or --organization LOGIN")
	}
	c, err := a.credentials()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	gitHub, err := auth.New(auth.Options{AppID: c.ID, PrivateKey: c.PrivateKey, Address: a.config.GitHub.ServerURL, Log: a.logger()})
	if err != nil {
		return &exitError{exitUsage, err}
	}
	scope := store.Scope{Level: store.Organization}
	if s.repository != "" {
		found, err := gitHub.FindRepository(ctx, s.repository)
		if err != nil {
			return &exitError{exitInfrastructure, err}
		}
		scope = store.Scope{Level: store.Repository, ID: found.Repository}
		if s.environment != "" {
			scope.Level, scope.Environment = store.Environment, s.environment
		}
	} else {
		found, err := gitHub.FindAccount(ctx, s.organization)
		if err != nil {
			return &exitError{exitInfrastructure, err}
		}
		scope.ID = found.Owner
	}
	keys, err := a.vaultKeys()
	if err != nil {
		return err
	}
	db, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = do(ctx, vault.New(keys, db, ""), scope)
	var said *exitError
	if err != nil && !errors.As(err, &said) {
		err = &exitError{exitUsage, err}
	}
	return err
}

// readValue gets a value without it ever being an argument, which others can see.
func (a *app) readValue(name, file, variable string) (string, error) {
	switch {
	case file != "":
		data, err := os.ReadFile(a.absolute(file))
		if err != nil {
			return "", usage("read the value: %w", err)
		}
		return trimLine(string(data)), nil
	case variable != "":
		value, ok := a.lookup(variable)
		if !ok {
			return "", usage("variable %s is not set", variable)
		}
		return value, nil
	}
	if f, ok := a.stdin.(*os.File); ok && xterm.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(a.stderr, "Value of %s (it is not shown): ", name)
		value, err := xterm.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.stderr)
		if err != nil {
			return "", usage("read the value: %w", err)
		}
		return string(value), nil
	}
	data, err := io.ReadAll(io.LimitReader(bufio.NewReader(a.stdin), vault.MaxBytes+2))
	if err != nil {
		return "", usage("read the value from standard input: %w", err)
	}
	return trimLine(string(data)), nil
}

// trimLine takes away the line break that editors and echo leave.
func trimLine(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}
