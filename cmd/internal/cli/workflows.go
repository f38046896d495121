package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/event"
)

// file is a parsed workflow file.
type file struct {
	path        string // relative to the repository's root, with slashes
	workflow    *workflow.Workflow
	source      []byte
	diagnostics workflow.Diagnostics
}

// workflowFiles finds the files that --workflows names: one file, or the
// .yml and .yaml files of a folder.
func (a *app) workflowFiles(path, root string) ([]file, error) {
	if path == "" {
		path = filepath.Join(root, ".github", "workflows")
	} else if !filepath.IsAbs(path) {
		path = filepath.Join(a.dir, path)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("find workflows: %q does not exist: run in a repository with .github/workflows, or name a file with --workflows", path)
	}
	if err != nil {
		return nil, usage("find workflows: %w", err)
	}
	names := []string{path}
	if info.IsDir() {
		names = nil
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, usage("find workflows: %w", err)
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yml" || ext == ".yaml") {
				names = append(names, filepath.Join(path, e.Name()))
			}
		}
		if len(names) == 0 {
			return nil, usage("find workflows: no .yml or .yaml file in %q", path)
		}
	}
	var files []file
	for _, name := range names {
		f, err := parseFile(name, root)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func parseFile(name, root string) (file, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return file{}, usage("read workflow: %w", err)
	}
	shown := name
	if rel, err := filepath.Rel(root, name); err == nil && !strings.HasPrefix(rel, "..") {
		shown = filepath.ToSlash(rel)
	}
	w, diagnostics := workflow.Parse(shown, src)
	if w != nil {
		diagnostics = inOrder(append(diagnostics, event.Check(w)...))
	}
	return file{shown, w, src, diagnostics}, nil
}

// inOrder sorts diagnostics of one file by their place.
func inOrder(ds workflow.Diagnostics) workflow.Diagnostics {
	slices.SortStableFunc(ds, func(a, b workflow.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return ds
}

// invalid gives the error of all files that are broken, or nil.
func invalid(files []file) error {
	var all workflow.Diagnostics
	for _, f := range files {
		all = append(all, f.diagnostics...)
	}
	if !all.HasErrors() {
		return nil
	}
	return &exitError{exitInvalid, all.Err()}
}

// triggered are the files that an event starts.
func triggered(files []file, name string) []file {
	var out []file
	for _, f := range files {
		if f.workflow != nil && f.workflow.On.Trigger(name) != nil {
			out = append(out, f)
		}
	}
	return out
}

// events are all that the files listen to, for messages.
func events(files []file) []string {
	var all []string
	for _, f := range files {
		if f.workflow == nil {
			continue
		}
		for _, t := range f.workflow.On.Triggers {
			if !slices.Contains(all, t.Event) {
				all = append(all, t.Event)
			}
		}
	}
	slices.Sort(all)
	return all
}

// title is what people call a workflow.
func (f file) title() string {
	if f.workflow != nil && f.workflow.Name != nil && f.workflow.Name.Text != "" {
		return f.workflow.Name.Text
	}
	return f.path
}

func noWorkflow(files []file, event string) error {
	known := events(files)
	text := fmt.Sprintf("no workflow starts on %q: these events start one: %s", event, strings.Join(known, ", "))
	if len(known) > 0 {
		text += fmt.Sprintf(": try \"drydock run %s\"", known[0])
	}
	return usage("%s", text)
}
