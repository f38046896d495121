package affected_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

func conference(t testing.TB) (*treetest.Repository, string) {
	t.Helper()
	r := treetest.New(t)
	r.Copy(filepath.Join("..", "..", "..", "examples", "monorepo"))
	return r, r.Commit("The conference")
}

// decide reads the commit after as the server does, from a repository without a
// working copy in mind.
func decide(t testing.TB, dir, before, after string) []affected.Decision {
	t.Helper()
	ctx := t.Context()
	repository := tree.Open(dir)
	change, err := repository.Push(ctx, before, after)
	if err != nil {
		t.Fatal(err)
	}
	commit := repository.Commit(after)
	defer commit.Close()
	decisions, err := affected.Decide(ctx, affected.Input{
		Services: declared(t, commit), Change: change, Tree: commit,
		Before: func(context.Context) (*declaration.Services, error) {
			old := repository.Commit(change.Base)
			defer old.Close()
			return declared(t, old), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return decisions
}

func declared(t testing.TB, at tree.Tree) *declaration.Services {
	t.Helper()
	src, err := at.Read(t.Context(), declaration.FileName)
	if err != nil {
		t.Fatal(err)
	}
	services, found := declaration.Parse(declaration.FileName, src)
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return services
}

// built are the services that are built, with the reasons.
func built(decisions []affected.Decision) []string {
	all := []string{}
	for _, d := range decisions {
		if d.Decision == affected.Build {
			all = append(all, d.Name+": "+d.Reason)
		}
		if d.Problem != "" {
			all = append(all, "problem: "+d.Problem)
		}
	}
	return all
}

func TestConference(t *testing.T) {
	r, base := conference(t)
	first := decide(t, r.Dir, tree.NoSHA, base)
	if all := built(first); len(first) != 8 || len(all) != 8 || all[0] != "agenda: first push: there is nothing before it" {
		t.Errorf("first push: %q", all)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		run   []string // of git, after the files
		want  []string
	}{
		{"shared package", map[string]string{"internal/talk/talk.go": "package talk\n"}, nil, []string{
			"agenda: internal/talk/talk.go (Go import example.com/conference/internal/talk)",
			"c4p: internal/talk/talk.go (Go import example.com/conference/internal/talk)",
			"notifications: internal/talk/talk.go (Go import example.com/conference/internal/talk)",
		}},
		{"its test", map[string]string{"internal/talk/talk_test.go": "package talk\n"}, nil, []string{}},
		{"README", map[string]string{"README.md": "x", "services/agenda/README.md": "x", "services/frontend/README.md": "x"}, nil, []string{}},
		{"one service", map[string]string{"services/tickets/ticket.txt": "x"}, nil, []string{"tickets: services/tickets/ticket.txt (path services/tickets)"}},
		{"an image that another copies from", map[string]string{"services/assets/style.css": "x"}, nil, []string{
			"assets: services/assets/style.css (path services/assets)",
			`admin: depends on "assets", which is built: services/assets/style.css (path services/assets)`,
		}},
		{"a new page", map[string]string{"services/frontend/talks.html": "x"}, nil, []string{"frontend: services/frontend/talks.html (path services/frontend)"}},
		{"module", map[string]string{"go.mod": "module example.com/conference\n\ngo 1.25\n"}, nil, []string{
			"agenda: go.mod (module in .)", "c4p: go.mod (module in .)", "notifications: go.mod (module in .)", "gateway: go.mod (module in .)", "tickets: go.mod (module in .)",
		}},
		{"a renamed folder", nil, []string{"mv", "internal/web", "internal/http"}, []string{
			"agenda: internal/web/web.go (Go import example.com/conference/internal/web)",
			"c4p: internal/web/web.go (Go import example.com/conference/internal/web)",
			"gateway: internal/web/web.go (Go import example.com/conference/internal/web)",
		}},
		{"nothing", nil, nil, []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.Git("checkout", "-q", "-f", "--detach", base)
			r.Write(tt.files)
			if tt.run != nil {
				r.Git(tt.run...)
			}
			after := r.Commit(tt.name)
			if diff := cmp.Diff(tt.want, built(decide(t, r.Dir, base, after))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConferenceDeclaration(t *testing.T) {
	r, base := conference(t)
	file := filepath.Join(r.Dir, "drydock.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(src), "image: localhost:5000/conference/gateway", "image: localhost:5000/conference/door", 1)
	r.Write(map[string]string{"drydock.yaml": "# a remark\n" + text})
	after := r.Commit("another name")
	if diff := cmp.Diff([]string{`gateway: drydock.yaml (the service's "image" is new)`}, built(decide(t, r.Dir, base, after))); diff != "" {
		t.Error(diff)
	}
	// The path of a service is moved, but not what is declared.
	r.Git("mv", "services/gateway", "services/door")
	moved := r.Commit("moved")
	got := built(decide(t, r.Dir, after, moved))
	if len(got) != 2 || !strings.Contains(got[1], `The path of service "gateway" does not exist: "services/gateway"`) {
		t.Errorf("%q", got)
	}
}

// large is a repository with 20,000 files and the conference in it.
func large(b *testing.B) (*treetest.Repository, string) {
	b.Helper()
	r, _ := conference(b)
	files := map[string]string{}
	for i := range 20_000 {
		files[fmt.Sprintf("data/%02d/%02d/file%d.txt", i%50, i/50%40, i)] = fmt.Sprint(i)
	}
	r.Write(files)
	return r, r.Commit("20,000 files")
}

// What drydock build does on a laptop when nothing is affected: here, one file
// that no service is made from has changed.
func BenchmarkNothingAffected(b *testing.B) {
	r, base := large(b)
	r.Write(map[string]string{"data/00/00/file0.txt": "changed"})
	for b.Loop() {
		started := time.Now()
		repository := tree.Open(r.Dir)
		working := repository.Working(r.Dir)
		services := declared(b, working)
		change, err := working.Change(b.Context(), base)
		if err != nil {
			b.Fatal(err)
		}
		decisions, err := affected.Decide(b.Context(), affected.Input{Services: services, Change: change, Tree: working})
		if err != nil || len(built(decisions)) != 0 || len(change.Files) != 1 {
			b.Fatal(built(decisions), change, err)
		}
		if took := time.Since(started); took > 2*time.Second {
			b.Fatalf("it took %s", took)
		}
	}
}
