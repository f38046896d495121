package action

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func compositeOf(uses ...string) string {
	text := "runs:\n  using: composite\n  steps:\n"
	for _, u := range uses {
		text += "    - uses: " + u + "\n"
	}
	return text
}

func refs(t *testing.T, uses ...string) []Ref {
	t.Helper()
	var list []Ref
	for _, u := range uses {
		list = append(list, mustRef(t, u))
	}
	return list
}

func TestPlanListsEverythingMissing(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/outer", map[string]string{"action.yml": compositeOf("acme/inner/sub@main", "acme/gone@v1", "./local", "docker://alpine:3", "acme/outer@main")})
	srv.commit("acme/inner", map[string]string{
		"sub/action.yml": compositeOf("acme/deep@v2", "acme/node@main", "acme/docker@main", "acme/image@main"),
		"bad/action.yml": "runs: {using: fortran}", ".github/workflows/ci.yml": "on: push",
	})
	srv.commit("acme/node", map[string]string{"action.yml": nodeAction})
	srv.commit("acme/docker", map[string]string{"Dockerfile": "FROM scratch"})
	srv.commit("acme/image", map[string]string{"action.yml": "runs: {using: docker, image: 'docker://busybox'}"})
	o := Options{Dir: t.TempDir(), ServerURL: srv.url()}
	online := NewStore(o)
	for _, repository := range []string{"outer", "inner", "node", "docker", "image"} {
		mustResolve(t, online, "acme/"+repository+"@main")
	}
	f := srv.fetcher()
	for _, offline := range []bool{true, false} {
		o.Offline, o.Fetcher = offline, f
		found, err := NewStore(o).Survey(t.Context(), refs(t, "acme/outer@main", "acme/absent@v3", "acme/inner/bad@main", "acme/inner/nowhere@main",
			"acme/inner/.github/workflows/ci.yml@main", "acme/inner/.github/workflows/no.yml@main", "acme/node@other", "acme/absent@v3"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range found.Missing {
			names = append(names, m.Ref.String())
		}
		want := []string{"acme/deep@v2", "acme/gone@v1", "acme/absent@v3", "acme/inner/bad@main", "acme/inner/nowhere@main", "acme/inner/.github/workflows/no.yml@main", "acme/node@other"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff([]string{"busybox", "alpine:3"}, found.Images); diff != "" {
			t.Error(diff)
		}
		if len(found.Node) != 1 || found.Node[0] != Node20 || len(found.Builds) != 1 || found.Builds[0].Repository != "acme/docker" {
			t.Errorf("node %v builds %v", found.Node, found.Builds)
		}
		for i, parts := range [][]string{
			{"acme/deep@v2 (used by acme/outer@main > acme/inner/sub@main)", "never resolved here", "--local-repository acme/deep@v2=PATH"},
			{"(used by acme/outer@main)", "run once without --offline"},
			{"never resolved here"},
			{"'using: fortran' is not supported"},
			{"'action.yml', 'action.yaml', 'Dockerfile', 'dockerfile'", `"nowhere"`},
			{"no such file"},
		} {
			for _, part := range parts {
				if text := found.Missing[i].String(); !strings.Contains(text, part) {
					t.Errorf("%q lacks %q", text, part)
				}
			}
		}
	}
	if f.asked.Load()+f.fetched.Load() != 0 {
		t.Error("the network was used")
	}
	if got := NewStore(o).Plan(t.Context(), refs(t, "acme/node@main", "./x", "$/y")); len(got) != 0 {
		t.Errorf("nothing is missing, but: %v", got)
	}
}

func TestOfflineResolve(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	o := Options{Dir: t.TempDir(), ServerURL: srv.url(), Offline: true, Fetcher: srv.fetcher()}
	for _, uses := range []string{"acme/tool@main", "acme/tool@" + sha} {
		_, err := NewStore(o).Resolve(t.Context(), mustRef(t, uses))
		if !IsKind(err, KindMissing) || !strings.Contains(err.Error(), "--local-repository "+uses+"=PATH") {
			t.Errorf("%s: %v", uses, err)
		}
	}
	o.Offline = false
	mustResolve(t, NewStore(o), "acme/tool@main")
	o.Offline, o.Refresh = true, true
	if r := mustResolve(t, NewStore(o), "acme/tool@main"); r.SHA != sha || len(r.Warnings) > 0 {
		t.Errorf("%+v", r)
	}
}
