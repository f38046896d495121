package livetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestServicesBadInput: a service that cannot be built says why, with its place, and
// the one beside it is published.
func TestServicesBadInput(t *testing.T) {
	for what, tt := range map[string]struct {
		dockerfile string
		service    string // more keys of the service
		text       []string
	}{
		"unknown word":      {dockerfile: "FROM scratch\nFOO bar\n", text: []string{"Dockerfile", "FOO"}},
		"no Dockerfile":     {dockerfile: "<html>\n", text: []string{"Dockerfile"}},
		"empty Dockerfile":  {dockerfile: " ", text: []string{"Dockerfile"}},
		"out of context":    {dockerfile: "FROM scratch\n\nCOPY ../good/data.txt /\n", text: []string{"bad/Dockerfile:3", "COPY ../good/data.txt", "lies outside of the context"}},
		"nothing to copy":   {dockerfile: "FROM scratch\nCOPY nosuch.txt /\n", text: []string{"nosuch.txt", "is not in the context"}},
		"ignored":           {dockerfile: "FROM scratch\nCOPY hidden.txt /\n", text: []string{"hidden.txt", ".dockerignore"}},
		"a step fails":      {dockerfile: "FROM HOST/base:1\nRUN echo why it fails; exit 3\n", text: []string{"why it fails", "exit code: 3"}},
		"no base":           {dockerfile: "FROM HOST/nosuch:1\n", text: []string{"HOST/nosuch:1", "not found"}},
		"no target":         {dockerfile: copied, service: "build: {target: nosuch}", text: []string{`no stage "nosuch"`}},
		"other platform":    {dockerfile: "FROM HOST/onlyamd64:1\n", service: "build: {platforms: [linux/amd64, linux/arm64]}", text: []string{"linux/arm64"}},
		"no secret":         {dockerfile: copied, service: "build: {secrets: {npm: NO_SUCH_VARIABLE}}", text: []string{`secret "npm"`, "NO_SUCH_VARIABLE"}},
		"no attestations":   {dockerfile: copied, service: "build: {provenance: min}", text: []string{"makes no attestations", "BUILDKIT_HOST"}},
		"no ssh agent":      {dockerfile: copied, service: "build: {ssh: [default]}", text: []string{"SSH_AUTH_SOCK"}},
		"no folder":         {dockerfile: copied, service: "build: {context: nosuch}", text: []string{"drydock.yaml:", `does not exist: "nosuch"`}},
		"no such file":      {dockerfile: copied, service: "build: {dockerfile: bad/Nosuch}", text: []string{"drydock.yaml:", `does not exist: "bad/Nosuch"`}},
		"needs what failed": {dockerfile: "FROM HOST/team/worse:main\n", service: "depends-on: worse", text: []string{`needs "worse"`, "failed"}},
		"a bad epoch":       {dockerfile: copied, service: "build: {args: {SOURCE_DATE_EPOCH: yesterday}}", text: []string{"SOURCE_DATE_EPOCH", `"yesterday"`}},
		"go does not build": {service: "build: ko", text: []string{"compile", "bad"}},
		"no main package":   {service: "build: {ko: good}", text: []string{"good"}},
	} {
		if what == "no attestations" && strings.Contains(docker(t, "info", "--format", "{{.DriverStatus}}"), "io.containerd.snapshotter") {
			continue // where images are kept so, there are attestations
		}
		t.Run(what, func(t *testing.T) {
			w, r := newWorld(t), newImageRegistry(t)
			w.withGo()
			r.base("base")
			r.onlyAMD64("base", "onlyamd64")
			declared := strings.Replace(goodAndBad, "    path: bad\n", "    path: bad\n    "+tt.service+"\n", 1)
			if strings.Contains(tt.service, "worse") {
				declared += "  worse: {path: worse, image: HOST/team/worse}\n"
			}
			files := map[string]string{
				"drydock.yaml": declared, "go.mod": "module example.com/m\n\ngo 1.24\n",
				"good/Dockerfile": copied, "good/data.txt": what,
				"bad/data.txt": what, "bad/hidden.txt": "x", "bad/.dockerignore": "hidden.txt\n", "bad/main.go": "package main\n\nfunc main() { nosuch() }\n",
				"worse/Dockerfile": "FROM scratch\nCOPY nosuch /\n",
			}
			if tt.dockerfile != "" {
				files["bad/Dockerfile"] = tt.dockerfile
			}
			sha := w.services(r.host, files)
			text := tt.text
			for i := range text {
				text[i] = strings.ReplaceAll(text[i], "HOST/", r.host+"/")
			}
			r.wantOutcome(w.build("--since", firstPush, "--json"), "", sha, false, text...)
		})
	}
}

// onlyAMD64 makes an index of an image that has no other platform.
func (i *imageRegistry) onlyAMD64(from, to string) {
	i.t.Helper()
	img, err := remote.Image(i.reference(from, "1"))
	if err != nil {
		i.t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	if err := remote.WriteIndex(i.reference(to, "1"), index); err != nil {
		i.t.Fatal(err)
	}
}

// TestServicesBadDeclaration: what is wrong with the declaration itself is told with
// its place, and nothing at all is built.
func TestServicesBadDeclaration(t *testing.T) {
	w, r := newWorld(t), newImageRegistry(t)
	for what, tt := range map[string]struct {
		declared string
		text     []string
	}{
		"circle":     {"  bad: {path: bad, image: HOST/bad, depends-on: worse}\n  worse: {path: bad, image: HOST/worse, depends-on: bad}\n", []string{"drydock.yaml:4:", "bad -> worse -> bad"}},
		"one image":  {"  bad: {path: bad, image: HOST/good}\n", []string{"drydock.yaml:3:", `"good" and "bad" have one image`, "(line 2)"}},
		"platform":   {"  bad: {path: bad, image: HOST/bad, build: {platforms: [linux/nosuch]}}\n", []string{"drydock.yaml:3:", `"linux/nosuch" is not supported`, "linux/arm64"}},
		"way out":    {"  bad: {path: ../bad, image: HOST/bad}\n", []string{"drydock.yaml:3:", "outside of the repository"}},
		"image name": {"  bad: {path: bad, image: 'HOST/Bad name'}\n", []string{"drydock.yaml:3:", "no name of an image"}},
		"key":        {"  bad: {path: bad, image: HOST/bad, platform_names: [linux/amd64]}\n", []string{"drydock.yaml:3:", "platform_names"}},
	} {
		w.services(r.host, map[string]string{
			"drydock.yaml":    "services:\n  good: {path: good, image: HOST/good}\n" + tt.declared,
			"good/Dockerfile": copied, "good/data.txt": what, "bad/Dockerfile": copied, "bad/data.txt": what,
		})
		res := w.build("--since", firstPush)
		if res.code != 3 {
			t.Errorf("%s: exit code %d: %s", what, res.code, res.err)
		}
		for _, part := range tt.text {
			if !strings.Contains(res.err, part) {
				t.Errorf("%s: the error does not say %q: %s", what, part, res.err)
			}
		}
		if sent := r.uploads(); len(sent) > 0 {
			t.Errorf("%s: %q", what, sent)
		}
	}
}

// TestServicesOutOfMemory: a step that takes more memory than its builder may.
func TestServicesOutOfMemory(t *testing.T) {
	w, r := newWorld(t), newImageRegistry(t)
	r.base("base")
	parent := memoryLimit(t, 48<<20)
	config := filepath.Join(w.home, "buildkitd.toml")
	if err := os.WriteFile(config, []byte("[worker.oci]\n  defaultCgroupParent = \""+parent+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "BUILDKIT_HOST="+newBuildkitd(t, "--config", config))
	sha := w.services(r.host, map[string]string{
		"drydock.yaml":    goodAndBad,
		"good/Dockerfile": "FROM HOST/base:1\nCOPY data.txt /\nRUN cp data.txt copy.txt\n", "good/data.txt": "x",
		"bad/Dockerfile": "FROM HOST/base:1\nRUN echo filling; tail /dev/zero\n",
	})
	r.wantOutcome(w.build("--since", firstPush, "--json"), "", sha, false, "Dockerfile:2", "tail /dev/zero", "want of memory")
}

// memoryLimit makes a control group, and gives its name.
func memoryLimit(t *testing.T, bytes int) string {
	t.Helper()
	name := fmt.Sprintf("/drydock-test-%d", time.Now().UnixNano())
	for _, limit := range []string{"/sys/fs/cgroup/memory" + name + "/memory.limit_in_bytes", "/sys/fs/cgroup" + name + "/memory.max"} { // version 1, 2
		dir := filepath.Dir(limit)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			eventually(t, patience, "the control group is gone", func() bool {
				// runc makes it in every hierarchy, and one of its own within.
				for _, pattern := range []string{"/sys/fs/cgroup/*" + name + "/*", "/sys/fs/cgroup/*" + name, dir + "/*", dir} {
					groups, _ := filepath.Glob(pattern)
					for _, group := range groups {
						_ = syscall.Rmdir(group)
					}
				}
				_, err := os.Stat(dir)
				return os.IsNotExist(err)
			})
		})
		f, err := os.OpenFile(limit, os.O_WRONLY, 0) // the kernel has made it
		if err != nil {
			continue
		}
		_, err = f.WriteString(strconv.Itoa(bytes))
		if f.Close(); err == nil {
			return name
		}
	}
	t.Skip("needs control groups that can be written")
	return ""
}
