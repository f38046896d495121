package affected

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

func parse(t testing.TB, src string) *declaration.Services {
	t.Helper()
	all, found := declaration.Parse("drydock.yaml", []byte(src))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

const web = "services: {web: {path: web, image: r/web, build: {dockerfile: web/Dockerfile, context: .}}}"

const goWeb = "services: {web: {path: cmd/web, image: r/web, build: {dockerfile: web/Dockerfile, context: .}}}"

// goFiles are a Go program that a Dockerfile builds out of the whole repository.
func goFiles() tree.Memory {
	return tree.Memory{
		"go.mod": "module m", "cmd/web/main.go": "package main\nimport _ \"m/lib\"", "lib/l.go": "package lib", "other/o.go": "package other",
		"web/Dockerfile": "FROM golang AS build\nWORKDIR /src\nCOPY go.mod ./\nRUN go mod download\nCOPY . .\nRUN go build -o /web ./cmd/web\nFROM scratch\nCOPY --from=build /web /web",
	}
}

const testBy = "services: {web: {path: web, image: r/web, test: {workflow: .github/workflows/t.yml}}}"

// with adds files, and removes those that become empty or folders.
func with(files tree.Memory, more ...string) tree.Memory {
	for i := 0; i < len(more); i += 2 {
		if files[more[i]] = more[i+1]; more[i+1] == "" {
			delete(files, more[i])
		}
	}
	return files
}

// links adds symlinks to a folder.
func links(files tree.Memory, n int) tree.Memory {
	for i := range n {
		files[fmt.Sprintf("a/link%d", i)] = "-> ../b"
	}
	return files
}

// limited is a tree with files that are too large, and submodules.
type limited struct{ tree.Memory }

const large, submodule = "large", "submodule"

func (l limited) Files(ctx context.Context) ([]tree.File, error) {
	files, err := l.Memory.Files(ctx)
	for i, f := range files {
		if l.Memory[f.Path] == submodule {
			files[i].Mode = tree.Submodule
		}
	}
	return files, err
}

func (l limited) Read(ctx context.Context, path string) ([]byte, error) {
	if strings.TrimPrefix(l.Memory[path], "-> ") == large {
		return nil, fmt.Errorf("read %q: %w", path, tree.ErrFileTooLarge)
	}
	return l.Memory.Read(ctx, path)
}

// one decides about the first service.
func one(t *testing.T, src string, files tree.Memory, changed ...string) Decision {
	t.Helper()
	files["drydock.yaml"] = src
	decisions, err := Decide(t.Context(), Input{Services: parse(t, src), Tree: limited{files}, Change: tree.Change{Files: changed},
		Before: func(context.Context) (*declaration.Services, error) { return parse(t, src), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return decisions[0]
}

func TestDecideByDockerfile(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		files     tree.Memory
		changed   string
		reason    string // of a build; empty: skipped
	}{
		{"path", web, tree.Memory{"web/Dockerfile": "FROM scratch"}, "web/x.js", "web/x.js (path web)"},
		{"path is a file now", web, tree.Memory{"web/Dockerfile": "FROM scratch"}, "web", "web (path web)"},
		{"elsewhere", web, tree.Memory{"web/Dockerfile": "FROM scratch"}, "webs/x.js", ""},
		{"copied", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY shared /", "shared/a": ""}, "shared/a", "shared/a (web/Dockerfile line 2: COPY shared)"},
		{"copied, new file", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY shared /", "shared/a": ""}, "shared/b", "shared/b (web/Dockerfile line 2: COPY shared)"},
		{"not copied", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY shared /", "shared/a": ""}, "README.md", ""},
		{"ignored", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY . /", ".dockerignore": "*.md"}, "README.md", ""},
		{"not ignored", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY . /", ".dockerignore": "*.md"}, "docs/README.md", "docs/README.md (web/Dockerfile line 2: COPY .)"},
		{"own ignore file", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY . /", ".dockerignore": "*", "web/Dockerfile.dockerignore": "*.md"}, "main.c", "main.c (web/Dockerfile line 2: COPY .)"},
		{"ignore file", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY x /", "x": ""}, ".dockerignore", ".dockerignore (.dockerignore)"},
		{"own ignore file is new", web, tree.Memory{"web/Dockerfile": "FROM scratch"}, "web/Dockerfile.dockerignore", "web/Dockerfile.dockerignore (path web)"},
		{"glob", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY lib/*/x /", "lib/a/x": ""}, "lib/b/x", "lib/b/x (web/Dockerfile line 2: COPY lib/*/x)"},
		{"unknown argument", web, tree.Memory{"web/Dockerfile": "FROM alpine\nCOPY $D /"}, "any", "any (web/Dockerfile line 2: COPY $D: $D is not known from the Dockerfile: only its base image may define it)"},
		{"generated", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY bin/web /"}, "any", "in doubt: web/Dockerfile line 2: COPY bin/web is nothing that git knows, so its changes cannot be seen"},
		{"symlink in a source", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY conf /", "conf/link": "-> ../real/x", "real/x": ""}, "real/x", "real/x (web/Dockerfile line 2: COPY conf, by the symlink conf/link)"},
		{"symlink as a source", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY link /", "link": "-> real", "real/x": ""}, "real/x", "real/x (web/Dockerfile line 2: COPY link, by the symlink link)"},
		{"symlink above a source", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY link/x /", "link": "-> real", "real/x": ""}, "real/x", "real/x (web/Dockerfile line 2: COPY link/x, by the symlink link)"},
		{"symlink to a symlink", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY a /", "a": "-> b", "b": "-> c", "c": ""}, "c", "c (web/Dockerfile line 2: COPY a, by the symlink b)"},
		{"absolute symlink", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY a /", "a": "-> /c", "c": ""}, "c", "c (web/Dockerfile line 2: COPY a, by the symlink a)"},
		{"symlinked Dockerfile", web, tree.Memory{"web/Dockerfile": "-> ../shared/Dockerfile", "shared/Dockerfile": "FROM scratch"}, "shared/Dockerfile", "shared/Dockerfile (path web, by the symlink web/Dockerfile)"},
		{"attributes", web, tree.Memory{"web/Dockerfile": "FROM scratch"}, "docs/.gitattributes", "docs/.gitattributes (git attributes may change every file that is checked out)"},
		{"declaration means the same", web, tree.Memory{"web/Dockerfile": "FROM scratch"}, "drydock.yaml", ""},
		{"watch", "services: {web: {path: web, image: r/web, watch: [proto/**/*.proto, conf, '!**/*.md']}}", tree.Memory{"web/Dockerfile": "FROM scratch"}, "proto/a/b.proto", "proto/a/b.proto (watch proto/**/*.proto)"},
		{"watch a folder", "services: {web: {path: web, image: r/web, watch: [proto/**/*.proto, conf, '!**/*.md']}}", tree.Memory{"web/Dockerfile": "FROM scratch"}, "conf/x", "conf/x (watch conf)"},
		{"watch not", "services: {web: {path: web, image: r/web, watch: ['!**/*.md']}}", tree.Memory{"web/Dockerfile": "FROM scratch"}, "web/docs/README.md", ""},
		{"copied for all that", "services: {web: {path: web, image: r/web, watch: ['!**/*.md']}}", tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY . /"}, "web/README.md", "web/README.md (web/Dockerfile line 2: COPY .)"},
		{"chart", "services: {web: {path: web, image: r/web, chart: deploy/web}}", tree.Memory{"web/Dockerfile": "FROM scratch", "deploy/web/Chart.yaml": ""}, "deploy/web/values.yaml", "deploy/web/values.yaml (chart deploy/web)"},
		{"test workflow", "services: {web: {path: web, image: r/web, test: {workflow: .github/workflows/t.yml}}}", tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": ""}, ".github/workflows/t.yml", ".github/workflows/t.yml (test workflow)"},
		{"job without watch", "services: {web: {path: web, image: r/web, build: {workflow: w.yml, job: j}}}", tree.Memory{"web/x": "", "w.yml": ""}, "any", `any (a workflow's job may read any file: "watch" says which)`},
		{"job with watch", "services: {web: {path: web, image: r/web, watch: lib/**, build: {workflow: w.yml, job: j}}}", tree.Memory{"web/x": "", "w.yml": ""}, "any", ""},
		{"ko", "services: {web: {path: web, image: r/web, build: ko}}", tree.Memory{"go.mod": "module m", "web/main.go": "package main\nimport _ \"m/lib\"", "lib/l.go": "package lib"}, "lib/l.go", "lib/l.go (Go import m/lib)"},
		{"ko, test of a library", "services: {web: {path: web, image: r/web, build: ko}}", tree.Memory{"go.mod": "module m", "web/main.go": "package main\nimport _ \"m/lib\"", "lib/l.go": "package lib"}, "lib/l_test.go", ""},
		{"Go Dockerfile, imported", goWeb, goFiles(), "lib/l.go", "lib/l.go (web/Dockerfile line 5: COPY ., Go import m/lib)"},
		{"Go Dockerfile, not imported", goWeb, goFiles(), "other/o.go", ""},
		{"Go Dockerfile, no Go", goWeb, goFiles(), "README.md", ""},
		{"Go Dockerfile, module", goWeb, goFiles(), "go.mod", "go.mod (web/Dockerfile line 3: COPY go.mod)"},
		{"Go Dockerfile, go.mod ignored", goWeb, with(goFiles(), ".dockerignore", "cmd/web/go.mod", "cmd/web/go.mod", "module other"), "other/o.go", "other/o.go (web/Dockerfile line 5: COPY .)"},
		{"Go Dockerfile, workspace ignored", goWeb, with(goFiles(), ".dockerignore", "go.work", "go.work", "use ."), "other/o.go", "other/o.go (web/Dockerfile line 5: COPY .)"},
		{"Go Dockerfile, go.mod not copied", goWeb, with(goFiles(), "cmd/go.mod", "module other", "web/Dockerfile", "FROM golang AS build\nWORKDIR /src\nCOPY go.mod ./\nCOPY lib lib\nCOPY cmd/web cmd/web\nRUN go build -o /web ./cmd/web\nFROM scratch\nCOPY --from=build /web /web"), "lib/l.go", "lib/l.go (web/Dockerfile line 4: COPY lib)"},
		{"Go Dockerfile, no go.mod in the context", "services: {web: {path: x, image: r/web, build: {dockerfile: cmd/Dockerfile, context: cmd}}}", with(goFiles(), "x/y", "y", "cmd/data/x.go", "package x", "cmd/Dockerfile", "FROM golang AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /web ./web\nFROM scratch\nCOPY --from=build /web /web"), "cmd/data/x.go", "cmd/data/x.go (cmd/Dockerfile line 3: COPY .)"},
		{"Go Dockerfile, main package behind a link", goWeb, with(goFiles(), "cmd/web/main.go", "", "cmd/web", "-> ../real/web", "real/web/main.go", "package main"), "other/o.go", "other/o.go (web/Dockerfile line 5: COPY .)"},
		{"Go Dockerfile, an import that git does not know", goWeb, with(goFiles(), "cmd/web/main.go", "package main\nimport _ \"m/gen\""), "README.md", "README.md (web/Dockerfile line 5: COPY .)"},
		{"Go Dockerfile, cgo", goWeb, with(goFiles(), "lib/l.go", "package lib\n// #cgo CFLAGS: -I../c\nimport \"C\""), "c/x.h", "c/x.h (web/Dockerfile line 5: COPY ., cgo in lib)"},
		{"ko, an import that git does not know", "services: {web: {path: web, image: r/web, build: ko}}", tree.Memory{"go.mod": "module m", "web/main.go": "package main\nimport _ \"m/gen\""}, "README.md", "in doubt: git knows no Go file of m/gen"},
		{"trigger of a stage", web, tree.Memory{"web/Dockerfile": "FROM alpine AS base\nONBUILD COPY lib /lib\nFROM base", "lib/x": ""}, "lib/x", "lib/x (web/Dockerfile line 2: COPY lib)"},
		{"test calls a workflow", testBy, tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": "jobs: {a: {uses: ./.github/workflows/c.yml}}", ".github/workflows/c.yml": ""}, ".github/workflows/c.yml", ".github/workflows/c.yml (what the test workflow may call)"},
		{"test calls an action", testBy, tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": ""}, ".github/actions/a/x.js", ".github/actions/a/x.js (what the test workflow may call)"},
		{"test calls an action anywhere", testBy, tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": "jobs:\n  a:\n    steps:\n    - uses: ./tools/a\n", "tools/a/action.yml": ""}, "tools/a/x.js", "tools/a/x.js (what the test workflow calls)"},
		{"action calls an action", testBy, tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": "jobs: {a: {steps: [{uses: ./tools/a}]}}", "tools/a/action.yaml": "runs: {steps: [{uses: './tools/../b'}]}", "b/action.yml": "runs: {steps: [{uses: ./tools/a}]}"}, "b/x.js", "b/x.js (what the test workflow calls)"},
		{"action of the whole repository", testBy, tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": "jobs: {a: {steps: [{uses: ./}]}}", "action.yml": ""}, "x.js", "x.js (what the test workflow calls)"},
		{"action that git does not know", testBy, tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": "jobs: {a: {steps: [{uses: ./src/a}]}}"}, "x.js", "in doubt: the test workflow uses ./src/a, which git does not know"},
		{"build calls an action", "services: {web: {path: web, image: r/web, watch: lib/**, build: {workflow: w.yml, job: j}}}", tree.Memory{"web/x": "", "w.yml": "jobs: {j: {steps: [{uses: ./a}]}}", "a/action.yml": ""}, "a/x.js", "a/x.js (what the build workflow calls)"},
		{"large Dockerfile", web, tree.Memory{"web/Dockerfile": large}, "any", "in doubt: read \"web/Dockerfile\": it is larger than 16777216 bytes"},
		{"large ignore file", web, tree.Memory{"web/Dockerfile": "FROM scratch", ".dockerignore": large}, "any", "in doubt: read \".dockerignore\": it is larger than 16777216 bytes"},
		{"large workflow", testBy, tree.Memory{"web/Dockerfile": "FROM scratch", ".github/workflows/t.yml": large}, "any", "in doubt: read \".github/workflows/t.yml\": it is larger than 16777216 bytes"},
		{"large Go file", "services: {web: {path: web, image: r/web, build: ko}}", tree.Memory{"go.mod": "module m", "web/main.go": "package main", "web/table.go": large}, "any", "in doubt: read \"web/table.go\": it is larger than 16777216 bytes"},
		{"large symlink", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY a /", "a/link": "-> " + large}, "any", "in doubt: read \"a/link\": it is larger than 16777216 bytes"},
		{"Dockerfile is a folder", web, tree.Memory{"web/Dockerfile/x": ""}, "any", "in doubt: web/Dockerfile is no file that can be read"},
		{"Dockerfile behind a link to nothing", web, tree.Memory{"web/Dockerfile": "-> gone"}, "any", "in doubt: web/Dockerfile is no file that can be read"},
		{"many symlinks", web, links(tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY a /"}, maxFollowed+1), "any", "in doubt: there are too many symlinks to follow them all"},
		{"submodule that is watched", "services: {web: {path: web, image: r/web, watch: '**/*.proto'}}", tree.Memory{"web/Dockerfile": "FROM scratch", "sub": submodule}, "sub", "sub (watch **/*.proto)"},
		{"file that was a watched folder", "services: {web: {path: web, image: r/web, watch: 'a/b/*.proto'}}", tree.Memory{"web/Dockerfile": "FROM scratch", "a": ""}, "a", "a (watch a/b/*.proto)"},
		{"watch with many alternatives", "services: {web: {path: web, image: r/web, watch: '" + strings.Repeat("{*,a*}", 30) + "c'}}", tree.Memory{"web/Dockerfile": "FROM scratch"}, strings.Repeat("a", 60), strings.Repeat("a", 60) + " (watch " + strings.Repeat("{*,a*}", 30) + "c)"},
		{"watch, by a symlink", "services: {web: {path: web, image: r/web, watch: 'a/**/*.proto'}}", tree.Memory{"web/Dockerfile": "FROM scratch", "a/x": "-> ../b"}, "b/c.proto", "b/c.proto (watch a, by the symlink a/x)"},
		{"ignored submodule", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY . /", ".dockerignore": "sub", "sub": submodule}, "sub", ""},
		{"ignored submodule with exceptions", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY . /", ".dockerignore": "sub\n!sub/keep", "sub": submodule}, "sub", "sub (web/Dockerfile line 2: COPY .)"},
		{"submodule with a source", web, tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY sub/*/x /", "sub": submodule}, "sub", "sub (web/Dockerfile line 2: COPY sub/*/x)"},
		{"ko data behind a symlink", "services: {web: {path: cmd, image: r/web, build: {ko: cmd/web}}}", tree.Memory{"go.mod": "module m", "cmd/web/main.go": "package main", "cmd/web/kodata/html": "-> ../../../html", "html/index.html": ""}, "html/index.html", "html/index.html (path cmd, by the symlink cmd/web/kodata/html)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := one(t, tt.src, tt.files, tt.changed)
			want := Decision{Name: "web", Decision: Build, Reason: tt.reason, Files: got.Files, Problem: got.Problem}
			if tt.reason == "" {
				want.Decision, want.Reason, want.Files = Skip, "none of 1 changed file is an input", nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files tree.Memory
		want  string
	}{
		{"no Dockerfile", tree.Memory{"web/x": ""}, `The Dockerfile of service "web" does not exist: "web/Dockerfile"`},
		{"no path", tree.Memory{"x": ""}, `drydock.yaml:1:24: error: The path of service "web" does not exist: "web"`},
		{"parse", tree.Memory{"web/Dockerfile": "FORM scratch"}, "web/Dockerfile does not parse: "},
		{"outside", tree.Memory{"web/Dockerfile": "FROM scratch\nCOPY ../shared /"}, `web/Dockerfile:2: COPY ../shared lies outside of the context "."`},
	} {
		got := one(t, web, tt.files, "any")
		if got.Decision != Build || !strings.Contains(got.Problem, tt.want) || !strings.HasPrefix(got.Reason, "in doubt: ") {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

const several = `
services:
  base: {path: base, image: registry.example/base}
  app: {path: app, image: registry.example/app}
  files: {path: files, image: registry.example/files}
  top: {path: top, image: registry.example/top, depends-on: app}
  alone: {path: alone, image: registry.example/alone}
`

func TestDecideSeveral(t *testing.T) {
	files := tree.Memory{
		"drydock.yaml":    several,
		"base/Dockerfile": "FROM scratch\nONBUILD COPY . /app\nCOPY x /", "base/x": "",
		"app/Dockerfile":   "ARG V\nFROM registry.example/base:$V",
		"files/Dockerfile": "FROM scratch\nCOPY --from=registry.example/base /x /",
		"top/Dockerfile":   "FROM scratch",
		"alone/Dockerfile": "FROM alpine",
	}
	decide := func(change tree.Change, before string) string {
		t.Helper()
		decisions, err := Decide(t.Context(), Input{Services: parse(t, several), Tree: files, Change: change,
			Before: func(context.Context) (*declaration.Services, error) {
				if before == "" {
					return nil, nil
				}
				return parse(t, before), nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, d := range decisions {
			line := d.Name + " " + string(d.Decision)
			if len(d.Needs) > 0 {
				line += " needs " + strings.Join(d.Needs, ",")
			}
			lines = append(lines, line+": "+d.Reason)
		}
		return strings.Join(lines, "\n")
	}
	for _, tt := range []struct {
		name   string
		change tree.Change
		before string
		want   string
	}{
		{"nothing", tree.Change{}, "", "base skip: nothing changed\napp skip: nothing changed\nfiles skip needs base: nothing changed\ntop skip needs app: nothing changed\nalone skip: nothing changed"},
		{"through images and depends-on", tree.Change{Files: []string{"base/x"}}, "",
			"base build: base/x (path base)\n" +
				"app build: in doubt: ",
		},
		{"first push", tree.Change{Unknown: "first push: there is nothing before it"}, "",
			"base build: first push: there is nothing before it\napp build: first push: there is nothing before it\nfiles build needs base: first push: there is nothing before it\n" +
				"top build needs app: first push: there is nothing before it\nalone build: first push: there is nothing before it"},
		{"declaration not known", tree.Change{Files: []string{"drydock.yaml"}}, "",
			"base build: drydock.yaml (what it said before is not known)"},
		{"declaration", tree.Change{Files: []string{"drydock.yaml"}}, strings.Replace(strings.Replace(several, "registry.example/top", "other/top", 1), "  alone", "  new", 1),
			"top build needs app: drydock.yaml (the service's \"image\" is new)\nalone build: drydock.yaml (the service is new)"},
	} {
		if got := decide(tt.change, tt.before); !strings.Contains(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}

	// With a base that is known, a child is built for its triggers, a copy for the image.
	files["app/Dockerfile"] = "FROM registry.example/base:1"
	got := decide(tree.Change{Files: []string{"README.md"}}, "")
	want := `base skip: none of 1 changed file is an input
app build needs base: in doubt: the image of "base" copies files by its ONBUILD triggers
files skip needs base: none of 1 changed file is an input
top build needs app: depends on "app", which is built: in doubt: the image of "base" copies files by its ONBUILD triggers
alone skip: none of 1 changed file is an input`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = decide(tree.Change{Files: []string{"base/x"}}, "")
	if !strings.Contains(got, `files build needs base: depends on "base", which is built: base/x (path base)`) || !strings.Contains(got, "alone skip") {
		t.Error(got)
	}
}
