package service

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cacheClients are the clients of both protocols: version 2, version 1 by
// today's client, and the client before, which knows only version 1.
var cacheClients = []struct{ name, op, v2 string }{
	{"version 2", "cache", "True"},
	{"version 1", "cache", ""},
	{"client 3", "cache3", "True"},
}

// cacher saves and restores the path "data" of its workspace.
type cacher struct {
	jobClients
	op string
}

func (c cacher) save(key, content string) result {
	c.t.Helper()
	c.write(map[string]string{"data/file": content})
	return c.call(c.op+".save", map[string]any{"paths": []string{"data"}, "key": key})
}

// saved saves what must be taken.
func (c cacher) saved(key, content string) {
	c.t.Helper()
	r := c.save(key, content)
	var id int64
	r.ok(&id)
	if id == -1 {
		c.t.Fatalf("%q was not saved: %s", key, r.Log)
	}
}

// refused saves what must not be taken, and checks what the user is told.
func (c cacher) refused(key, want string) {
	c.t.Helper()
	r := c.save(key, "refused")
	if string(r.Value) != "-1" {
		c.t.Errorf("save of %q gives %s %s, want -1\n%s", key, r.Value, r.Error, r.Log)
	}
	r.logs(want)
}

func (c cacher) restore(key string, more ...string) result {
	c.t.Helper()
	return c.call(c.op+".restore", map[string]any{"paths": []string{"data"}, "key": key, "restoreKeys": more})
}

// restored restores into an empty workspace and checks key and content; "" for
// a miss.
func (c cacher) restored(wantKey, content, key string, more ...string) {
	c.t.Helper()
	empty := cacher{c.elsewhere(), c.op}
	r := empty.restore(key, more...)
	var got *string
	r.ok(&got)
	switch {
	case wantKey == "" && got == nil:
	case got == nil || *got != wantKey:
		c.t.Errorf("restore of %q %q gives %s, want %q\n%s", key, more, r.Value, wantKey, r.Log)
	default:
		if diff := cmp.Diff(map[string]string{"data/file": content}, tree(c.t, empty.work)); diff != "" {
			c.t.Errorf("%q: %.1000s", key, diff)
		}
	}
}

func TestCacheClients(t *testing.T) {
	s, at := serve(t)
	c := startClients(t, at)
	for i, client := range cacheClients {
		c.run(client.name, func(t *testing.T) {
			// Each in a repository of its own.
			repository := "Octo/Demo" + string(rune('0'+i))
			in := func(ref string, fields ...string) cacher {
				all := map[string]string{"repository": repository, "ref": ref}
				for i := 0; i < len(fields); i += 2 {
					all[fields[i]] = fields[i+1]
				}
				e := open(t, s, message(github(all, withDefault)))
				return cacher{c.job(e.Token, "ACTIONS_CACHE_SERVICE_V2", client.v2), client.op}
			}
			main, feature := in("refs/heads/main"), in("refs/heads/feature")
			pull := in("refs/pull/7/merge", "event_name", "pull_request", "base_ref", "feature")

			feature.restored("", "", "k")
			feature.saved("linux-1", "one")
			feature.restored("linux-1", "one", "linux-1")
			feature.refused("linux-1", "another job may be creating this cache")
			feature.restored("linux-1", "one", "linux-1")

			// The newest of two, also by the primary key as a prefix.
			feature.saved("linux-2", "two")
			feature.restored("linux-2", "two", "linux-")
			feature.restored("linux-2", "two", "other", "linux-")
			feature.restored("linux-1", "one", "linux-1", "linux-")
			// In the order of the restore keys.
			feature.saved("mac-1", "mac")
			feature.restored("linux-2", "two", "other", "nothing-", "linux-", "mac-")
			feature.restored("mac-1", "mac", "other", "mac-", "linux-")
			feature.restored("", "", "inux-1")
			feature.restored("", "", "LINUX-1")

			// Another version: the same key for another path.
			var miss *string
			feature.call(client.op+".restore", map[string]any{"paths": []string{"data", "more"}, "key": "linux-1"}).ok(&miss)
			if miss != nil {
				t.Errorf("another version gives %q", *miss)
			}
			// A look alone brings nothing.
			look := cacher{feature.elsewhere(), client.op}
			var found *string
			look.call(client.op+".restore", map[string]any{"paths": []string{"data"}, "key": "linux-1", "options": map[string]any{"lookupOnly": true}}).ok(&found)
			if found == nil || *found != "linux-1" || len(tree(t, look.work)) != 0 {
				t.Errorf("a look gives %v and %v", found, tree(t, look.work))
			}

			// Scopes: a branch reads its own and the default branch's, a pull request
			// its base's too; nobody reads a pull request's.
			main.restored("", "", "linux-1")
			main.saved("base-1", "of main")
			feature.restored("base-1", "of main", "base-")
			pull.restored("linux-1", "one", "linux-1")
			pull.restored("base-1", "of main", "base-1")
			pull.saved("linux-1", "of the pull request")
			pull.saved("base-2", "poison")
			pull.restored("linux-1", "of the pull request", "linux-1")
			feature.restored("linux-1", "one", "linux-1")
			main.restored("base-1", "of main", "base-")
			in("refs/pull/8/merge", "event_name", "pull_request", "base_ref", "main").restored("base-1", "of main", "base-")
			in("refs/heads/other").restored("", "", "linux-1")
			in("refs/heads/feature", "repository", "octo/other").restored("", "", "linux-1")
			// A restore key of the own branch goes before the key of the default branch.
			main.saved("linux-3", "of main")
			feature.restored("linux-2", "two", "linux-3", "linux-")
		})
	}
}

// Tokens that may not write, have expired, or belong to a job that has ended:
// the client says why and the job goes on.
func TestCacheClientsWithoutRights(t *testing.T) {
	s, at := serve(t)
	c := startClients(t, at)
	fork := object("repository", object("default_branch", "main"), "pull_request", object("head", object("repo", object("full_name", "mallory/demo"))))
	target := map[string]string{"event_name": "pull_request_target", "ref": "refs/heads/main", "base_ref": "main"}
	trusted := open(t, s, message(github(map[string]string{"ref": "refs/heads/main"}, withDefault)))
	reader := open(t, s, message(github(target, fork)))
	ended := open(t, s, message(github(nil, withDefault)))
	ended.Close()
	s.now = func() time.Time {
		return time.Now().Add(-(defaultTimeout+defaultGrace)*time.Minute - margin + 10*time.Second)
	}
	expired := open(t, s, message(github(nil, withDefault)))
	late := time.After(11 * time.Second)

	if reader.CacheMode != "read" || trusted.CacheMode != "" {
		t.Errorf("cache modes: %q, %q", reader.CacheMode, trusted.CacheMode)
	}
	for _, client := range cacheClients {
		c.run(client.name, func(*testing.T) {
			job := func(token string, more ...string) cacher {
				return cacher{c.job(token, append(more, "ACTIONS_CACHE_SERVICE_V2", client.v2)...), client.op}
			}
			job(trusted.Token).saved(client.name, "content")
			read := job(reader.Token)
			read.restored(client.name, "content", client.name)
			read.refused("poison "+client.name, "may not write caches")
			job(trusted.Token).restored("", "", "poison "+client.name)
			if client.op == "cache" { // which reads the mode, and does not even ask
				job(reader.Token, "ACTIONS_CACHE_MODE", reader.CacheMode).refused("poison", "cache-mode")
			}
		})
	}
	<-late
	for _, client := range cacheClients {
		c.run(client.name+" without a live token", func(t *testing.T) {
			for token, want := range map[string]string{ended.Token: "job has ended", expired.Token: "has expired", "a.b.c": "not one of this service"} {
				j := cacher{c.job(token, "ACTIONS_CACHE_SERVICE_V2", client.v2), client.op}
				r := j.restore(client.name)
				if string(r.Value) != "null" || r.Error != "" {
					t.Errorf("restore with a dead token gives %s %s", r.Value, r.Error)
				}
				if !strings.Contains(r.Log, want) && !strings.Contains(r.Log, "Cache service responded with 401") {
					t.Errorf("restore logs %q, want %q or 401", r.Log, want)
				}
				j.refused("late", "")
			}
		})
	}
}

// Uploads above 128 MiB come in blocks (version 1: above 32 MiB in ranges),
// downloads as one stream.
func TestCacheClientsWithALargeCache(t *testing.T) {
	s, at := serve(t)
	c := startClients(t, at)
	all := noise(130 << 20)
	for i, size := range []int{len(all), 40 << 20} {
		client, content := cacheClients[i], all[:size]
		c.run(client.name, func(t *testing.T) {
			e := open(t, s, message(github(nil, withDefault)))
			j := cacher{c.job(e.Token, "ACTIONS_CACHE_SERVICE_V2", client.v2), client.op}
			j.saved(client.name, content)
			back := cacher{j.elsewhere(), client.op}
			back.restore(client.name).ok(new(json.RawMessage))
			if got := tree(t, back.work)["data/file"]; got != content {
				t.Errorf("%d bytes came back, and not those that were saved", len(got))
			}
		})
	}
}
