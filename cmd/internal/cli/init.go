package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/propose"
	gittree "github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

func (a *app) initCommand() *cobra.Command {
	var show bool
	var registry string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Propose drydock.yaml: the services that this repository seems to have",
		Long: `Init looks for Dockerfiles and Go main packages, and writes a service for each into drydock.yaml at
the top of the repository. It changes nothing that is declared already.`,
		Example: `  drydock init --print
  drydock init --registry registry.example/conference`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.propose(cmd.Context(), registry, show)
		},
	}
	cmd.Flags().BoolVar(&show, "print", false, "print the proposal and write nothing")
	cmd.Flags().StringVar(&registry, "registry", "", "registry, or part of one, that images go to (default localhost:5000 and the repository's name)")
	return cmd
}

// propose writes services into the project's file, or prints them.
func (a *app) propose(ctx context.Context, registry string, show bool) error {
	r := gittree.Open(a.dir)
	top, err := r.Top(ctx)
	if err != nil {
		return usage("%w: services are built in a git repository", err)
	}
	name := filepath.Base(top)
	found, err := propose.Services(ctx, r.Working(top), name)
	if err != nil {
		return &exitError{exitInfrastructure, fmt.Errorf("look for services: %w", err)}
	}
	if len(found) == 0 {
		return usage("no Dockerfile and no Go main package was found: declare services by hand")
	}
	if registry == "" {
		registry = "localhost:5000/" + strings.ToLower(name)
	}
	text := propose.Text(found, strings.TrimRight(registry, "/"))
	if _, wrong := declaration.Parse(declaration.FileName, []byte(text)); wrong.HasErrors() {
		return usage("--registry %q: %w", registry, wrong.Err())
	}
	if show {
		_, err := a.stdout.Write([]byte(text))
		return err
	}
	file := filepath.Join(top, declaration.FileName)
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage("read %q: %w", file, err)
	}
	services, wrong := declaration.Parse(declaration.FileName, before)
	switch {
	case len(services.List) > 0 || wrong.HasErrors():
		return usage("%s has services already: \"drydock init --print\" shows what would be proposed", declaration.FileName)
	case declaresSettings(before):
		return usage("%s has a key \"services\" already: add to it what \"drydock init --print\" shows", declaration.FileName)
	}
	if len(before) > 0 {
		text = strings.TrimRight(string(before), "\n") + "\n\n" + text
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return usage("write %q: %w", file, err)
	}
	fmt.Fprintf(a.stdout, "%d services are in %s now: look at them, then \"drydock build --plan\"\n", len(found), declaration.FileName)
	return nil
}

// declaresSettings tells whether a file without services has their key all the
// same.
func declaresSettings(src []byte) bool {
	for line := range strings.SplitSeq(string(src), "\n") {
		if strings.HasPrefix(line, "services:") {
			return true
		}
	}
	return false
}
