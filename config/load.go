package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Options are what Load reads from; it reads nothing else of the process.
type Options struct {
	Dir   string              // working directory, absolute; the project's file is looked for here and up to the repository's top
	Env   []string            // as os.Environ gives it
	Flags map[string][]string // the flags that were given, by long name or alias, their values in order
}

// Load resolves every setting and validates the result. Its error names all that
// is wrong, each with its place; nothing half-read is returned.
func Load(o Options) (*Config, error) {
	env := environment(o.Env)
	var problems []error
	note := func(what string, err error) {
		problems = append(problems, fmt.Errorf("reading configuration, %s: %w", what, err))
	}

	// Every source says what it has, the lightest first.
	var layers []map[string]value
	layers = append(layers, defaults(env, note))
	project, err := findProjectFile(o.Dir)
	if err != nil {
		problems = append(problems, err)
	}
	for _, file := range []struct {
		path   string
		source Source
	}{{userFile(env), FromUserFile}, {project, FromProjectFile}} {
		values, errs := readFile(file.path, file.source)
		layers = append(layers, values)
		problems = append(problems, errs...)
	}
	layers = append(layers, variables(env, o.Dir, note), flags(o, note))

	c := &Config{origins: map[string]Origin{}}
	for _, f := range fields {
		for _, layer := range layers {
			v, ok := layer[f.Key]
			if !ok {
				continue
			}
			if err := c.apply(f, v, env); err != nil {
				note(fmt.Sprintf("%q (%s)", f.Key, v.origin), err)
			}
		}
	}
	c.settleRunners(env, note)
	if c.Offline && c.Origin("pull").Source == FromDefault {
		c.Pull, c.origins["pull"] = PullNever, c.Origin("offline")
	}
	c.GitHub.ServerURL = strings.TrimRight(c.GitHub.ServerURL, "/")
	c.GitHub.APIURL = strings.TrimRight(c.GitHub.APIURL, "/")
	c.Server.URL = strings.TrimRight(c.Server.URL, "/")
	if len(problems) == 0 {
		if err := c.Validate(); err != nil {
			return nil, err
		}
		return c, nil
	}
	return nil, errors.Join(problems...)
}

func defaults(env environment, note func(string, error)) map[string]value {
	values := map[string]value{}
	for _, f := range fields {
		text := f.Default
		text = strings.Replace(text, "$XDG_CACHE_HOME", env.folder("XDG_CACHE_HOME", ".cache", "Library/Caches"), 1)
		text = strings.Replace(text, "$XDG_STATE_HOME", env.folder("XDG_STATE_HOME", ".local/state", "Library/Application Support"), 1)
		if text == "" {
			continue
		}
		v, err := fromText(f, elements(f, text), Origin{}, "")
		if err != nil {
			note(fmt.Sprintf("default of %q", f.Key), err)
			continue
		}
		values[f.Key] = v
	}
	return values
}

// variables reads DRYDOCK_*; an empty one counts as not set.
func variables(env environment, dir string, note func(string, error)) map[string]value {
	values := map[string]value{}
	for _, f := range fields {
		text := env.value(f.Env)
		if text == "" {
			continue
		}
		v, err := fromText(f, elements(f, text), Origin{FromEnv, f.Env}, dir)
		if err != nil {
			note(fmt.Sprintf("variable %s", f.Env), err)
			continue
		}
		values[f.Key] = v
	}
	return values
}

func flags(o Options, note func(string, error)) map[string]value {
	values := map[string]value{}
	for _, f := range fields {
		if f.Flag == "" {
			continue
		}
		var texts []string
		for _, name := range append(slices.Clone(f.Aliases), f.Flag) {
			texts = append(texts, o.Flags[name]...)
		}
		if len(texts) == 0 {
			continue
		}
		v, err := fromText(f, texts, Origin{FromFlag, "--" + f.Flag}, o.Dir)
		if err != nil {
			note(fmt.Sprintf("flag --%s", f.Flag), err)
			continue
		}
		values[f.Key] = v
	}
	return values
}

// environment is a list of NAME=VALUE, the last of a name counts.
type environment []string

func (e environment) value(name string) string {
	for _, entry := range slices.Backward(e) {
		if n, v, ok := strings.Cut(entry, "="); ok && n == name {
			return v
		}
	}
	return ""
}

func (e environment) home() string {
	if runtime.GOOS == "windows" {
		return e.value("USERPROFILE")
	}
	return e.value("HOME")
}

// folder is one of the XDG base folders, or what stands for it below the home folder.
func (e environment) folder(name, usual, mac string) string {
	// XDG: a relative path is invalid and ignored.
	if dir := e.value(name); filepath.IsAbs(dir) {
		return dir
	}
	if runtime.GOOS == "darwin" {
		usual = mac
	}
	return filepath.Join(e.home(), filepath.FromSlash(usual))
}
