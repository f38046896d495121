package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var checks = map[string]func(*tree) []string{
	"arrows": checkArrows, "gates": checkGates, "docs": checkDocs, "sizes": checkSizes,
	"names": checkNames, "ends": checkEnds, "top": checkTop,
}

// TestRepository is the rule itself, held against this repository.
func TestRepository(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	tr, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(tr.packages, func(p pkg) bool { return p.path == "cmd/internal/archtest" }) {
		t.Fatal("the tree that was read does not hold this package")
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			for _, problem := range check(tr) {
				t.Error(problem)
			}
		})
	}
}

// TestChecks shows that each rule finds what it is for, and leaves the rest alone.
func TestChecks(t *testing.T) {
	ours := func(p string) string { return `"` + Module + "/" + p + `"` }
	source := func(name string, imports ...string) string {
		s := "package " + name + "\n"
		for _, i := range imports {
			s += "import _ " + i + "\n"
		}
		return s
	}
	for _, tc := range []struct {
		name, check, path, source string
		want                      string // part of the one problem; empty: none
	}{
		{"listed arrow", "arrows", "workflow/plan/a.go", source("plan", ours("workflow/event")), ""},
		{"back end sees YAML", "arrows", "executor/docker/a.go", source("docker", ours("workflow")), "package executor/docker may not import workflow: it may import executor, executor/helper/..., executor/archive"},
		{"engine sees Docker", "arrows", "runner/a.go", source("runner", ours("executor/docker")), "package runner may not import executor/docker"},
		{"language sees engine", "arrows", "workflow/lint/a.go", source("lint", ours("runner")), "may not import runner"},
		{"expr is a leaf", "arrows", "workflow/expr/a.go", source("expr", ours("workflow")), "it may import nothing of ours"},
		{"config is a leaf", "arrows", "config/a.go", source("config", ours("workflow")), "nothing of ours"},
		{"config travels below cmd", "arrows", "executor/kube/a.go", source("kube", ours("config")), "may not import config"},
		{"the App sees a container", "arrows", "githubapp/queue/a.go", source("queue", ours("executor")), "may not import executor"},
		{"services know only blobs", "arrows", "runner/service/cache/a.go", source("cache", ours("runner")), "may not import runner"},
		{"helper program", "arrows", "cmd/drydock-helper/a.go", source("main", ours("executor/helper/agent")), ""},
		{"helper program grows", "arrows", "cmd/drydock-helper/a.go", source("main", ours("runner")), "may not import runner"},
		{"cli builds everything", "arrows", "cmd/internal/cli/a.go", source("cli", ours("executor/docker"), ours("config")), ""},
		{"a test may", "arrows", "runner/a_test.go", source("runner", ours("executor/fake")), ""},
		{"unknown package", "arrows", "runner/novel/a.go", source("novel"), "package runner/novel has no row"},
		{"other platforms too", "arrows", "runner/a_windows.go", source("runner", ours("config")), "may not import config"},

		{"docker in its place", "gates", "executor/docker/a.go", source("docker", `"github.com/docker/docker/client"`), ""},
		{"docker elsewhere", "gates", "runner/a.go", source("runner", `"github.com/docker/docker/client"`), "github.com/docker/docker is for executor/docker, executor/build"},
		{"docker in a test", "gates", "cmd/internal/cli/a_test.go", source("cli", `"github.com/docker/docker/client"`), "may not import github.com/docker/docker/client"},
		{"a longer name is another library", "gates", "runner/a.go", source("runner", `"github.com/docker/docker-credential-helpers/client"`), ""},
		{"cobra below cmd", "gates", "config/a.go", source("config", `"github.com/spf13/cobra"`), "is for cmd/..."},
		{"act's runner", "gates", "runner/reference/a_test.go", source("reference", `"github.com/nektos/act/pkg/runner"`), ""},
		{"act's model", "gates", "workflow/a.go", source("workflow", `"github.com/nektos/act/pkg/model"`), "is for runner/reference"},
		{"act's patterns", "gates", "workflow/event/a.go", source("event", `"github.com/nektos/act/pkg/workflowpattern"`), ""},
		{"a library for nobody", "gates", "workflow/a.go", source("workflow", `"go.yaml.in/yaml/v4"`), "is for no package of ours"},
		{"the helper stays small", "gates", "executor/helper/a.go", source("helper", `"google.golang.org/grpc"`), "the helper is built from it"},
		{"the helper's own", "gates", "executor/helper/a.go", source("helper", `"github.com/hashicorp/yamux"`, `"encoding/json"`), ""},

		{"doc.go", "docs", "config/doc.go", "// Package config reads.\npackage config\n", ""},
		{"program's doc.go", "docs", "cmd/drydock/doc.go", "// Command drydock runs.\npackage main\n", ""},
		{"no doc.go", "docs", "config/a.go", "// Package config reads.\npackage config\n", "package config has no doc.go"},
		{"empty doc.go", "docs", "config/doc.go", "package config\n", `does not begin with "Package config "`},

		{"long file", "sizes", "config/a.go", "package config\n" + strings.Repeat("\n", 500), "config/a.go has 501 lines"},
		{"long test", "sizes", "config/a_test.go", "package config\n" + strings.Repeat("\n", 500), ""},
		{"long main", "sizes", "cmd/drydock/main.go", "package main\n" + strings.Repeat("\n", 20), "has 21 lines, more than 20"},

		{"empty name", "names", "runner/util/a.go", "package util\n", `"util" says nothing`},
		{"Get", "names", "config/a.go", "package config\n\nfunc GetField() {}\n", "config/a.go:3:1: GetField"},
		{"Getter is no Get", "names", "config/a.go", "package config\n\nfunc Getter() {}\n", ""},

		{"panic", "ends", "config/a.go", "package config\n\nfunc f() { panic(1) }\n", "config/a.go:3:12: panic outside main"},
		{"abort a connection", "ends", "config/a.go", "package config\n\nimport \"net/http\"\n\nfunc f() { panic(http.ErrAbortHandler) }\n", ""},
		{"log.Fatal", "ends", "config/a.go", "package config\n\nimport \"log\"\n\nfunc f() { log.Fatalf(\"\") }\n", "log.Fatalf outside main"},
		{"panic in main", "ends", "cmd/drydock/a.go", "package main\n\nfunc f() { panic(1) }\n", ""},
		{"panic in a test", "ends", "config/a_test.go", "package config\n\nfunc f() { panic(1) }\n", ""},

		{"top level", "top", "pkg/a.go", "package a\n", "pkg stands at the top"},
		{"dot files", "top", ".editorconfig", "", ""},
		{"testdata is no code", "docs", "config/testdata/a.go", "package broken {\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr, err := load(fstest.MapFS{tc.path: {Data: []byte(tc.source)}})
			if err != nil {
				t.Fatal(err)
			}
			got := checks[tc.check](tr)
			switch {
			case tc.want == "" && len(got) > 0:
				t.Errorf("unexpected: %q", got)
			case tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)):
				t.Errorf("got %q, want one problem with %q", got, tc.want)
			}
		})
	}
}

func TestLoadBroken(t *testing.T) {
	_, err := load(fstest.MapFS{"config/a.go": {Data: []byte("package config {\n")}})
	if err == nil || !strings.Contains(err.Error(), "config/a.go:1:16") {
		t.Errorf("got %v, want an error with the position", err)
	}
}
