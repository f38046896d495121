package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/event"
)

// occurrence is an event that happened, or is made up: in the form of the
// contexts, and in the one that the filters of `on:` look at.
type occurrence struct {
	*local.Event
	filtered event.Event
	notes    []string // what a person should know about it
}

// occur makes the event for the files that listen to it.
func (a *app) occur(ctx context.Context, repo *local.Repo, root, name string, files []file, o runOptions, g given) (*occurrence, error) {
	options := local.EventOptions{Payload: g.payload, File: o.eventFile, Actor: o.actor, Inputs: g.inputs}
	if len(files) > 0 {
		options.Workflow = files[0].path
	}
	made, err := local.BuildEvent(ctx, repo, name, options)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if action := wantedAction(files, name, made.Facts.Event.Action); g.payload == nil && action != "" {
		options.Action = action
		if made, err = local.BuildEvent(ctx, repo, name, options); err != nil {
			return nil, &exitError{exitUsage, err}
		}
	}
	happened := &occurrence{Event: made, filtered: made.Facts.Event}
	happened.filtered.Name = name // a workflow_call is made up as a push
	if pull, ok := made.Payload.Lookup("pull_request"); ok && g.payload == nil {
		title, _ := pull.Lookup("title") // made of the head commit
		body, _ := pull.Lookup("body")
		happened.filtered.Message = title.Text() + "\n\n" + body.Text()
	}
	if slices.ContainsFunc(files, func(f file) bool { return filtersPaths(f, name) }) {
		happened.changes(ctx, repo, root, g.payload == nil)
	}
	return happened, nil
}

// wantedAction is the activity type for a made-up event when no file listens
// to the usual one: the first that a file names.
func wantedAction(files []file, name, usual string) string {
	wanted := ""
	for _, f := range files {
		t := f.workflow.On.Trigger(name)
		if t == nil {
			continue
		}
		if t.Types == nil {
			return ""
		}
		for _, n := range t.Types {
			switch text := n.ScalarText(); {
			case text == usual:
				return ""
			case wanted == "":
				wanted = text
			}
		}
	}
	return wanted
}

func filtersPaths(f file, name string) bool {
	t := f.workflow.On.Trigger(name)
	return t != nil && (t.Paths != nil || t.PathsIgnore != nil)
}

// changes finds the changed files. Without them the path filters let every
// workflow run. What is not committed yet is part of the next push.
func (h *occurrence) changes(ctx context.Context, repo *local.Repo, root string, made bool) {
	files, err := h.ChangedFiles(ctx, repo)
	if err == nil && made && h.Name == "push" {
		var more []string
		more, err = repo.Uncommitted(ctx)
		files = append(slices.Clip(files), more...)
	}
	if err != nil {
		h.notes = append(h.notes, fmt.Sprintf("path filters let every workflow run: the changed files are not known: %v", err))
		return
	}
	files = below(repo.Root, root, files)
	slices.Sort(files)
	h.filtered.Files, h.filtered.FilesKnown = slices.Compact(files), true
}

// below gives the files of a project that is a folder of a repository, as its
// workflows name them.
func below(repository, project string, files []string) []string {
	for _, dir := range []*string{&repository, &project} {
		if real, err := filepath.EvalSymlinks(*dir); err == nil {
			*dir = real
		}
	}
	rel, err := filepath.Rel(repository, project)
	if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
		return files
	}
	prefix := filepath.ToSlash(rel) + "/"
	var inside []string
	for _, f := range files {
		if name, ok := strings.CutPrefix(f, prefix); ok {
			inside = append(inside, name)
		}
	}
	return inside
}

// starting are the files that the event starts. Files that a person asked for
// by name run whatever their filters say.
func (a *app) starting(h *occurrence, files []file, asked bool) []file {
	for _, note := range h.notes {
		fmt.Fprintln(a.stderr, "drydock: "+note)
	}
	var out []file
	for _, f := range files {
		verdict := event.Match(f.workflow, h.filtered)
		switch {
		case verdict.Runs:
			out = append(out, f)
		case asked:
			fmt.Fprintf(a.stderr, "drydock: runs since it was asked for, though GitHub would not start it: %s: %s\n", f.path, verdict.Why())
			out = append(out, f)
		default:
			fmt.Fprintf(a.stderr, "drydock: not started: %s: %s\n", f.path, verdict.Why())
		}
	}
	if len(out) == 0 {
		fmt.Fprintln(a.stderr, "drydock: nothing to run: name a file with -W to run it anyway")
	}
	return out
}

// asked tells whether a person named a workflow or a job, not a folder.
func (a *app) asked(o runOptions) bool {
	if len(o.jobs) > 0 {
		return true
	}
	path := o.workflows
	if path == "" {
		return false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.dir, path)
	}
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// triggers are the triggers of the files that listen to an event.
func triggers(files []file, name string) []*workflow.Trigger {
	var out []*workflow.Trigger
	for _, f := range files {
		if t := f.workflow.On.Trigger(name); t != nil {
			out = append(out, t)
		}
	}
	return out
}
