package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/cache"
)

func (a *app) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "List and remove what jobs have cached",
		Long: `Cache looks after what jobs keep with actions/cache and the like. Caches belong to a repository and
to the ref whose run saved them; cache.max_size and cache.max_age say how much of them stays.`,
		Example: "  drydock cache list\n  drydock cache rm node-modules-1a2b3c\n  drydock cache prune",
	}
	cmd.AddCommand(a.cacheList(), a.cachePrune(), a.cacheRemove())
	return cmd
}

// cacheFilter are the flags that choose caches.
type cacheFilter struct {
	ref, prefix string
	all, asJSON bool
}

// cacheRow is a cache for people and scripts.
type cacheRow struct {
	Repository string    `json:"repository"`
	Ref        string    `json:"ref"`
	Key        string    `json:"key"`
	Version    string    `json:"version"`
	Size       int64     `json:"size"`
	Created    time.Time `json:"created"`
	Used       time.Time `json:"used"`
}

func cacheRows(entries []cache.Entry) []cacheRow {
	rows := []cacheRow{}
	for _, e := range entries {
		rows = append(rows, cacheRow{e.Repository, e.Scope, e.Key, e.Version, e.Size, e.Created, e.Used})
	}
	return rows
}

func (a *app) cacheList() *cobra.Command {
	var f cacheFilter
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the caches of this repository, the newest first",
		Example: "  drydock cache list\n  drydock cache list --ref main --key npm-\n  drydock cache list --all --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withCaches(cmd.Context(), f, func(_ *cache.Service, entries []cache.Entry) error {
				if f.asJSON {
					return printJSON(a.stdout, map[string]any{"caches": cacheRows(entries)})
				}
				if len(entries) == 0 {
					fmt.Fprintln(a.stderr, "drydock: there are no such caches: \"drydock cache list --all\" looks beyond this repository")
					return nil
				}
				return a.printCaches(entries, f.all)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.ref, "ref", "", "only caches that runs of this `ref` saved: a branch or a full ref")
	flags.StringVar(&f.prefix, "key", "", "only caches whose key begins with this `text`")
	flags.BoolVar(&f.all, "all", false, "caches of all repositories")
	flags.BoolVar(&f.asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) printCaches(entries []cache.Entry, all bool) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	head := "KEY\tREF\tSIZE\tAGE\tUSED"
	if all {
		head = "REPOSITORY\t" + head
	}
	fmt.Fprintln(t, head)
	total := int64(0)
	for _, e := range entries {
		if all {
			fmt.Fprintf(t, "%s\t", flat(e.Repository))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s ago\n", flat(e.Key), flat(shortRef(e.Scope)), bytesText(e.Size), age(time.Since(e.Created)), age(time.Since(e.Used)))
		total += e.Size
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "\n%s, %s in all\n", caches(len(entries)), bytesText(total))
	return err
}

func caches(n int) string {
	if n == 1 {
		return "1 cache"
	}
	return fmt.Sprintf("%d caches", n)
}

// shortRef leaves out what every branch begins with.
func shortRef(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

func (a *app) cacheRemove() *cobra.Command {
	var f cacheFilter
	cmd := &cobra.Command{
		Use:   "rm KEY...",
		Short: "Remove caches of this repository by their keys",
		Long: `Rm removes every cache of this repository that has one of the keys, whatever ref saved it. A key that
ends in * stands for all that begin so.`,
		Example: "  drydock cache rm npm-linux-1a2b3c\n  drydock cache rm --ref my-branch '*'",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCaches(cmd.Context(), f, func(s *cache.Service, entries []cache.Entry) error {
				var gone []cache.Entry
				for _, key := range args {
					matches := matching(entries, key)
					if len(matches) == 0 {
						return usage("cache %q: there is none with that key%s: \"drydock cache list\" lists them", key, didYouMean(key, keys(entries)))
					}
					gone = append(gone, matches...)
				}
				gone = slices.CompactFunc(gone, func(x, y cache.Entry) bool { return x.Blob == y.Blob })
				for _, e := range gone {
					if err := s.Delete(cmd.Context(), e); err != nil {
						return &exitError{exitUsage, err}
					}
				}
				return a.removed(gone, f.asJSON)
			})
		},
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			if a.config == nil && a.enter(cmd) != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var found []string
			_ = a.withCaches(cmd.Context(), f, func(_ *cache.Service, entries []cache.Entry) error {
				found = keys(entries)
				return nil
			})
			return found, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVar(&f.ref, "ref", "", "only caches that runs of this `ref` saved: a branch or a full ref")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print what was removed as JSON")
	return cmd
}

// matching are the entries with a key, or with what begins as KEY* says.
func matching(entries []cache.Entry, key string) []cache.Entry {
	prefix, open := strings.CutSuffix(key, "*")
	var out []cache.Entry
	for _, e := range entries {
		if e.Key == key || open && strings.HasPrefix(e.Key, prefix) {
			out = append(out, e)
		}
	}
	return out
}

func keys(entries []cache.Entry) []string {
	var out []string
	for _, e := range entries {
		if !slices.Contains(out, e.Key) {
			out = append(out, e.Key)
		}
	}
	return out
}

func (a *app) cachePrune() *cobra.Command {
	f := cacheFilter{all: true}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove caches of all repositories that nobody has used for cache.max_age",
		Long: `Prune removes the caches that no job has used for as long as cache.max_age says, of all repositories,
and what crashes have left. Drydock does so by itself from time to time, and keeps each repository
below cache.max_size whenever a job saves.`,
		Example: "  drydock cache prune\n  DRYDOCK_CACHE_MAX_AGE=24h drydock cache prune",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withCaches(cmd.Context(), f, func(s *cache.Service, before []cache.Entry) error {
				if s == nil {
					return a.removed(nil, f.asJSON)
				}
				if err := s.Sweep(cmd.Context()); err != nil {
					return &exitError{exitUsage, err}
				}
				after, err := s.List(cmd.Context(), cache.Filter{})
				if err != nil {
					return &exitError{exitUsage, err}
				}
				left := map[string]bool{}
				for _, e := range after {
					left[e.Blob] = true
				}
				return a.removed(slices.DeleteFunc(before, func(e cache.Entry) bool { return left[e.Blob] }), f.asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print what was removed as JSON")
	return cmd
}

// removed says what has gone.
func (a *app) removed(gone []cache.Entry, asJSON bool) error {
	if asJSON {
		return printJSON(a.stdout, map[string]any{"removed": cacheRows(gone)})
	}
	total := int64(0)
	for _, e := range gone {
		total += e.Size
	}
	_, err := fmt.Fprintf(a.stdout, "removed %s, %s\n", caches(len(gone)), bytesText(total))
	return err
}

// withCaches gives use the service, and the caches that the flags choose. There
// is no service when nothing was ever cached.
func (a *app) withCaches(ctx context.Context, f cacheFilter, use func(*cache.Service, []cache.Entry) error) error {
	filter := cache.Filter{Scope: f.ref, Prefix: f.prefix}
	if filter.Scope != "" && !strings.HasPrefix(filter.Scope, "refs/") {
		filter.Scope = "refs/heads/" + filter.Scope
	}
	if !f.all {
		repo, err := local.Open(ctx, a.top())
		if err != nil {
			return &exitError{exitUsage, err}
		}
		filter.Repository = repo.FullName()
	}
	path := a.cacheFolder()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return use(nil, nil)
	}
	folder, err := blob.NewFolder(path)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer folder.Close()
	s := cache.New(cache.Options{Store: folder, MaxBytes: a.cacheSize(), MaxAge: a.cacheAge(), Log: a.logger()})
	entries, err := s.List(ctx, filter)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return use(s, entries)
}

// cacheSize and cacheAge are the limits as the services take them: they have
// their own default for 0.
func (a *app) cacheSize() int64 {
	size, _ := config.Size(a.config.Cache.MaxSize) // was validated
	if size == 0 {
		return -1
	}
	return size
}

func (a *app) cacheAge() time.Duration {
	if d := a.config.Cache.MaxAge; d > 0 {
		return d
	}
	return -1
}
