package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Validate checks what the values mean, and names all that is wrong. It looks at
// nothing outside the configuration: whether a file exists shows when it is used.
func (c *Config) Validate() error {
	var problems []error
	fail := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("configuration %q (%s): %w", key, c.Origin(key), fmt.Errorf(format, args...)))
	}
	for _, f := range fields {
		v, ok := f.ref(c).(*string)
		if ok && len(f.Values) > 0 && !slices.Contains(f.Values, *v) {
			fail(f.Key, "%q is not one of %s%s", *v, strings.Join(f.Values, ", "), closeValue(*v, f.Values))
		}
	}
	for _, label := range slices.Sorted(maps.Keys(c.Platforms)) {
		if image := c.Platforms[label]; image == "" || strings.ContainsAny(image, " \t\n") {
			fail("platforms."+label, "%q is no image: give an image, or %q for this machine itself", image, PlatformHost)
		}
	}
	c.checkRunners(fail)
	c.checkKubernetes(fail)
	c.checkServer(fail)
	if c.MaxParallel < 0 {
		fail("max_parallel", "%d is less than 0: give the number of jobs, or 0 for twice the number of CPUs, at least 8", c.MaxParallel)
	}
	if c.History.KeepRuns < 0 {
		fail("history.keep_runs", "%d is less than 0: give the number of runs, or 0 for no limit", c.History.KeepRuns)
	}
	if c.History.KeepFor < 0 {
		fail("history.keep_for", "%s is less than 0: give a duration such as 720h, or 0s for no limit", c.History.KeepFor)
	}
	if w := c.Resume.Within; w < 0 || w > 24*time.Hour || w != 0 && w < time.Second {
		fail("resume.within", "%s: give a duration from 1s to 24h, or 0s for not at all", w)
	}
	if _, err := Size(c.History.KeepSize); err != nil {
		fail("history.keep_size", "%w", err)
	}
	if _, err := Size(c.Cache.MaxSize); err != nil {
		fail("cache.max_size", "%w", err)
	}
	if c.Cache.MaxAge < 0 {
		fail("cache.max_age", "%s is less than 0: give a duration such as 168h, or 0s for no limit", c.Cache.MaxAge)
	}
	if c.Artifacts.Retention <= 0 {
		fail("artifacts.retention", "%s is no time to keep anything: give a duration such as 2160h", c.Artifacts.Retention)
	}
	if c.Offline && c.Pull == PullAlways {
		fail("pull", "%q needs the network, but offline is on (%s): leave one out", c.Pull, c.Origin("offline"))
	}
	if c.Network.CA == "" {
		fail("network.ca", "is empty: give %q, %q or a file", CAAuto, CAOff)
	}
	if c.Docker.Host != "" {
		if u, err := url.Parse(c.Docker.Host); err != nil || !slices.Contains([]string{"unix", "tcp", "ssh", "npipe", "http", "https"}, u.Scheme) {
			fail("docker.host", "%q is no engine address: give one such as unix:///var/run/docker.sock or tcp://HOST:2376", c.Docker.Host)
		}
	}
	for key, paths := range map[string][]string{
		"docker.allow_mounts": c.Docker.AllowMounts, "docker.allow_devices": c.Docker.AllowDevices,
		"cache_dir": {c.CacheDir}, "state_dir": {c.StateDir}, "vault.key_file": {c.Vault.KeyFile}, "app.folder": {c.App.Folder},
	} {
		for _, path := range paths {
			if !filepath.IsAbs(path) {
				fail(key, "%q is no absolute path: set HOME, or give the whole path", path)
			}
		}
	}
	if s := c.Node.Source; strings.Contains(s, "://") && !webURL(s) {
		fail("node.source", "%q is neither a folder nor a http or https URL", s)
	}
	for key, u := range map[string]string{"github.server_url": c.GitHub.ServerURL, "github.api_url": c.GitHub.APIURL} {
		if !webURL(u) {
			fail(key, "%q is no http or https URL", u)
		}
	}
	// Maps above are walked in any order; people read the same text every time.
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func closeValue(text string, values []string) string {
	if near := closest(text, values); near != "" {
		return hint(near)
	}
	return ""
}
