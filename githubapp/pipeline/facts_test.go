package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

func TestVersions(t *testing.T) {
	r := treetest.New(t)
	first := r.Commit("first")
	services, _ := declaration.Parse("f", []byte("services:\n  a: {path: a, image: a}\n  b: {path: b, image: b, tags: ['${version}', '${next}', stable]}\n"))
	of := func(sha, branch string, pull int) string {
		t.Helper()
		v, err := pipeline.NewVersions(t.Context(), tree.Open(r.Dir), sha, branch, pull)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, s := range services.List {
			version, tags, err := v.Of(s)
			if err != nil {
				t.Fatal(err)
			}
			if alone, err := v.Tags(s); err != nil || !slices.Equal(alone, tags) {
				t.Errorf("tags alone: %q, %v, want %q", alone, err, tags)
			}
			all = append(all, version+" "+strings.Join(tags, ","))
		}
		return strings.Join(all, "; ")
	}
	want := func(got, text string) {
		t.Helper()
		if text = strings.NewReplacer("FIRST", first[:7]).Replace(text); got != text {
			t.Errorf("%s\nwant %s", got, text)
		}
	}
	want(of(first, "main", 0), "0.0.1-1.gFIRST FIRST,main; 0.0.1-1.gFIRST 0.0.1-1.gFIRST,stable")
	r.Git("tag", "v1.2.0")
	r.Git("tag", "-a", "b/v3.0.0-rc.1", "-m", "b")
	want(of(first, "", 7), "1.2.0 FIRST,1.2.0,pr-7; 3.0.0-rc.1 3.0.0-rc.1,stable")
	second := r.Commit("second")
	got := of(second, "feature/x", 0)
	want(strings.ReplaceAll(got, second[:7], "SECOND"), "1.2.1-1.gSECOND SECOND,feature-x; 3.0.0-rc.1.1.gSECOND 3.0.0-rc.1.1.gSECOND,stable")
	if at, err := tree.Open(r.Dir).Time(t.Context(), second); err != nil || !at.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("%s, %v", at, err)
	}
	if branch, err := tree.Open(r.Dir).Branch(t.Context()); branch != "main" || err != nil {
		t.Errorf("%q, %v", branch, err)
	}
	r.Git("checkout", "-q", "--detach")
	if branch, err := tree.Open(r.Dir).Branch(t.Context()); branch != "" || err != nil {
		t.Errorf("%q, %v", branch, err)
	}
}
