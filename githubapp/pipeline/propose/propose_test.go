package propose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

func TestServices(t *testing.T) {
	all, err := Services(t.Context(), tree.Memory{
		"go.mod":                "module m",
		"cmd/Web App/main.go":   "package main",
		"cmd/tool/main.go":      "// Tool.\npackage main",
		"lib/lib.go":            "package lib",
		"svc/api/Dockerfile":    "FROM scratch\nCOPY svc/api/x /",
		"svc/api/x":             "",
		"svc/api/main.go":       "package main",
		"a/api/Dockerfile":      "FROM scratch\nCOPY x /",
		"a/api/x":               "",
		"testdata/x/main.go":    "package main",
		".hidden/x/Dockerfile":  "FROM scratch",
		"vendor/v/cmd/main.go":  "package main",
		"cmd/only/main_test.go": "package main",
	}, "top")
	if err != nil {
		t.Fatal(err)
	}
	want := `services:
  api:
    path: a/api
    image: r.example/conf/api
  web-app:
    path: 'cmd/Web App'
    build: ko
    image: r.example/conf/web-app
  tool:
    path: cmd/tool
    build: ko
    image: r.example/conf/tool
  svc-api:
    path: svc/api
    build:
      dockerfile: svc/api/Dockerfile
      context: .
    image: r.example/conf/svc-api
`
	text := Text(all, "r.example/conf")
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	if _, found := declaration.Parse("f", []byte(text)); found.HasErrors() {
		t.Error(found.Err())
	}
	top, err := Services(t.Context(), tree.Memory{"Dockerfile": "FROM scratch", "go.mod": "module m", "cmd/x/main.go": "package main"}, "My Repo")
	if err != nil || len(top) != 1 || top[0].Name != "my-repo" || top[0].Path != "." {
		t.Errorf("%+v, %v", top, err)
	}
}

// The sample's own declaration is what is proposed for it, but for what only people
// know.
func TestSample(t *testing.T) {
	root := filepath.Join("..", "..", "..", "examples", "monorepo")
	files := tree.Memory{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := Services(t.Context(), files, "conference")
	if err != nil {
		t.Fatal(err)
	}
	declared, _ := declaration.Parse("drydock.yaml", []byte(files["drydock.yaml"]))
	proposed, found := declaration.Parse("proposal", []byte(Text(all, "localhost:5000/conference")))
	if found.HasErrors() || len(proposed.List) != len(declared.List) {
		t.Fatal(found.Err(), proposed.Names())
	}
	for _, s := range declared.List {
		other := proposed.Lookup(s.Name.Text)
		if other == nil {
			t.Errorf("%q is not proposed", s.Name.Text)
			continue
		}
		for _, key := range s.Differs(other) {
			if key != "watch" && key != "depends-on" && key != "tags" {
				t.Errorf("%s of %q differs: %+v", key, s.Name.Text, other)
			}
		}
	}
}
