package dockerfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnalyze(t *testing.T) {
	arm := Options{Platforms: []string{"linux/arm64"}}
	for _, tt := range []struct {
		name, src       string
		o               Options
		sources, images string // patterns, "?" behind one in doubt, "^" behind one from outside
	}{
		{"plain", "FROM scratch\nCOPY a b/ ./c/../d /x/\nADD e /", arm, "a b d e", ""},
		{"json", "FROM scratch\nCOPY [\"a b\", \"/x\"]", arm, "a b", ""},
		{"all", "FROM alpine\nCOPY . /src", arm, ".", "alpine"},
		{"absolute and outside", "FROM scratch\nCOPY /a ../b /", arm, "a b^", ""},
		{"remote", "FROM scratch\nADD https://example.com/x https://github.com/a/b.git#main git@github.com:a/b.git /", arm, "", ""},
		{"heredoc", "FROM scratch\nCOPY <<EOF /x\nhello\nEOF\nCOPY a /", arm, "a", ""},
		{"flags", "FROM scratch\nCOPY --chown=1:1 --link --chmod=600 a /", arm, "a", ""},
		{"wildcard", "FROM scratch\nCOPY services/*/go.mod ?.txt /", arm, "services/*/go.mod ?.txt", ""},
		{"multi-stage", "FROM golang AS build\nCOPY src /src\nFROM scratch\nCOPY --from=build /out /\nCOPY static /", arm, "src static", "golang"},
		{"by number", "FROM golang\nCOPY src /src\nFROM scratch\nCOPY --from=0 /out /", arm, "src", "golang"},
		{"unneeded stage", "FROM golang AS build\nCOPY src /src\nFROM alpine AS lint\nCOPY lint /\nFROM scratch\nCOPY --from=build /out /", arm, "src", "golang"},
		{"target", "FROM golang AS build\nCOPY src /src\nFROM scratch\nCOPY other /", Options{Target: "BUILD", Platforms: arm.Platforms}, "src", "golang"},
		{"chain", "FROM a AS one\nCOPY x /\nFROM one AS two\nCOPY y /\nFROM two", arm, "x y", "a"},
		{"image", "FROM scratch\nCOPY --from=registry.example/web:1 /x /", arm, "", "registry.example/web:1"},
		{"mount", "FROM golang\nRUN --mount=target=. --mount=type=cache,target=/c go build\nRUN --mount=type=bind,source=go.sum,target=go.sum true", arm, ". go.sum", "golang"},
		{"mount of a stage", "FROM a AS one\nCOPY x /\nFROM b\nRUN --mount=from=one,target=/y true", arm, "x", "a b"},
		{"arg", "ARG DIR=web\nFROM scratch\nARG DIR\nCOPY ${DIR}/x /", arm, "web/x", ""},
		{"arg given", "FROM scratch\nARG DIR=web\nCOPY $DIR/x /", Options{Args: map[string]string{"DIR": "app"}, Platforms: arm.Platforms}, "app/x", ""},
		{"arg in from", "ARG V=1\nARG BASE=alpine:$V\nFROM ${BASE}", arm, "", "alpine:1"},
		{"global arg not taken", "ARG DIR=web\nFROM scratch\nCOPY ${DIR}/x /", arm, ".?", ""},
		{"env", "FROM scratch AS a\nENV D=one\nFROM a\nCOPY $D /\nENV D=two\nCOPY $D /", arm, "one two", ""},
		{"unknown", "FROM alpine\nCOPY $HOME/x /", arm, ".?", "alpine"},
		{"arg of unknown", "FROM alpine\nARG X=$BASE_DIR\nCOPY $X /", arm, ".?", "alpine"},
		{"unknown base", "ARG BASE\nFROM $BASE\nCOPY a /", arm, "a", "doubt"},
		{"platform", "FROM scratch\nARG TARGETARCH\nCOPY app-$TARGETARCH /", Options{Platforms: []string{"linux/amd64", "linux/arm64"}}, "app-amd64 app-arm64", ""},
		{"any platform", "FROM scratch\nARG TARGETOS TARGETARCH\nCOPY app-$TARGETOS-$TARGETARCH /", Options{}, "app-linux-amd64 app-linux-arm64 app-linux-arm app-linux-386 app-linux-ppc64le app-linux-riscv64 app-linux-s390x", ""},
		{"build platform", "FROM --platform=$BUILDPLATFORM golang\nARG BUILDARCH\nCOPY x-$BUILDARCH /", arm, ".?", "golang"},
		{"onbuild base", "FROM node:onbuild", arm, ".?", "node:onbuild"},
		{"onbuild of a stage", "FROM alpine AS base\nONBUILD ARG D=web\nONBUILD COPY lib $D /lib\nFROM base\nCOPY $D/x /", arm, "lib web web/x", "alpine"},
		{"onbuild of a stage that is not built from", "FROM alpine AS base\nONBUILD COPY lib /lib\nFROM base AS other\nFROM base", Options{Target: "base", Platforms: arm.Platforms}, "", "alpine"},
		{"onbuild is not inherited twice", "FROM alpine AS base\nENV D=1\nONBUILD COPY $D /\nFROM base AS one\nENV D=2\nFROM one", arm, "1", "alpine"},
		{"onbuild from a stage", "FROM a AS data\nCOPY d /\nFROM b AS base\nONBUILD COPY --from=data /d /\nONBUILD RUN --mount=source=m,target=/m true\nFROM base", arm, "d m", "a b"},
		{"onbuild that cannot be read", "FROM alpine AS base\nONBUILD NOTHING x\nFROM base", arm, ".?", "alpine"},
		{"stages of one name", "FROM a AS x\nCOPY a /\nFROM b AS x\nCOPY b /\nFROM x", arm, "b", "b"},
		{"stages of one name, copied from", "FROM a AS x\nCOPY a /\nFROM b AS x\nCOPY b /\nFROM scratch\nCOPY --from=x / /", arm, "b", "b"},
		{"a folder like a repository", "FROM scratch\nADD github.com/a/b git@x /", arm, "github.com/a/b git@x", ""},
		{"frontend by an argument", "FROM scratch", Options{Args: map[string]string{"BUILDKIT_SYNTAX": "example.com/other"}}, ".?", ""},
		{"platform given", "FROM base-$TARGETARCH", Options{Args: map[string]string{"TARGETARCH": "z80"}, Platforms: arm.Platforms}, "", "base-z80"},
		{"growing values", "FROM alpine\nENV A=0123456789" + strings.Repeat("\nENV A=$A$A$A$A", 30) + "\nCOPY $A /", arm, ".?", "alpine"},
		{"many instructions", "FROM alpine" + strings.Repeat("\nCOPY a /", 3000), arm, ".?", "doubt"},
		{"many sources", "FROM alpine\nCOPY " + many(3000) + " /", arm, ".?", "doubt"},
		{"many triggers", "FROM alpine AS s" + strings.Repeat("\nONBUILD COPY a /", 200) + strings.Repeat("\nFROM s", 200), arm, ".?", "alpine"},
		{"large", "FROM alpine\n#" + strings.Repeat("x", 1<<20), arm, ".?", "doubt"},
		{"pivot", "# syntax=docker/dockerfile:1-labs\nFROM scratch\nCOPY --parents --exclude=*.md a/./b/**/*.go ./c/./d /", arm, "a/b/**/*.go c/d", ""},
		{"continued", "FROM scratch\ncopy a \\\n# comment\n\n  b \\\n  /x", arm, "a b", ""},
		{"default of an unknown", "FROM alpine\nCOPY ${D:-a} /", arm, ".?", "alpine"},
		{"frontend", "# syntax=example.com/other\nANYTHING", arm, ".?", ""},
		{"known frontend", "# syntax=docker/dockerfile:1.7\nFROM scratch\nCOPY a /", arm, "a", ""},
		{"escape", "# escape=`\nFROM scratch\nCOPY a `\n b /", arm, "a b", ""},
		{"lower case", "from scratch as x\ncopy a /\n# comment\n\ncopy b /", arm, "a b", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := Analyze([]byte(tt.src), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			var sources, images []string
			for _, s := range in.Sources {
				text := s.Pattern
				if s.Doubt != "" {
					text += "?"
				}
				if s.Outside {
					text += "^"
				}
				sources = append(sources, text)
				if s.Line == 0 {
					t.Errorf("no line: %+v", s)
				}
			}
			for _, i := range in.Images {
				images = append(images, i.Name)
			}
			if len(in.Doubts) > 0 {
				images = append(images, "doubt")
			}
			if diff := cmp.Diff(tt.sources+" | "+tt.images, strings.Join(sources, " ")+" | "+strings.Join(images, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// many are names of files.
func many(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("f%d", i))
	}
	return strings.Join(all, " ")
}

func TestAnalyzeErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":                        "file with no instructions",
		"COPY a b":                "no build stage",
		"FROM scratch\nCOPPY a b": "unknown instruction: COPPY",
		"FROM scratch\nCOPY a":    "COPY requires at least two arguments",
	} {
		if _, err := Analyze([]byte(src), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
	if _, err := Analyze([]byte("FROM scratch"), Options{Target: "x"}); err == nil || !strings.Contains(err.Error(), `no stage "x"`) {
		t.Errorf("target: %v", err)
	}
	if in, err := Analyze([]byte("FROM scratch\nONBUILD COPY . /"), Options{}); err != nil || !in.Triggers {
		t.Errorf("triggers: %v, %v", in, err)
	}
}

func TestSourceMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, file string
		want          bool
	}{
		{".", "any/thing", true},
		{"a", "a", true}, {"a", "a/b/c", true}, {"a", "ab", false}, {"a/b", "a/c", false},
		{"a/b", "a", true}, // a was a folder, and is a file or link now
		{"*.go", "main.go", true}, {"*.go", "x/main.go", false},
		{"s/*/go.mod", "s/web/go.mod", true}, {"s/*/go.mod", "s/web/main.go", false}, {"s/*/go.mod", "s/web", true},
		{"s/*", "s/web/deep/file", true}, {"*", "x/y", true},
		{"a/**/c", "a/x/y/c", true}, {"a/**/c", "b/c", false}, {"**/*.go", "x", true}, {"a/b*/**", "a/bc/d", true},
		{"a*/b/c", "ax/b", true}, {"a*/b/c", "ax/d/c", false}, {"[", "x", true}, {"a[b", "a/x", true},
	} {
		if got := (Source{Pattern: tt.pattern}).Match(tt.file); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.file, got)
		}
	}
}

func TestIgnore(t *testing.T) {
	i, err := ParseIgnore([]byte("# comment\n**/*.md\n!README.md\nnode_modules\n/dist\nsrc\n!src/keep\n"))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{
		"a.md": true, "x/y/a.md": true, "README.md": false, "x/README.md": true, "node_modules/a/b": true, "x/node_modules": false,
		"dist/x": true, "src/a": true, "src/keep/a": false, "src/keep": false, "main.go": false,
	} {
		if got := i.Ignored(file); got != want {
			t.Errorf("%q is ignored: %v, want %v", file, got, want)
		}
	}
	if i, err := ParseIgnore([]byte("?/*\n!?")); err != nil || i.Ignored("c/b/c") || !i.Exceptions() {
		t.Errorf("builders do not agree: %v", err)
	}
	var none *Ignore
	if none.Ignored("a") || none.Exceptions() {
		t.Error("nothing ignores")
	}
	if i, err := ParseIgnore([]byte(many(1) + strings.Repeat("\na", 1000))); err != nil || i.Ignored("a") {
		t.Errorf("too many patterns: %v", err)
	}
	if _, err := ParseIgnore([]byte("[")); err == nil {
		t.Error("a bad pattern is read")
	}
}

func FuzzAnalyze(f *testing.F) {
	f.Add("FROM golang AS b\nARG X=1\nCOPY --from=0 a$X ${Y:-z} /\nRUN --mount=target=. x\nFROM b\nADD [\"a\",\"b\"]")
	f.Add("# syntax=x\n# escape=`\nFROM a\nONBUILD COPY . .\nCOPY <<E <<F /\nE\nF")
	f.Fuzz(func(t *testing.T, src string) {
		in, err := Analyze([]byte(src), Options{Platforms: []string{"linux/amd64"}})
		if err != nil {
			return
		}
		for _, s := range in.Sources {
			if s.Pattern == "" || strings.HasPrefix(s.Pattern, "/") || slices.Contains(strings.Split(s.Pattern, "/"), "..") {
				t.Errorf("%q reads %q", src, s.Pattern)
			}
			s.Match("a/b/c")
		}
	})
}

func FuzzIgnore(f *testing.F) {
	f.Add("**/*.md\n!README.md\n", "a/b.md")
	f.Fuzz(func(t *testing.T, src, file string) {
		i, err := ParseIgnore([]byte(src))
		if err == nil {
			i.Ignored(file)
		}
	})
}
