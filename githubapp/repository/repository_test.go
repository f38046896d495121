package repository_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
)

const folder = repository.WorkflowFolder + "/"

type world struct {
	*repository.Reader
	t      *testing.T
	github *githubtest.GitHub
	app    *auth.App
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, github: githubtest.New(t)}
	app := w.github.App()
	var err error
	if w.app, err = auth.New(auth.Options{AppID: app.ID, PrivateKey: app.PrivateKey, Address: w.github.URL()}); err != nil {
		t.Fatal(err)
	}
	w.Reader = repository.New(repository.Options{Clients: w.app.Installation})
	return w
}

func (w *world) ref(r *githubtest.Repository) repository.Ref {
	return repository.Ref{Installation: w.github.Installation(r.Owner()).ID, ID: store.RepositoryID(r.ID), Owner: r.Owner(), Name: r.Name}
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{
		folder + "b.yml": "b", folder + "a.yaml": "a", folder + "notes.md": "no", folder + "sub/c.yml": "no", folder + "D.YML": "no",
		folder + "huge.yml": strings.Repeat("x", repository.MaxFile+1), "README.md": "hi",
	})
	sha := r.Head("refs/heads/main")
	files, err := w.Workflows(t.Context(), w.ref(r), sha)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%s %q %d", strings.TrimPrefix(f.Path, folder), f.Data, f.Size))
	}
	if want := []string{`a.yaml "a" 1`, `b.yml "b" 1`, `huge.yml "" 1048578`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if data, err := w.File(t.Context(), w.ref(r), sha, "README.md"); err != nil || string(data) != "hi" {
		t.Errorf("%q %v", data, err)
	}
	for path, kind := range map[string]repository.Kind{
		folder + "none.yml": repository.NoFile, "no/such/folder": repository.NoFile, folder + "huge.yml": repository.TooLarge, folder + "sub": repository.NoFile, "../../x": repository.NoFile,
	} {
		if _, err := w.File(t.Context(), w.ref(r), sha, path); repository.KindOf(err) != kind {
			t.Errorf("%s: %v, want %s", path, err, kind)
		}
	}
	bare := w.github.Repository("octo/bare", githubtest.Files{"a": "1"})
	if files, err := w.Workflows(t.Context(), w.ref(bare), bare.Head("refs/heads/main")); err != nil || len(files) != 0 {
		t.Errorf("%v %v", files, err)
	}
	if _, err := w.Workflows(t.Context(), w.ref(bare), sha); repository.KindOf(err) != repository.NoCommit {
		t.Errorf("a commit of elsewhere: %v", err)
	}
	if _, err := w.Workflows(t.Context(), w.ref(bare), "main; rm -rf"); repository.KindOf(err) != repository.NoCommit {
		t.Errorf("no commit: %v", err)
	}
}

func TestRefused(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	ref, sha := w.ref(r), r.Head("refs/heads/main")
	other := ref
	other.ID++
	if _, err := w.About(t.Context(), other); repository.KindOf(err) != repository.Gone {
		t.Errorf("another repository has the name: %v", err)
	}
	for _, name := range []string{"..", "a/b", "", "x y", "a?b", strings.Repeat("x", 101)} {
		bad := ref
		bad.Name = name
		if _, err := w.About(t.Context(), bad); repository.KindOf(err) != repository.Malformed {
			t.Errorf("%q: %v", name, err)
		}
	}
	r.Delete()
	if _, err := w.Workflows(t.Context(), ref, sha); repository.KindOf(err) != repository.Gone {
		t.Errorf("deleted: %v", err)
	}
	again := w.github.Repository("asleep/demo", githubtest.Files{"a": "1"})
	w.github.Suspend("asleep", true)
	_, err := w.Workflows(t.Context(), w.ref(again), again.Head("refs/heads/main"))
	if repository.KindOf(err) != repository.NoAccess {
		t.Errorf("suspended: %v", err)
	}
	w.github.Faults(githubtest.Faults{Away: true})
	ctx, cancel := context.WithTimeout(t.Context(), 300e6)
	defer cancel()
	healthy := w.github.Repository("octo/other", githubtest.Files{"a": "1"})
	if _, err := w.About(ctx, w.ref(healthy)); err == nil || repository.KindOf(err) != "" {
		t.Errorf("GitHub is away: %v", err)
	}
	w.github.Faults(githubtest.Faults{})
}

func TestRefsAndChanges(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1\n", "b": "1\n"})
	ref, first := w.ref(r), r.Head("refs/heads/main")
	second := r.Push("main", githubtest.Files{"a": "2\n"}, "two\n\nbody")
	topic := r.Push("topic/x#1%41", githubtest.Files{"b": "2\n", "c": "1\n"}, "side")
	r.Tag("v1", first)
	for name, want := range map[string]string{
		"refs/heads/main": second, "refs/heads/topic/x#1%41": topic, "refs/tags/v1": first, "main": second, "v1": first, first: first,
	} {
		if got, err := w.Resolve(t.Context(), ref, name); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"", "nowhere", "refs/heads/v1", "a\nb", strings.Repeat("0", 40)} {
		if _, err := w.Resolve(t.Context(), ref, name); repository.KindOf(err) != repository.NoCommit {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got, err := w.Message(t.Context(), ref, second); err != nil || got != "two\n\nbody" {
		t.Errorf("%q %v", got, err)
	}
	gone := strings.Repeat("ab", 20)
	for _, tc := range []struct {
		base, head string
		fork       bool
		want       string
		known      bool
	}{
		{first, second, false, "a", true},
		{second, first, false, "a", true}, // set back
		{second, first, true, "", true},   // nothing since it left
		{second, topic, true, "b c", true},
		{first, first, false, "", true},
		{gone, second, false, "", false},
		{"", second, false, "", false},
	} {
		files, known, err := w.Changed(t.Context(), ref, tc.base, tc.head, tc.fork)
		slices.Sort(files)
		if err != nil || known != tc.known || strings.Join(files, " ") != tc.want {
			t.Errorf("%.4s..%.4s fork=%t: %q %t %v, want %q %t", tc.base, tc.head, tc.fork, files, known, err, tc.want, tc.known)
		}
	}
}

func TestPeopleAndRules(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	r.Collaborator("mona", "write")
	r.Collaborator("boss", "admin")
	r.Protect("main")
	r.Push("topic", githubtest.Files{"b": "1"}, "x")
	ref := w.ref(r)
	for login, want := range map[string]string{"mona": "write", "boss": "admin", "": "none", "no/../body": "none"} {
		level, person, err := w.Permission(t.Context(), ref, login)
		if err != nil || level != want || want != "none" && (person.Login != login || person.ID == 0) {
			t.Errorf("%q: %q %v %v, want %q", login, level, person, err, want)
		}
	}
	w.github.Team("octo", "ops", "mona")
	_, mona, err := w.Permission(t.Context(), ref, "mona")
	if err != nil {
		t.Fatal(err)
	}
	_, boss, _ := w.Permission(t.Context(), ref, "boss")
	for _, tt := range []struct {
		team string
		by   store.Actor
		want bool
	}{
		{"ops", mona, true}, {"ops", boss, false}, {"other", mona, false}, {"../ops", mona, false},
		{"ops", store.Actor{ID: mona.ID + 1, Login: "mona"}, false}, {"ops", store.Actor{Login: "mona"}, false},
	} {
		if got, err := w.Member(t.Context(), ref, tt.team, tt.by); err != nil || got != tt.want {
			t.Errorf("%v in %q: %t %v", tt.by, tt.team, got, err)
		}
	}
	for branch, want := range map[string]bool{"main": true, "topic": false, "gone": false} {
		if got, err := w.Protected(t.Context(), ref, branch); err != nil || got != want {
			t.Errorf("%s: %t %v", branch, got, err)
		}
	}
	branches, whole, err := w.Branches(t.Context(), ref, 10)
	if err != nil || !whole || len(branches) != 2 || branches[0].Name != "main" || !branches[0].Protected || branches[1].SHA == "" {
		t.Errorf("%+v %t %v", branches, whole, err)
	}
	if some, whole, err := w.Branches(t.Context(), ref, 1); err != nil || whole || len(some) != 1 {
		t.Errorf("%+v %t %v", some, whole, err)
	}
	r.PullRequest(githubtest.Pull{Head: "topic", Title: "x"})
	pulls, err := w.OpenPulls(t.Context(), ref, 10)
	if err != nil || len(pulls) != 1 || pulls[0].Number != 1 || pulls[0].HeadRef != "topic" || !pulls[0].Open || !json.Valid(pulls[0].Raw) {
		t.Errorf("%+v %v", pulls, err)
	}
	pull, err := w.Pull(t.Context(), ref, "1")
	if err != nil || pull.Mergeable != nil && *pull.Mergeable && pull.MergeSHA != r.Head("refs/pull/1/merge") {
		t.Errorf("%+v %v", pull, err)
	}
	if _, err := w.Pull(t.Context(), ref, "9"); repository.KindOf(err) != repository.NoFile {
		t.Errorf("%v", err)
	}
	if e, err := w.Environment(t.Context(), ref, "a/../b"); err != nil || e.Reviewers != nil {
		t.Errorf("%+v %v", e, err)
	}
}

// odd is a GitHub that answers as a test says; it counts requests.
type odd struct {
	mu      sync.Mutex
	answers map[string]any // by path and query: a string is raw, an int a status
	asked   map[string]int
}

func (o *odd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := strings.TrimPrefix(r.URL.RequestURI(), "/repos/o/r")
	o.asked[key]++
	switch a := o.answers[key].(type) {
	case nil:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"Not Found"}`)
	case int:
		w.WriteHeader(a)
		fmt.Fprint(w, `{"message":"x"}`)
	case string:
		fmt.Fprint(w, a)
	default:
		_ = json.NewEncoder(w).Encode(a)
	}
}

func newOdd(t *testing.T, limit int, answers map[string]any) (*odd, *repository.Reader) {
	t.Helper()
	o := &odd{answers: answers, asked: map[string]int{}}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	client := github.NewClient(nil)
	client.BaseURL, _ = url.Parse(server.URL + "/")
	return o, repository.New(repository.Options{CacheBytes: limit, Clients: func(int64) (*github.Client, error) { return client, nil }})
}

func blobName(text string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text))
	return hex.EncodeToString(sum[:])
}

type object = map[string]any

var here = repository.Ref{Owner: "o", Name: "r"}

// TestListing: links, submodules and contents that are not what their name says.
func TestListing(t *testing.T) {
	sha, liar := strings.Repeat("a1", 20), strings.Repeat("b2", 20)
	file := func(name, kind, sha string, size int) object {
		return object{"name": name, "path": folder + name, "type": kind, "sha": sha, "size": size}
	}
	module := file("module.yml", "file", liar, 0)
	module["submodule_git_url"] = "https://example.com/x"
	list := []object{file("a.yml", "file", blobName("a"), 1), file("link.yml", "symlink", liar, 3), file("dir.yml", "dir", liar, 0), module, file("b.yml", "file", blobName("a"), 1)}
	const address = "/contents/.github/workflows?ref="
	o, reader := newOdd(t, 0, map[string]any{
		address + sha: list, "/git/blobs/" + blobName("a"): "a",
		address + liar: []object{file("x.yml", "file", liar, 1)}, "/git/blobs/" + liar: "other",
		address + blobName("c"):                          object{"type": "symlink", "path": ".github/workflows"}, // the folder itself is a link
		"/compare/" + sha + "..." + liar + "?per_page=1": 500,
	})
	for range 2 {
		files, err := reader.Workflows(t.Context(), here, sha)
		if err != nil || len(files) != 2 || string(files[0].Data) != "a" {
			t.Fatalf("%+v %v", files, err)
		}
	}
	if o.asked[address+sha] != 1 || o.asked["/git/blobs/"+blobName("a")] > 2 {
		t.Errorf("asked again for what is known: %v", o.asked)
	}
	if _, err := reader.Workflows(t.Context(), here, liar); err == nil || !strings.Contains(err.Error(), "GitHub gave content") {
		t.Errorf("%v", err)
	}
	if files, err := reader.Workflows(t.Context(), here, blobName("c")); err != nil || len(files) != 0 {
		t.Errorf("%v %v", files, err)
	}
	// GitHub could not make the diff in time: then nobody knows.
	if _, known, err := reader.Changed(t.Context(), here, sha, liar, true); err != nil || known {
		t.Errorf("%t %v", known, err)
	}
}

// TestCacheBound: what was read last stays, within the bound.
func TestCacheBound(t *testing.T) {
	answers := map[string]any{}
	sha := func(n int) string { return fmt.Sprintf("%040x", n+1) }
	for n := range 50 {
		text := strings.Repeat(string(rune('a'+n%26)), 1000+n)
		answers["/contents/.github/workflows?ref="+sha(n)] = []object{{"name": "a.yml", "path": folder + "a.yml", "type": "file", "sha": blobName(text), "size": len(text)}}
		answers["/git/blobs/"+blobName(text)] = text
	}
	o, reader := newOdd(t, 20_000, answers)
	read := func(n int) {
		t.Helper()
		if files, err := reader.Workflows(t.Context(), here, sha(n)); err != nil || len(files) != 1 || len(files[0].Data) != 1000+n {
			t.Fatalf("%d: %v", n, err)
		}
	}
	for n := range 50 {
		read(n)
		read(0) // stays in use
	}
	if got := o.asked["/contents/.github/workflows?ref="+sha(0)]; got != 1 {
		t.Errorf("what is in use was dropped: asked %d times", got)
	}
	read(1)
	if got := o.asked["/contents/.github/workflows?ref="+sha(1)]; got != 2 {
		t.Errorf("the cache is not bounded: asked %d times", got)
	}
}

func TestEnvironment(t *testing.T) {
	_, reader := newOdd(t, 0, map[string]any{
		"/environments/prod%2Feu": object{
			"protection_rules": []object{
				{"type": "wait_timer", "wait_timer": 30},
				{"type": "required_reviewers", "prevent_self_review": true, "reviewers": []object{
					{"type": "User", "reviewer": object{"id": 5, "login": "mona"}}, {"type": "Team", "reviewer": object{"id": 6, "slug": "ops"}},
				}},
				{"type": "branch_policy"},
			},
			"deployment_branch_policy": object{"protected_branches": false, "custom_branch_policies": true},
		},
		"/environments/prod%2Feu/deployment-branch-policies?per_page=100&page=1": object{"branch_policies": []object{{"name": "release/*"}, {"name": "v*", "type": "tag"}}},
		"": object{"id": 1},
	})
	e, err := reader.Environment(t.Context(), here, "prod/eu")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(e)
	const want = `{"Wait":1800000000000,"Reviewers":[{"Team":false,"ID":5,"Name":"mona"},{"Team":true,"ID":6,"Name":"ops"}],"PreventSelfReview":true,"ProtectedOnly":false,"Patterns":[{"Tag":false,"Pattern":"release/*"},{"Tag":true,"Pattern":"v*"}]}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	if e, err := reader.Environment(t.Context(), here, "other"); err != nil || e.Wait != 0 || e.Patterns != nil {
		t.Errorf("%+v %v", e, err)
	}
}
