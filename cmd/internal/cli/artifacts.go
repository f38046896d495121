package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/executor/archive"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/runner/service/artifact"
	"github.com/drydock-ci/drydock/runner/service/blob"
)

// maxUnpacked bounds what one artifact may become on the disk, in bytes.
const maxUnpacked = 100 << 30

func (a *app) artifactsCommand() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "artifacts [RUN] [NAME]",
		Short: "List or unpack the artifacts of a run (default: the newest of this repository)",
		Long: `Artifacts lists what the jobs of a run uploaded. With a NAME it unpacks that artifact into a folder
of its name, or into --dir; with --dir alone it unpacks all, each into a folder of its name in there.
Files that are there already are replaced. Nothing is ever written outside the folder.`,
		Example: "  drydock artifacts\n  drydock artifacts 17 coverage\n  drydock artifacts 17 --dir build",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var name string
			if len(args) == 1 {
				if _, err := history.ParseID(args[0]); err != nil { // of the newest run
					args, name = nil, args[0]
				}
			} else if len(args) == 2 {
				args, name = args[:1], args[1]
			}
			r, err := a.pastRun(args, 0)
			if err != nil {
				return err
			}
			return a.artifacts(cmd.Context(), r, name, dir, asJSON)
		},
		ValidArgsFunction: a.completeArtifacts,
	}
	cmd.Flags().StringVarP(&dir, "dir", "D", "", "unpack into this `folder`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// kept opens the artifacts of a run: below the state folder, or where the run
// was told to keep them.
func (a *app) kept(r *history.Run) (*artifact.Service, func(), error) {
	dir := a.config.StateDir
	if _, _, flags, err := a.recordedFlags(r.Arguments); err == nil {
		if given, err := flags.GetString("artifact-server-path"); err == nil && given != "" {
			if dir = given; !filepath.IsAbs(dir) {
				dir = filepath.Join(r.Dir, dir)
			}
		}
	}
	folder, err := blob.NewFolder(dir)
	if err != nil {
		return nil, nil, &exitError{exitUsage, err}
	}
	return artifact.New(artifact.Options{Store: folder}), func() { _ = folder.Close() }, nil
}

func (a *app) completeArtifacts(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeRuns(cmd, args, typed)
	}
	if len(args) > 1 || a.config == nil && a.enter(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	r, err := a.pastRun(args, 0)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	service, done, err := a.kept(r)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer done()
	list, _ := service.List(cmd.Context(), args[0])
	var names []string
	for _, one := range list {
		names = append(names, one.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// artifactRow is an artifact for scripts.
type artifactRow struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size"`
	Digest  string    `json:"digest,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Folder  string    `json:"folder,omitempty"` // that it was unpacked into
}

func (a *app) artifacts(ctx context.Context, r *history.Run, name, dir string, asJSON bool) error {
	service, done, err := a.kept(r)
	if err != nil {
		return err
	}
	defer done()
	list, err := service.List(ctx, string(r.ID))
	if err != nil {
		return &exitError{exitUsage, err}
	}
	latest := map[string]artifact.Artifact{} // of several attempts
	var names []string
	for _, one := range list {
		if _, ok := latest[one.Name]; !ok {
			names = append(names, one.Name)
		}
		latest[one.Name] = one
	}
	if name != "" {
		if _, ok := latest[name]; !ok {
			if len(names) == 0 {
				return usage("artifact %q: run %s has no artifacts", name, r.ID)
			}
			return usage("artifact %q: run %s has no such artifact: there are %s%s", name, r.ID, strings.Join(names, ", "), didYouMean(name, names))
		}
		names = []string{name}
	}
	rows := []artifactRow{}
	for _, n := range names {
		one := latest[n]
		row := artifactRow{Name: n, Size: one.Size, Digest: one.Digest, Created: one.Created, Expires: one.Expires}
		if name != "" || dir != "" {
			if row.Folder, err = a.unpackFolder(n, name != "", dir); err != nil {
				return err
			}
			if err := unpackArtifact(ctx, service, one, row.Folder); err != nil {
				return &exitError{exitUsage, err}
			}
		}
		rows = append(rows, row)
	}
	if asJSON {
		return printJSON(a.stdout, map[string]any{"run": r.ID, "artifacts": rows})
	}
	return a.printArtifacts(r, rows)
}

func (a *app) printArtifacts(r *history.Run, rows []artifactRow) error {
	if len(rows) == 0 {
		fmt.Fprintf(a.stderr, "drydock: run %s has no artifacts\n", r.ID)
		return nil
	}
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	if rows[0].Folder == "" {
		fmt.Fprintln(t, "ARTIFACT\tSIZE\tAGE\tEXPIRES")
	}
	for _, row := range rows {
		if row.Folder != "" {
			fmt.Fprintf(a.stdout, "unpacked %s into %s\n", flat(row.Name), flat(row.Folder))
			continue
		}
		expires := ""
		if !row.Expires.IsZero() {
			left := time.Until(row.Expires)
			if left > 48*time.Hour { // 90 days are not 89 a second later
				left = left.Round(time.Hour)
			}
			expires = "in " + age(left)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", flat(row.Name), bytesText(row.Size), age(time.Since(row.Created)), expires)
	}
	return t.Flush()
}

// unpackFolder is where an artifact goes: alone into --dir itself, else into a
// folder of its name.
func (a *app) unpackFolder(name string, alone bool, dir string) (string, error) {
	if dir != "" && !filepath.IsAbs(dir) {
		dir = filepath.Join(a.dir, dir)
	}
	if alone && dir != "" {
		return dir, nil
	}
	if dir == "" {
		dir = a.dir
	}
	// The service takes no such name; but here it becomes a path.
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return "", usage("artifact %q: its name is no name for a folder: give one with --dir", name)
	}
	return filepath.Join(dir, name), nil
}

// unpackArtifact writes the files of an artifact: of a zip those in it, else
// the one that was uploaded.
func unpackArtifact(ctx context.Context, service *artifact.Service, one artifact.Artifact, dir string) error {
	fail := func(err error) error { return fmt.Errorf("unpack artifact %q: %w", one.Name, err) }
	content, one, err := service.Open(ctx, one.Run, one.Name)
	if err != nil {
		return fail(err)
	}
	defer content.Close()
	if !strings.HasSuffix(one.File(), ".zip") {
		if err := saveFile(dir, filepath.Base(one.Name), content); err != nil {
			return fail(err)
		}
		return nil
	}
	tmp, err := os.CreateTemp("", "drydock-artifact-") // what is read need not be a file
	if err != nil {
		return fail(err)
	}
	defer func() { tmp.Close(); _ = os.Remove(tmp.Name()) }()
	size, err := io.Copy(tmp, io.LimitReader(content, maxUnpacked))
	if err != nil {
		return fail(err)
	}
	if err := archive.Unzip(ctx, dir, tmp, size, archive.Options{MaxBytes: maxUnpacked, Times: true}); err != nil {
		return fail(err)
	}
	return nil
}

// saveFile writes one file; a link in its place is replaced, not followed.
func saveFile(dir, name string, content io.Reader) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.LimitReader(content, maxUnpacked))
	return errors.Join(err, f.Close())
}

// bytesText is a number of bytes for a table.
func bytesText(n int64) string {
	size := float64(n)
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if size < 1000 {
			if unit == "B" {
				return fmt.Sprintf("%d B", n)
			}
			return fmt.Sprintf("%.1f %s", size, unit)
		}
		size /= 1000
	}
	return fmt.Sprintf("%.1f TB", size)
}
