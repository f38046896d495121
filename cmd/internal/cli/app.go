package cli

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/githubapp/setup"
)

func (a *app) appCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "app",
		Short:   "Make the GitHub App that \"drydock serve\" is",
		Example: "  drydock app create --url https://ci.example.com",
	}
	cmd.AddCommand(a.appCreateCommand())
	return cmd
}

func (a *app) appCreateCommand() *cobra.Command {
	var r setup.Request
	var noBrowser bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a GitHub App: confirm it on GitHub, and its key and secrets are kept here",
		Long: `Create opens a page that sends you to GitHub with all that the App needs: permissions, events, and the
address that deliveries go to. GitHub asks you to confirm, makes the App, and sends its id, private key
and secrets back, which are kept in the folder app.folder, for you alone to read (mode 0600).

GitHub must be able to reach --url: it is the server's public address. On another GitHub than github.com
set github.server_url.`,
		Example: "  drydock app create --url https://ci.example.com\n  drydock app create --url https://ci.example.com --organization octo --name octo-ci",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.createApp(cmd.Context(), r, noBrowser)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.URL, "url", "", "`URL` of the server, that people and GitHub reach it at (default server.url)")
	f.StringVar(&r.Name, "name", "drydock", "`NAME` of the App, unique on its GitHub")
	f.StringVar(&r.Organization, "organization", "", "`LOGIN` of the organization that is to own the App (default: you)")
	f.BoolVar(&r.ReadOnly, "read-only", false, "let tokens of jobs only read, whatever workflows ask for")
	f.BoolVar(&noBrowser, "no-browser", false, "only print the page's address")
	return cmd
}

func (a *app) createApp(ctx context.Context, r setup.Request, noBrowser bool) error {
	folder := a.config.App.Folder
	if setup.Exists(folder) {
		return usage("make a GitHub App: there is one in %q: remove that folder first, or set app.folder", folder)
	}
	if r.URL == "" {
		r.URL = a.config.Server.URL
	}
	if r.URL == "" {
		return usage("make a GitHub App: where will GitHub reach the server? Give --url, or set server.url")
	}
	flow, err := setup.NewFlow(r, a.config.GitHub.ServerURL)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	fmt.Fprintf(a.stderr, "Open %s in a browser of this machine and confirm the App on GitHub.\n", flow.Page())
	if !noBrowser {
		openBrowser(ctx, flow.Page())
	}
	c, err := flow.Wait(ctx)
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	if err := setup.Save(folder, c); err != nil {
		return &exitError{exitInfrastructure, err}
	}
	fmt.Fprintf(a.stdout, "%v is made; its key and secrets are in %s.\n", c, folder)
	fmt.Fprintf(a.stdout, "Install it on repositories: %s/installations/new\nThen start the server: drydock serve --url %s\n", strings.TrimRight(c.Page, "/"), r.URL)
	return nil
}

// openBrowser shows a page if it can; its address has been printed.
func openBrowser(ctx context.Context, page string) {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	_ = exec.CommandContext(ctx, name, page).Start()
}

// appFiles are where the GitHub App's key and secrets lie.
func appFiles(c *config.Config) setup.Files {
	return setup.Files{
		Folder: filepath.Clean(c.App.Folder), PrivateKey: c.App.PrivateKeyFile,
		WebhookSecret: c.App.WebhookSecretFile, ClientSecret: c.App.ClientSecretFile,
	}
}

// credentials are those of the App, as files and configuration say.
func (a *app) credentials() (setup.Credentials, error) {
	c, err := setup.Load(appFiles(a.config))
	if err != nil {
		return c, err
	}
	if id := a.config.App.ID; id != 0 {
		c.ID = int64(id)
	}
	if id := a.config.App.ClientID; id != "" {
		c.ClientID = id
	}
	if c.ID == 0 {
		return c, fmt.Errorf("the id of the GitHub App is not known: set app.id")
	}
	return c, nil
}
