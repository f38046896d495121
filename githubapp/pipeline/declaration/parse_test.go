package declaration

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/workflow"
)

var update = flag.Bool("update", false, "write docs/drydock.schema.json")

const whole = `
max_parallel: 2
services:
  run_steps: false
  base: &base {path: services/base/, image: registry.example/base}
  agenda:
    path: ./services/agenda
    watch: [proto/**, "!**/*.md"]
    depends-on: base
    test: {image: golang, run: go test ./...}
    build:
      dockerfile: build/Dockerfile
      context: .
      target: final
      args: {VERSION: 1.10, EMPTY: "", DEBUG: true}
      secrets: [npm]
      ssh: default
      platforms: [linux/amd64, linux/arm64]
      provenance: max
      sbom: true
    image: localhost:5000/agenda
    tags:
      - ${branch}
      - v${version}
    chart: deploy/agenda
    notify:
      - webhook: https://example.com/hook
        secret: HOOK
      - {dispatch: owner/repo, event-type: published}
  c4p: {path: services/c4p, build: ko, image: c4p}
  web: {path: services/web, build: {ko: cmd/web, platforms: linux/arm64}, image: web}
  top: {path: ., build: {ko: true}, image: top, chart: {path: chart, repository: registry.example/helm}}
  job: {path: j, image: j, build: {workflow: .github/workflows/b.yml, job: image}}
`

func TestParse(t *testing.T) {
	all, found := Parse("drydock.yaml", []byte(whole))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(all.Names(), " "); got != "base agenda c4p web top job" {
		t.Errorf("names: %s", got)
	}
	s := all.Lookup("agenda")
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Name":"agenda","Path":"services/agenda","Watch":["proto/**","!**/*.md"],"DependsOn":["base"],` +
		`"Test":{"Workflow":"","Job":"","Image":"golang","Run":"go test ./..."},` +
		`"Build":{"Dockerfile":"build/Dockerfile","Context":".","Target":"final",` +
		`"Args":[{"Name":"VERSION","Value":"1.10"},{"Name":"EMPTY","Value":""},{"Name":"DEBUG","Value":"true"}],` +
		`"Secrets":[{"Name":"npm","Value":"npm"}],"SSH":["default"],"Platforms":["linux/amd64","linux/arm64"],"Provenance":"max","SBOM":"true","Ko":"","Workflow":"","Job":""},` +
		`"Image":"localhost:5000/agenda","Tags":["${branch}","v${version}"],"Chart":{"Path":"deploy/agenda","Repository":""},` +
		`"Notify":[{"Webhook":"https://example.com/hook","Secret":"HOOK","Dispatch":"","EventType":""},{"Webhook":"","Secret":"","Dispatch":"owner/repo","EventType":"published"}]}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	if p := s.Build.Args[0].Value; p.Kind != workflow.Number || p.Pos != (workflow.Pos{Line: 15, Column: 23}) {
		t.Errorf("a value's kind and place: %+v", p)
	}
	if got := all.Lookup("agenda").ChartRepository(); got != "localhost:5000/charts" {
		t.Errorf("chart goes to %q", got)
	}
	for name, want := range map[string]string{"c4p": "services/c4p", "web": "cmd/web", "top": "."} {
		if got := all.Lookup(name).Build.Ko.Text; got != want {
			t.Errorf("ko of %s: %q, want %q", name, got, want)
		}
	}
	base := all.Lookup("base")
	if base.Build.Dockerfile.Text != "services/base/Dockerfile" || base.Build.Context.Text != "services/base" {
		t.Errorf("defaults of a Dockerfile: %+v", base.Build)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"unknown key", "services: {a: {path: a, image: a, imgae: b}}", `1:35: error: Unknown key "imgae" of service "a" (did you mean "image"?`},
		{"unknown key of build", "services: {a: {path: a, image: a, build: {contxt: .}}}", `1:43: error: Unknown key "contxt" of "build" of service "a" (did you mean "context"?`},
		{"no mapping", "services: [a]", `"services" must be a mapping`},
		{"service is text", "services: {a: b}", `1:15: error: service "a" must be a mapping`},
		{"name", "services: {Agenda: {path: a, image: a}}", `1:12: error: "Agenda" cannot name a service`},
		{"twice", "services:\n  a: {path: a, image: a}\n  a: {path: b, image: b}", `3:3: error:`},
		{"no path", "services: {a: {image: a}}", `1:12: error: Service "a" has no "path"`},
		{"no image", "services: {a: {path: a}}", `1:12: error: Service "a" has no "image"`},
		{"absolute path", "services: {a: {path: /a, image: a}}", `1:22: error: "path" of service "a": "/a" is absolute`},
		{"outside", "services: {a: {path: ../a, image: a}}", `lies outside of the repository`},
		{"platform", "services: {a: {path: a, image: a, build: {platforms: [linux/amd46]}}}", `1:55: error: "platforms" of "build" of service "a": platform "linux/amd46" is not supported (did you mean "linux/amd64"?`},
		{"windows", "services: {a: {path: a, image: a, build: {platforms: windows/amd64}}}", `"windows/amd64" is not supported`},
		{"cycle", "services:\n  a: {path: a, image: a, depends-on: [b]}\n  b: {path: b, image: b, depends-on: [c]}\n  c: {path: c, image: c, depends-on: [a]}", `4:39: error: Services depend on each other: a -> b -> c -> a`},
		{"self", "services: {a: {path: a, image: a, depends-on: a}}", `Service "a" depends on itself`},
		{"unknown service", "services: {agenda: {path: a, image: a}, b: {path: b, image: b, depends-on: agnda}}", `Service "b" depends on "agnda", which is no service (did you mean "agenda"?`},
		{"same image", "services:\n  a: {path: a, image: x}\n  b: {path: b, image: docker.io/library/x}", `3:23: error: Services "a" and "b" have one image, "docker.io/library/x" (line 2)`},
		{"tagged image", "services: {a: {path: a, image: \"x:1\"}}", `"x:1" has a tag or digest`},
		{"bad image", "services: {a: {path: a, image: \"X Y\"}}", `"X Y" is no name of an image`},
		{"tag", "services: {a: {path: a, image: a, tags: ['${brnch}']}}", `there is no variable "brnch" (did you mean "branch"?`},
		{"tag in braces", "services: {a: {path: a, image: a, tags: [{sha}]}}", `did you mean ${sha}?`},
		{"provenance", "services: {a: {path: a, image: a, build: {provenance: mid}}}", `"provenance" of "build" of service "a": "mid" is neither min nor max`},
		{"sbom off", "services: {a: {path: a, image: a, build: {sbom: false}}}", `"false" is neither true nor an image`},
		{"scanner", "services: {a: {path: a, image: a, build: {sbom: 'x,y=z'}}}", `"x,y=z" is neither true nor an image`},
		{"ko with sbom", "services: {a: {path: a, image: a, build: {ko: x, sbom: true}}}", `"true" of service "a" is for Dockerfiles, but ko builds it`},
		{"two builders", "services: {a: {path: a, image: a, build: {ko: x, workflow: y, job: z}}}", `has "ko" and "workflow"`},
		{"ko with args", "services: {a: {path: a, image: a, build: {ko: x, args: {A: b}}}}", `"A" of service "a" is for Dockerfiles, but ko builds it`},
		{"workflow without job", "services: {a: {path: a, build: {workflow: y}}}", `has a "workflow" without a "job"`},
		{"empty test", "services: {a: {path: a, image: a, test: {}}}", `says nothing that could run`},
		{"test without image", "services: {a: {path: a, image: a, test: {run: x}}}", `has a "run" without an "image"`},
		{"notify", "services: {a: {path: a, image: a, notify: {webhook: ftp://x}}}", `"ftp://x" is no http or https URL`},
		{"glob", "services: {a: {path: a, image: a, watch: ['[']}}", `"[" is no glob`},
		{"no text", "services: {a: {path: [a], image: a}}", `"path" of service "a" must be a text`},
		{"two lines", "services: {a: {path: \"a\\nb\", image: a}}", `must be one line`},
		{"yaml", "services: {", `error:`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, found := Parse("drydock.yaml", []byte(tt.src))
			err := found.Err()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDiffers(t *testing.T) {
	parse := func(src string) *Service {
		all, found := Parse("f", []byte(src))
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		return all.List[0]
	}
	a := parse("services: {a: {path: a, image: a, build: {args: {V: '1'}}}}")
	if keys := a.Differs(parse("\n\n# moved\nservices:\n  a:\n    image: a\n    path: ./a/\n    build: {args: {V: 1}}")); keys != nil {
		t.Errorf("the same at another place differs: %v", keys)
	}
	if got := a.Differs(parse("services: {a: {path: a, image: b, build: {args: {V: '2'}}}}")); strings.Join(got, " ") != "build image" {
		t.Errorf("differs: %v", got)
	}
}

func TestMissing(t *testing.T) {
	all, _ := Parse("drydock.yaml", []byte(whole))
	there := map[string]bool{"services/agenda": true, "build/Dockerfile": true, "deploy/agenda": true}
	missing := all.Missing(func(path string) bool { return there[path] })
	var texts []string
	for _, p := range missing {
		texts = append(texts, p.Service+" "+p.Message)
		if p.Pos.Line == 0 {
			t.Errorf("no place: %v", p)
		}
	}
	got := strings.Join(texts, "\n")
	if strings.Contains(got, `service "agenda"`) || !strings.Contains(got, `base The Dockerfile of service "base" does not exist: "services/base/Dockerfile"`) ||
		!strings.Contains(got, `job The workflow of service "job"`) || !strings.Contains(got, `top The chart of service "top"`) {
		t.Error(got)
	}
}

// The schema that editors read is the table that Parse reads by.
func TestSchema(t *testing.T) {
	got, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "..", "docs", "drydock.schema.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(published) != string(got) {
		t.Errorf("docs/drydock.schema.json is not the table's: run go test ./githubapp/pipeline/declaration -update")
	}
}

// Every field has a key and every key a field: what editors are told is what a
// service can be.
func TestKeysAreFields(t *testing.T) {
	fields(t, serviceKeys, "Name")
	fields(t, testKeys)
	fields(t, buildKeys)
	fields(t, chartKeys)
	fields(t, notifyKeys)
}

func fields[T any](t *testing.T, keys []key[T], besides ...string) {
	t.Helper()
	var got, want []string
	for field := range reflect.TypeFor[T]().Fields() {
		if !slices.Contains(besides, field.Name) {
			want = append(want, strings.ToLower(field.Name))
		}
	}
	for _, k := range keys {
		got = append(got, strings.ReplaceAll(k.name, "-", ""))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: fields (-) and keys (+): %s", reflect.TypeFor[T](), diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("services: {a: {path: a, image: a, depends-on: a, build: {ko: true}}}")
	f.Fuzz(func(t *testing.T, src string) {
		all, found := Parse("drydock.yaml", []byte(src))
		if found.HasErrors() {
			return
		}
		for _, s := range all.List {
			if !s.Path.Given() || strings.HasPrefix(s.Path.Text, "..") || strings.HasPrefix(s.Path.Text, "/") {
				t.Errorf("path %q of %q", s.Path.Text, src)
			}
			if keys := s.Differs(s); keys != nil {
				t.Errorf("%q differs from itself: %v", src, keys)
			}
		}
	})
}
