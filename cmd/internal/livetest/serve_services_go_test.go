package livetest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// goServices are Go programs that find what they import in their own ways.
var goServices = githubtest.Files{
	"plain/go.mod": "module example.test/plain\n\ngo 1.24\n", "plain/kodata/page.html": "<p>\n",
	"plain/cmd/it/main.go": "package main\n\nimport \"example.test/plain/word\"\n\nfunc main() { println(word.It) }\n",
	"plain/word/word.go":   "package word\n\nimport _ \"embed\"\n\n//go:embed it.txt\nvar It string\n", "plain/word/it.txt": "hello\n",

	"vendored/go.mod":                          "module example.test/vendored\n\ngo 1.24\n\nrequire example.test/dep v1.0.0\n",
	"vendored/go.sum":                          "example.test/dep v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nexample.test/dep v1.0.0/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
	"vendored/main.go":                         "package main\n\nimport \"example.test/dep\"\n\nfunc main() { println(dep.Word) }\n",
	"vendored/vendor/modules.txt":              "# example.test/dep v1.0.0\n## explicit; go 1.24\nexample.test/dep\n",
	"vendored/vendor/example.test/dep/word.go": "package dep\n\nconst Word = \"vendored\"\n",

	"worked/go.work":     "go 1.24\n\nuse (\n\t./app\n\t./lib\n)\n",
	"worked/app/go.mod":  "module example.test/app\n\ngo 1.24\n",
	"worked/app/main.go": "package main\n\nimport \"example.test/lib\"\n\nfunc main() { println(lib.Word()) }\n",
	"worked/lib/go.mod":  "module example.test/lib\n\ngo 1.24\n", "worked/lib/lib.go": "package lib\n\nfunc Word() string\n",
	"worked/lib/lib_amd64.s": "#include \"textflag.h\"\n#include \"word.h\"\nTEXT ·Word(SB), NOSPLIT, $0-16\n\tLEAQ word<>(SB), AX\n\tMOVQ AX, ret+0(FP)\n\tMOVQ $4, ret+8(FP)\n\tRET\n",
	"worked/lib/word.h":      "DATA word<>+0(SB)/4, $\"lib!\"\nGLOBL word<>(SB), RODATA, $4\n",

	"replaced/go.mod":  "module example.test/replaced\n\ngo 1.24\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => ../worked/lib\n",
	"replaced/main.go": "package main\n\nimport \"example.test/lib\"\n\nfunc main() { println(lib.Word()) }\n",
}

// goDeclaration declares services by the folders of their main packages; plain is for
// these platforms.
func goDeclaration(services map[string]string, platforms string) string {
	var b strings.Builder
	b.WriteString("services:\n")
	for name, folder := range services {
		on := "[linux/amd64]"
		if name == "plain" {
			on = platforms
		}
		fmt.Fprintf(&b, "  %s: {path: %s, build: {ko: %s, platforms: %s}, image: HOST/%s}\n", name, strings.Split(folder, "/")[0], folder, on, name)
	}
	return b.String()
}

// TestServeServicesGo: what the server compiles reaches nothing of the server's, and
// gives the same images as on a laptop.
func TestServeServicesGo(t *testing.T) {
	t.Run("engine", func(t *testing.T) { compileGo(t, newWorld(t), "") })
	t.Run("buildkitd", func(t *testing.T) {
		w := newWorld(t)
		compileGo(t, w, newBuildkitd(t))
	})
}

func compileGo(t *testing.T, w *world, builder string) {
	images := newImageRegistry(t)
	settings := []string{
		"DRYDOCK_SERVER_PLAIN_REGISTRIES=" + images.host, "GOOGLE_APPLICATION_CREDENTIALS=hunter2-environ", "HTTPS_PROXY=http://user:hunter2-proxy@127.0.0.1:9",
		"GOFLAGS=", "GOSUMDB=off",
	}
	good := map[string]string{"plain": "plain/cmd/it", "vendored": "vendored", "worked": "worked/app", "replaced": "replaced"}
	files := maps.Clone(goServices)
	laptop := *w
	laptop.env = append(w.env[:len(w.env):len(w.env)], "GOFLAGS=-modcacherw", "GOSUMDB=off")
	laptop.withGoCache()
	if builder != "" { // whose network is this machine's, so that it reaches the modules
		proxy, sums := moduleProxy(t)
		settings = append(settings, "BUILDKIT_HOST="+builder, "GOPROXY="+proxy)
		laptop.env = append(laptop.env, "GOPROXY="+proxy)
		good["fetched"] = "fetched"
		files["fetched/go.mod"], files["fetched/go.sum"] = goServices["vendored/go.mod"], sums
		files["fetched/main.go"] = goServices["vendored/main.go"]
	}

	// The operator's own files, and programs that want them.
	canary := filepath.Join(w.home, "canary")
	for name, text := range map[string]string{
		"canary/key": "hunter2_key\n", ".netrc": "hunter2_netrc machine example.test\n",
		"canary/module/go.mod": "module example.test/lib\n\ngo 1.24\n", "canary/module/x.go": "package lib\n\nfunc Word() string { return \"hunter2\" }\n",
	} {
		path := filepath.Join(w.home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	includes := func(path string) string { return "#include \"" + path + "\"\n" }
	replaces := func(path string) string {
		return "module example.test/bad\n\ngo 1.24\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => " + path + "\n"
	}
	bad := map[string]string{}
	attack := func(name string, content githubtest.Files) {
		bad[name] = name
		files[name+"/go.mod"] = "module example.test/bad\n\ngo 1.24\n"
		files[name+"/main.go"] = "package main\n\nfunc main()\n"
		for file, text := range content {
			files[name+"/"+file] = text
		}
	}
	up := strings.Repeat("../", 20)
	attack("key", githubtest.Files{"x.s": includes(filepath.Join(canary, "key"))})
	attack("netrc", githubtest.Files{"x.s": includes(filepath.Join(w.home, ".netrc"))})
	attack("above", githubtest.Files{"x.s": includes(up + strings.TrimPrefix(canary, "/") + "/key")})
	attack("environ", githubtest.Files{"x.s": includes("/proc/self/environ")})
	attack("parent", githubtest.Files{"x.s": includes("/proc/1/environ")})
	attack("absolute", githubtest.Files{"go.mod": replaces(canary + "/module"), "main.go": goServices["replaced/main.go"]})
	attack("relative", githubtest.Files{"go.mod": replaces(up + strings.TrimPrefix(canary, "/") + "/module"), "main.go": goServices["replaced/main.go"]})
	attack("workspace", githubtest.Files{"go.work": "go 1.24\n\nuse (\n\t.\n\t" + canary + "/module\n)\n", "main.go": goServices["replaced/main.go"]})

	all := maps.Clone(good)
	maps.Copy(all, bad)
	platforms := "[linux/amd64]"
	if builder != "" {
		platforms = "[linux/arm/v7, linux/amd64]"
	}
	s := serve(t, w, settings...)
	repo := s.gh.Repository("octo/demo", nil)
	pushed := maps.Clone(files)
	pushed["drydock.yaml"] = strings.ReplaceAll(goDeclaration(all, platforms), "HOST/", images.host+"/")
	sha := repo.Push("main", pushed, "Write in Go")
	checks := s.completed(repo, sha, len(all))

	// The same by whom the files belong to: it has the same images, and the attacks work.
	mine := maps.Clone(files)
	mine["drydock.yaml"] = goDeclaration(all, platforms)
	own := laptop.services(images.host, mine)
	told := laptop.build("--since", firstPush, "-v")
	told.wantCode(1)
	for _, text := range []string{"hunter2_key", "hunter2_netrc"} {
		if !strings.Contains(strings.ToLower(told.text()+told.err), text) {
			t.Errorf("the attacks do not even work here: nothing of %q in\n%s", text, told.text()+told.err)
		}
	}
	for _, name := range []string{"absolute", "relative", "workspace"} {
		if images.digest(name, own[:7]) == "" {
			t.Errorf("the attack %q does not even work here", name)
		}
	}

	log := func(name string) string { return string(s.peek("/api/v1/runs/1/attempts/1/log?job=" + name)) }
	for name := range good {
		check := checks["Services / "+name+" (push)"]
		if theirs, ours := images.digest(name, sha[:7]), images.digest(name, own[:7]); check.Conclusion != "success" || theirs == "" || theirs != ours {
			t.Errorf("%s: %s; the server's %q, the laptop's %q\n%s\n%s", name, check.Conclusion, theirs, ours, check.Summary, log(name))
		}
	}
	for name := range bad {
		check, said := checks["Services / "+name+" (push)"], log(name)
		if check.Conclusion != "failure" || !strings.Contains(said, "go build for linux/amd64") || images.digest(name, sha[:7]) != "" {
			t.Errorf("%s: %s: %s\n%s", name, check.Conclusion, check.Summary, said)
		}
		if strings.Contains(strings.ToLower(said+check.Summary+check.Text), "hunter2") {
			t.Errorf("%s shows what is the server's:\n%s\n%s", name, check.Summary, said)
		}
	}
	if said := log("plain"); !strings.Contains(said, "HTTPS_PROXY stays on the server") {
		t.Errorf("nothing of the proxy is said: %s", said)
	}
}

// withGoCache spares the program to compile what is compiled.
func (w *world) withGoCache() {
	w.t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	w.env = append(w.env, "GOCACHE="+strings.TrimSpace(string(out)))
}

// moduleProxy serves example.test/dep; sums are its lines in go.sum.
func moduleProxy(t *testing.T) (address, sums string) {
	t.Helper()
	const mod, at = "module example.test/dep\n\ngo 1.24\n", "example.test/dep@v1.0.0/"
	inside := []struct{ name, text string }{{"dep.go", "package dep\n\nconst Word = \"fetched\"\n"}, {"go.mod", mod}}
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	listed := ""
	for _, f := range inside {
		w, err := z.Create(at + f.name)
		if err == nil {
			_, err = w.Write([]byte(f.text))
		}
		if err != nil {
			t.Fatal(err)
		}
		listed += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(f.text)), at+f.name)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	h1 := func(list string) string { // golang.org/x/mod/sumdb/dirhash
		sum := sha256.Sum256([]byte(list))
		return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
	}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch name, _ := strings.CutPrefix(r.URL.Path, "/example.test/dep/@v/v1.0.0"); name {
		case ".info":
			fmt.Fprint(rw, `{"Version":"v1.0.0"}`)
		case ".mod":
			fmt.Fprint(rw, mod)
		case ".zip":
			_, _ = rw.Write(packed.Bytes())
		default:
			http.NotFound(rw, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, "example.test/dep v1.0.0 " + h1(listed) + "\nexample.test/dep v1.0.0/go.mod " + h1(fmt.Sprintf("%x  go.mod\n", sha256.Sum256([]byte(mod)))) + "\n"
}
