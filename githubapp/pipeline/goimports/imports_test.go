package goimports

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

// monorepo has a module, a workspace with a second one, and a replaced third.
var monorepo = map[string]string{
	"go.work":                     "go 1.24\nuse (\n\t.\n\t./tools\n)\n",
	"go.mod":                      "module example.com/conf\n\ngo 1.24\n\nrequire example.com/third v0.0.0\nreplace example.com/third => ./third_party/third\n",
	"third_party/third/go.mod":    "module example.com/third\n\ngo 1.24\n",
	"third_party/third/t.go":      "package third\n",
	"tools/go.mod":                "module example.com/tools\n\ngo 1.24\n",
	"tools/lib/lib.go":            "package lib\n",
	"cmd/a/main.go":               "package main\n\nimport (\n\t_ \"example.com/conf/lib/x\"\n\t_ \"example.com/tools/lib\"\n\t_ \"fmt\"\n)\n\nfunc main() {}\n",
	"cmd/a/main_test.go":          "package main\n\nimport _ \"example.com/conf/lib/testonly\"\n",
	"cmd/b/main.go":               "package main\n\nimport _ \"example.com/third\"\n\nfunc main() {}\n",
	"cmd/b/kodata/page.html":      "page",
	"lib/x/x.go":                  "package x\n\nimport (\n\t_ \"embed\"\n\t_ \"example.com/conf/lib/y\"\n)\n\n//go:embed templates/*.html all:static \"with space.txt\"\nvar s string\n",
	"lib/x/x_windows.go":          "package x\n\nimport _ \"example.com/conf/lib/windows\"\n",
	"lib/x/templates/a.html":      "a",
	"lib/x/static/deep/b.css":     "b",
	"lib/x/with space.txt":        "c",
	"lib/x/README.md":             "not built",
	"lib/y/y.go":                  "package y\n",
	"lib/windows/w.go":            "package windows\n",
	"lib/testonly/t.go":           "package testonly\n",
	"lib/unused/u.go":             "package unused\n",
	"README.md":                   "read me",
	"lib/y/internal/sub/other.go": "package sub\n",
}

func TestMatch(t *testing.T) {
	a, err := Analyze(t.Context(), tree.Memory(monorepo), "cmd/a")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"cmd/a", "lib/windows", "lib/x", "lib/y", "tools/lib"}
	if diff := cmp.Diff(want, a.Packages()); diff != "" {
		t.Error(diff)
	}
	for file, want := range map[string]string{
		"cmd/a/main.go": "Go main package cmd/a", "cmd/a/new.go": "Go main package cmd/a", "lib/x/x.go": "Go import example.com/conf/lib/x",
		"lib/x/templates/a.html": "//go:embed templates/*.html in lib/x", "lib/x/templates/new.html": "//go:embed templates/*.html in lib/x",
		"lib/x/static/deep/b.css": "//go:embed static in lib/x", "lib/x/with space.txt": "//go:embed with space.txt in lib/x",
		"lib/x": "folder of Go import example.com/conf/lib/x became a file or was one", "lib/windows/w.go": "Go import example.com/conf/lib/windows",
		"go.mod": "module in .", "go.sum": "module in .", "go.work": "Go module in .", "lib/go.mod": "Go module in lib", "tools/go.mod": "module in tools",
		"vendor/modules.txt": "vendored modules of .", ".ko.yaml": "settings of ko", "cmd/a/kodata/x": "kodata of cmd/a", "lib/y/asm.s": "Go import example.com/conf/lib/y",
		"cmd/a/main_test.go": "", "lib/testonly/t.go": "", "lib/unused/u.go": "", "README.md": "", "lib/x/README.md": "", "lib/y/internal/sub/other.go": "",
		"cmd/b/main.go": "", "third_party/third/t.go": "", "other/go.mod": "", "lib/x/templates/deep/a.html": "",
	} {
		rule, ok := a.Match(file)
		if rule != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", file, rule, ok, want)
		}
	}
	b, err := Analyze(t.Context(), tree.Memory(monorepo), "cmd/b")
	if err != nil {
		t.Fatal(err)
	}
	if rule, ok := b.Match("third_party/third/t.go"); !ok || rule != "Go import example.com/third" {
		t.Errorf("a replaced module: %q, %v", rule, ok)
	}
}

// What the go tool builds from is among what Match names.
func TestAgainstGoList(t *testing.T) {
	r := treetest.New(t)
	r.Write(monorepo)
	for _, main := range []string{"cmd/a", "cmd/b"} {
		in, err := Analyze(t.Context(), tree.Open(r.Dir).Working(r.Dir), main)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}\n{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}\n{{end}}{{end}}", "./"+main)
		cmd.Dir = r.Dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=", "GOTOOLCHAIN=local")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		files := strings.Fields(strings.ReplaceAll(string(out), "with space", "with_space"))
		if len(files) < 2 {
			t.Fatalf("go list: %s", out)
		}
		for _, file := range files {
			file, err := filepath.Rel(r.Dir, strings.ReplaceAll(file, "with_space", "with space"))
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := in.Match(filepath.ToSlash(file)); !ok {
				t.Errorf("%s is built from %s, which does not match", main, file)
			}
		}
	}
}

// many are sources of 15 MiB each, one text in memory.
func many(n int) tree.Memory {
	files, text := tree.Memory{"go.mod": "module m"}, "package main\nvar _ = `"+strings.Repeat("x", 15<<20)+"`"
	for i := range n {
		files[fmt.Sprintf("m/f%d.go", i)] = text
	}
	return files
}

// limited is a tree with files that are too large.
type limited struct{ tree.Memory }

const large = "large"

func (l limited) Read(ctx context.Context, path string) ([]byte, error) {
	if l.Memory[path] == large {
		return nil, fmt.Errorf("read %q: %w", path, tree.ErrFileTooLarge)
	}
	return l.Memory.Read(ctx, path)
}

func TestDoubts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files tree.Memory
		match string
		doubt string
	}{
		{"large source", tree.Memory{"go.mod": "module m", "m/main.go": "package main", "m/table.go": large}, "other/x.go", "larger than"},
		{"large module", tree.Memory{"go.mod": large, "m/main.go": "package main"}, "other/x.go", "larger than"},
		{"large workspace", tree.Memory{"go.work": large, "go.mod": "module m", "m/main.go": "package main"}, "other/x.go", "larger than"},
		{"large assembly", tree.Memory{"go.mod": "module m", "m/main.go": "package main", "m/a.s": large}, "other/x.go", "larger than"},
		{"module behind a link to nothing", tree.Memory{"go.mod": "-> gone", "m/main.go": "package main"}, "x", "no go.mod at or above"},
		{"workspace behind a link to nothing", tree.Memory{"go.work": "-> gone", "go.mod": "module m", "m/main.go": "package main"}, "go.work", ""},
		{"folder called go.mod", tree.Memory{"m/go.mod/x": "", "go.mod": "module m", "m/main.go": "package main\nimport _ \"m/lib\"", "lib/l.go": "package lib"}, "lib/l.go", ""},
		{"source behind a link to nothing", tree.Memory{"go.mod": "module m", "m/main.go": "package main", "m/x.go": "-> ../sub/x.go"}, "sub", "to nothing that git knows"},
		{"workspace of a missing folder", tree.Memory{"go.work": "use (\n.\n./sub\n)", "go.mod": "module m", "m/main.go": "package main\nimport _ \"sub/pkg\""}, "sub", "no go.mod in sub"},
		{"replaced by a missing folder", tree.Memory{"go.mod": "module m\nreplace o => ./sub", "m/main.go": "package main\nimport _ \"o/pkg\""}, "lib/l.go", "no go.mod in sub"},
		{"workspace of a link", tree.Memory{"go.work": "use (\n.\n./l\n)", "l": "-> real", "real/go.mod": "module lib\nrequire o v0.0.0\nreplace o => ./o", "real/x/x.go": "package x", "go.mod": "module m", "m/main.go": "package main\nimport _ \"lib/x\"", "real/o/go.mod": "module o"}, "real/x/x.go", ""},
		{"replaced by a link", tree.Memory{"go.mod": "module m\nreplace o => ./l", "l": "-> real", "real/go.mod": "module other", "real/x/x.go": "package x", "m/main.go": "package main\nimport _ \"o/x\""}, "real/x/x.go", ""},
		{"module behind a link", tree.Memory{"go.mod": "-> etc/go.mod", "etc/go.mod": "module m", "m/main.go": "package main\nimport _ \"m/lib\"", "lib/l.go": "package lib"}, "etc/go.mod", ""},
		{"replaced again", tree.Memory{"go.mod": "module m\nreplace o => ./o", "m/main.go": "package main", "o/go.mod": "module o\nreplace p => ../../p"}, "o/go.mod", ""},
		{"replaced and in the workspace", tree.Memory{"go.work": "use (\n.\n./o\n)", "go.mod": "module m\nreplace o => ./o", "m/main.go": "package main\nimport _ \"p/x\"", "o/go.mod": "module o\nrequire p v1.0.0\nreplace p => ../p", "p/go.mod": "module p", "p/x/x.go": "package x"}, "p/x/x.go", ""},
		{"nested module that is fetched", tree.Memory{"go.mod": "module m\nrequire m/sdk v1.0.0", "m/main.go": "package main\nimport _ \"m/sdk/x\""}, "sdk/x/x.go", ""},
		{"above a link", tree.Memory{"m": "-> a/m", "go.mod": "module outer", "lib/l.go": "package lib", "a/go.mod": "module inner", "a/m/main.go": "package main\nimport _ \"outer/lib\""}, "lib/l.go", ""},
		{"vendor is a link", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport _ \"example.com/v\"", "vendor": "-> third", "third/example.com/v/v.go": "package v"}, "third/example.com/v/v.go", ""},
		{"vendored by a link", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport _ \"example.com/v/x\"", "vendor/example.com/v": "-> ../../staging/v", "staging/v/x/v.go": "package v"}, "staging/v/x/v.go", ""},
		{"file that a link leads to", tree.Memory{"go.mod": "module m", "m/main.go": "package main", "m/x.go": "-> ../gen/x.txt", "gen/x.txt": "package main"}, "gen/x.txt", ""},
		{"cgo beside the module", tree.Memory{"go/go.mod": "module m", "m": "-> go/m", "go/m/main.go": "package main\n// #cgo CFLAGS: -I../../c\nimport \"C\""}, "c/x.h", ""},
		{"assembly that includes", tree.Memory{"go.mod": "module m", "m/main.go": "package main", "m/a.s": "#include \"../shared/macros.h\"\n"}, "shared/macros.h", ""},
		{"much source", many(40), "other/x.go", "bytes of Go"},
		{"embedded by many", tree.Memory{"go.mod": "module m", "m/main.go": "package main\n//go:embed" + strings.Repeat(" f", 1001)}, "m/any/file", ""},
		{"no module", tree.Memory{"m/main.go": "package main"}, "other/x.go", "no go.mod"},
		{"broken source", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport ("}, "other/x.go", "does not parse"},
		{"broken module", tree.Memory{"go.mod": "module", "m/main.go": "package main"}, "other/x.go", "cannot be read"},
		{"broken workspace", tree.Memory{"go.work": "uses x", "go.mod": "module m", "m/main.go": "package main"}, "x.go", "cannot be read"},
		{"outside", tree.Memory{"go.mod": "module m\nrequire o v0.0.0\nreplace o => ../o", "m/main.go": "package main"}, "x.go", "outside"},
		{"circle", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport _ \"m/a/x\"", "a": "-> b", "b": "-> a"}, "x.go", "in a circle"},
		{"cgo", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport \"C\""}, "include/x.h", ""},
		{"assembly", tree.Memory{"go.mod": "module m", "m/main.go": "package main", "m/a.s": ""}, "m/deep/macros.inc", ""},
		{"symlinked folder", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport _ \"m/link\"", "link": "-> real/pkg", "real/pkg/x.go": "package x"}, "real/pkg/x.go", ""},
		{"the link", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport _ \"m/link\"", "link": "-> real/pkg", "real/pkg/x.go": "package x"}, "link", ""},
		{"symlinked file", tree.Memory{"go.mod": "module m", "m/main.go": "package main", "m/x.go": "-> ../gen/x.txt", "gen/x.txt": "package main\nimport _ \"m/lib\"", "lib/old.go": "package lib"}, "lib/new.go", ""},
		{"package to come", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport _ \"m/generated\""}, "generated/x.go", "no Go file of m/generated"},
		{"vendored", tree.Memory{"go.mod": "module m", "m/main.go": "package main\nimport _ \"example.com/v\"", "vendor/example.com/v/v.go": "package v"}, "vendor/example.com/v/v.go", ""},
	} {
		in, err := Analyze(t.Context(), limited{tt.files}, "m")
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		rule, ok := in.Match(tt.match)
		if !ok && in.Doubt == "" || !strings.Contains(in.Doubt, tt.doubt) || (in.Doubt == "") != (tt.doubt == "") {
			t.Errorf("%s: %q, %v; doubt %q", tt.name, rule, ok, in.Doubt)
		}
	}
}

func TestEmbedded(t *testing.T) {
	got := embedded([]byte("package x\n//go:embed a b/*.c \"d e\" `f g`\n\t//go:embed all:h\nvar x int // go:embed no\n//go:embed i\tj\r\nvar x int //go:embed\tall:k"))
	if want := []string{"a", "b/*.c", "d e", "f g", "h", "i", "j", "k"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func FuzzAnalyze(f *testing.F) {
	f.Add("module m\nreplace a => ./b", "package main\nimport _ \"m/x\"\n//go:embed \"a b\" c", "go 1.24\nuse ./b")
	f.Fuzz(func(t *testing.T, mod, src, work string) {
		in, err := Analyze(t.Context(), tree.Memory{"go.mod": mod, "go.work": work, "m/main.go": src, "x/x.go": src}, "m")
		if err != nil {
			return
		}
		if _, ok := in.Match("m/main.go"); !ok {
			t.Errorf("the main package does not match")
		}
	})
}
