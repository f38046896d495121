package build

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/executor/executortest"
)

const twoFiles = "FROM scratch\nARG TARGETARCH\nARG WHO=nobody\nLABEL who=$WHO\nCOPY a.txt /data/a.txt\nCOPY bin/$TARGETARCH /bin/tool\n"

func clone(t testing.TB, at time.Time) string {
	t.Helper()
	dir := folder(t, "Dockerfile", twoFiles, "a.txt", "hello\n", "bin/amd64", "x", "bin/arm64", "y", "ignored.txt", "z", ".dockerignore", "ignored.txt\n")
	for _, f := range []string{"a.txt", "bin/amd64", "bin/arm64", "bin", "."} {
		if err := os.Chtimes(filepath.Join(dir, f), at, at); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestPlatforms builds one index for two platforms: two clones, at two builders
// that know nothing of each other, give one digest.
func TestPlatforms(t *testing.T) {
	host := host(t)
	var first Result
	for i, b := range []*Builder{shared(t, Options{}), shared(t, Options{}), start(t, "").builder(t, Options{})} {
		res, err := b.Build(t.Context(), Request{
			Name: "agenda", Context: clone(t, time.Now().Add(-time.Duration(i)*time.Hour)), Platforms: []string{"linux/arm64", "linux/amd64"},
			Args: map[string]string{"WHO": "me"}, Labels: map[string]string{"org.opencontainers.image.revision": "abc"},
			Output: Output{Push: host + "/agenda", Tags: []string{"v1", "latest"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = res
		} else if res.Digest != first.Digest {
			t.Errorf("build %d: %s, before %s", i, res.Digest, first.Digest)
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, first.Platforms); diff != "" || first.Size == 0 {
		t.Errorf("%+v: %s", first, diff)
	}
	got, err := anonymous(t).Resolve(t.Context(), host+"/agenda:latest")
	if err != nil || got.Digest != first.Digest {
		t.Errorf("%v, %v", got, err)
	}
	all := images(t, host+"/agenda:v1")
	for arch, tool := range map[string]string{"amd64": "x", "arm64": "y"} {
		img := all["linux/"+arch]
		if diff := cmp.Diff(map[string]string{"data/a.txt": "hello\n", "bin/tool": tool}, files(t, img)); diff != "" {
			t.Errorf("%s: %s", arch, diff)
		}
		c := mustConfig(t, img)
		if c.Config.Labels["who"] != "me" || c.Config.Labels["org.opencontainers.image.revision"] != "abc" || !c.Created.Equal(DefaultEpoch) {
			t.Errorf("%s: %v, %s", arch, c.Config.Labels, c.Created)
		}
	}
}

// TestSources: a tar, another Dockerfile, a target, more contexts; a layout and
// its tar.
func TestSources(t *testing.T) {
	b := shared(t, Options{})
	var sent bytes.Buffer
	tw := tar.NewWriter(&sent)
	for name, text := range map[string]string{"sub/Other": "FROM scratch AS one\nCOPY f /one\nFROM scratch\nCOPY f /two\n", "f": "content"} {
		_ = tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
		_, _ = tw.Write([]byte(text))
	}
	_ = tw.Close()
	out := t.TempDir()
	dir := folder(t, "f", "content", "sub/Other", "FROM scratch AS one\nCOPY f /one\nFROM scratch\nCOPY --from=more g /two\n")
	for name, r := range map[string]Request{
		"tar":    {Tar: io.NopCloser(&sent), Dockerfile: "sub/Other", Target: "one"},
		"folder": {Context: dir, Dockerfile: "sub/Other", Target: "one"},
		"beside": {Context: dir, Dockerfile: filepath.Join(folder(t, "D", "FROM scratch\nCOPY f /one\n"), "D")},
		"more":   {Context: dir, Dockerfile: "sub/Other", Contexts: map[string]string{"more": folder(t, "g", "content")}},
	} {
		r.Output = Output{Layout: filepath.Join(out, name), Tar: filepath.Join(out, name+".tar")}
		res, err := b.Build(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l := registry.Layout{Dir: r.Output.Layout}
		root, err := l.Root()
		if err != nil || root.Digest != res.Digest {
			t.Errorf("%s: %v, %v, %+v", name, root, err, res)
		}
		host := host(t)
		if err := anonymous(t).Push(t.Context(), l, root, host+"/x/y", []string{"1"}, nil); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{map[bool]string{true: "two", false: "one"}[name == "more"]: "content"}
		for _, img := range images(t, host+"/x/y:1") {
			if diff := cmp.Diff(want, files(t, img)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if fi, err := os.Stat(r.Output.Tar); err != nil || fi.Size() < res.Size {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
	// A layout is replaced, anything else is not.
	again := Request{Context: dir, Dockerfile: "sub/Other", Target: "one", Output: Output{Layout: filepath.Join(out, "more")}}
	if _, err := b.Build(t.Context(), again); err != nil {
		t.Error(err)
	}
	again.Output.Layout = dir
	if _, err := b.Build(t.Context(), again); !executor.IsKind(err, executor.Refused) {
		t.Error(err)
	}
}

// TestSecrets: a step has them; events, errors, layers and history have not.
func TestSecrets(t *testing.T) {
	b, host := shared(t, Options{}), host(t)
	const secret = "tok3n-of-two\nl1nes-here"
	var e told
	dir := folder(t, "Dockerfile", "FROM "+base(t, host)+"\nRUN --mount=type=secret,id=t,required=true head -c 5 /run/secrets/t; cat /run/secrets/t; echo; cat /run/secrets/t >&2; echo whole\n")
	r := Request{
		Context: dir, Secrets: map[string][]byte{"t": []byte(secret)}, Provenance: "max", NoCache: true,
		Output: Output{Push: host + "/app", Tags: []string{"1"}}, Progress: e.add,
	}
	res, err := b.Build(t.Context(), r)
	if err != nil {
		t.Fatalf("%v: %s", err, &e)
	}
	if text := e.String(); strings.Contains(text, "of-two") || strings.Contains(text, "l1nes") || !strings.Contains(text, "***") || !strings.Contains(text, `"whole"`) {
		t.Error(text)
	}
	found := 0
	for platform, img := range images(t, host+"/app:1") {
		raw, err := img.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range layers {
			var r io.ReadCloser
			if platform == "unknown/unknown" {
				r, err = l.Compressed() // the attestation is no tar
				found++
			} else {
				r, err = l.Uncompressed()
			}
			if err != nil {
				t.Fatal(err)
			}
			data, _ := io.ReadAll(r)
			raw = append(raw, data...)
		}
		if bytes.Contains(raw, []byte("of-two")) {
			t.Errorf("%s: the secret is in the image", platform)
		}
	}
	if found == 0 || len(res.Platforms) != 1 {
		t.Errorf("%d attestations, %v", found, res.Platforms)
	}
	r.Context = folder(t, "Dockerfile", "FROM "+base(t, host)+"\nRUN --mount=type=secret,id=t false $(cat /run/secrets/t)\nRUN --mount=type=secret,id=other,required=true true\n")
	r.Secrets = map[string][]byte{"t": []byte("/run/secrets")}
	if _, err := b.Build(t.Context(), r); err == nil || strings.Contains(err.Error(), "/run/secrets") {
		t.Error(err)
	}
	r.Context = folder(t, "Dockerfile", "FROM "+base(t, host)+"\nRUN --mount=type=secret,id=other,required=true true\n")
	if _, err := b.Build(t.Context(), r); !executor.IsKind(err, executor.Invalid) || !strings.Contains(err.Error(), "other") {
		t.Error(err)
	}
}

// TestFaults: each gives one clear class with its place, and no tag is there.
func TestFaults(t *testing.T) {
	b, host := shared(t, Options{}), host(t)
	base := base(t, host)
	for name, tt := range map[string]struct {
		dockerfile string
		platforms  []string
		kind       executor.ErrorKind
		reason     executor.Reason
		text       string
	}{
		"unknown word":     {dockerfile: "FROM scratch\nFOO bar\n", kind: executor.Invalid, reason: BadDockerfile, text: "Dockerfile:2"},
		"empty":            {dockerfile: "", kind: executor.Invalid, reason: BadDockerfile},
		"not a Dockerfile": {dockerfile: "\x00\x01<html>", kind: executor.Invalid, reason: BadDockerfile},
		"out of context":   {dockerfile: "FROM scratch\n\nCOPY ../secret.txt /x\n", kind: executor.Invalid, reason: OutsideContext, text: "Dockerfile:3: COPY ../secret.txt /x: it leads out"},
		"missing":          {dockerfile: "FROM scratch\nCOPY nothing /x\n", kind: executor.Invalid, reason: OutsideContext, text: `"nothing" is not in the context`},
		"ignored":          {dockerfile: "FROM scratch\nCOPY hidden /x\n", kind: executor.Invalid, reason: OutsideContext, text: ".dockerignore"},
		"a step fails":     {dockerfile: "FROM " + base + "\nRUN exit 3\n", kind: executor.Failed, reason: StepFailed, text: "exit code: 3"},
		"killed":           {dockerfile: "FROM " + base + "\nRUN exit 137\n", kind: executor.Failed, reason: executor.OutOfMemory, text: "memory"},
		"no program":       {dockerfile: "FROM scratch\nRUN true\n", kind: executor.Failed, reason: StepFailed, text: "Dockerfile:2"},
		"no such base":     {dockerfile: "FROM " + host + "/nothing:1\n", kind: executor.NotFound, text: "base image"},
		"no platform":      {dockerfile: "FROM scratch\n", platforms: []string{"linus"}, kind: executor.Invalid, reason: BadPlatform, text: "linux/amd64"},
		"no target":        {dockerfile: "FROM scratch AS a\n", kind: executor.Invalid, reason: BadDockerfile, text: "nothere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Request{
				Name: "agenda", Context: folder(t, "Dockerfile", tt.dockerfile, "hidden", "x", ".dockerignore", "hidden\n"), Platforms: tt.platforms,
				Output: Output{Push: host + "/faulty/" + strings.ReplaceAll(strings.ToLower(name), " ", "-"), Tags: []string{"v1"}},
			}
			if name == "no target" {
				r.Target = "nothere"
			}
			var e told
			r.Progress = e.add
			_, err := b.Build(t.Context(), r)
			if err == nil {
				t.Fatal("no error")
			}
			if !executor.IsKind(err, tt.kind) || executor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), `"agenda"`) {
				t.Errorf("reason %q: %v", executor.ReasonOf(err), err)
			}
			if _, err := anonymous(t).Resolve(t.Context(), r.Output.Push+":v1"); !executor.IsKind(err, executor.NotFound) {
				t.Errorf("a tag was moved: %v", err)
			}
			open := map[string]bool{}
			e.mu.Lock()
			for _, v := range e.all {
				if v.Kind == Started {
					open[v.ID] = true
				} else if v.Kind != Log {
					delete(open, v.ID)
				}
			}
			e.mu.Unlock()
			if len(open) > 0 {
				t.Errorf("steps without an end: %s", &e)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	b, host := shared(t, Options{}), host(t)
	cause := errors.New("the user said so")
	ctx, cancel := context.WithCancelCause(t.Context())
	began := time.Now()
	_, err := b.Build(ctx, Request{
		Context: folder(t, "Dockerfile", "FROM "+base(t, host)+"\nRUN echo begun; sleep 600\n"), NoCache: true,
		Progress: func(e Event) {
			if e.Kind == Log && e.Line == "begun" {
				cancel(cause)
			}
		},
	})
	if !errors.Is(err, cause) || time.Since(began) > 2*time.Minute {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestBuilderGone(t *testing.T) {
	buildkitd(t)
	none, err := New(Options{Address: "unix:///nowhere/s", Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	dir := folder(t, "Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
	if _, err := none.Build(t.Context(), Request{Context: dir}); !executor.IsKind(err, executor.Unavailable) || !strings.Contains(err.Error(), "/nowhere/s") {
		t.Error(err)
	}
	if _, err := none.Probe(t.Context()); !executor.IsKind(err, executor.Unavailable) {
		t.Error(err)
	}
	// One that dies in the middle, as when the machine runs out of memory.
	d := start(t, "")
	b := d.builder(t, Options{})
	host := host(t)
	_, err = b.Build(t.Context(), Request{
		Context: folder(t, "Dockerfile", "FROM "+base(t, host)+"\nRUN echo begun; sleep 60\n"),
		Progress: func(e Event) {
			if e.Line == "begun" {
				_ = d.Process.Kill()
			}
		},
	})
	if !executor.IsKind(err, executor.Lost) {
		t.Errorf("%v", err)
	}
}

// TestCache: another builder takes what one has left in a registry.
func TestCache(t *testing.T) {
	host := host(t)
	dir := folder(t, "Dockerfile", "FROM "+base(t, host)+"\nRUN echo work >/made\n")
	caches := []Cache{{Type: "registry", Attrs: map[string]string{"ref": host + "/cache:1", "mode": "max"}}}
	if _, err := shared(t, Options{}).Build(t.Context(), Request{Context: dir, CacheTo: caches}); err != nil {
		t.Fatal(err)
	}
	var e told
	if _, err := start(t, "").builder(t, Options{}).Build(t.Context(), Request{Context: dir, CacheFrom: caches, Progress: e.add}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(e.String(), `cached "[2/2] RUN echo work >/made"`) {
		t.Error(e.String())
	}
}

// TestKnownLayers: what the registry has is not even fetched from the builder.
func TestKnownLayers(t *testing.T) {
	b, host := shared(t, Options{}), host(t)
	build := func(text string) string {
		var e told
		dir := folder(t, "Dockerfile", "FROM "+base(t, host)+"\nCOPY f /f\n", "f", text)
		if _, err := b.Build(t.Context(), Request{Context: dir, Output: Output{Push: host + "/app", Tags: []string{text}}, Progress: e.add}); err != nil {
			t.Fatal(err)
		}
		return e.String()
	}
	build("1")
	if text := build("2"); !strings.Contains(text, "MiB)") {
		t.Error(text)
	} else {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "started \"push") && strings.Contains(line, "MiB") {
				t.Errorf("it is sent again: %s", line)
			}
		}
	}
	all := images(t, host+"/app:2")
	if len(all) != 1 {
		t.Errorf("%d images", len(all))
	}
	for _, img := range all {
		if got := files(t, img); got["f"] != "2" || len(got["bin/busybox"]) < 1<<20 {
			t.Errorf("%d bytes of busybox, %q", len(got["bin/busybox"]), got["f"])
		}
	}
	// Who may not push is told before anything is built.
	var e told
	r := Request{Context: folder(t, "Dockerfile", "FROM scratch\n"), Output: Output{Push: "127.0.0.1:1/app"}, Progress: e.add}
	if _, err := b.Build(t.Context(), r); !executor.IsKind(err, executor.Unavailable) || e.String() != "" {
		t.Errorf("%v: %s", err, &e)
	}
}

// TestElsewhere: a layout does without the layers that are where it is pushed to.
func TestElsewhere(t *testing.T) {
	b, host := shared(t, Options{}), host(t)
	from := base(t, host)
	push := func(text string, elsewhere func(context.Context, digest.Digest) bool) (bytes int64, missing int) {
		t.Helper()
		l := registry.Layout{Dir: filepath.Join(t.TempDir(), "layout")}
		dir := folder(t, "Dockerfile", "FROM "+from+"\nCOPY f /f\n", "f", text)
		res, err := b.Build(t.Context(), Request{Context: dir, Output: Output{Layout: l.Dir, Elsewhere: elsewhere}})
		if err != nil {
			t.Fatal(err)
		}
		root, err := l.Root()
		if err != nil {
			t.Fatal(err)
		}
		content, err := l.Content(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range content.Blobs {
			if _, err := os.Stat(l.Path(blob.Digest)); err != nil {
				missing++
			}
		}
		if err := anonymous(t).Push(t.Context(), l, root, host+"/app", []string{text}, nil); err != nil {
			t.Error(err)
		}
		return res.Size, missing
	}
	whole, missing := push("1", nil)
	if missing != 0 {
		t.Errorf("%d layers are missing", missing)
	}
	has, err := anonymous(t).Has(t.Context(), host+"/app")
	if err != nil {
		t.Fatal(err)
	}
	if size, missing := push("2", has); missing != 1 || size != whole {
		t.Errorf("%d layers are missing; it has %d bytes, the other %d", missing, size, whole)
	}
	for _, img := range images(t, host+"/app:2") {
		if got := files(t, img); got["f"] != "2" || len(got["bin/busybox"]) < 1<<20 {
			t.Errorf("%d bytes of busybox, %q", len(got["bin/busybox"]), got["f"])
		}
	}
}

// TestTLS: a builder asks for a certificate, and is asked for one.
func TestTLS(t *testing.T) {
	buildkitd(t)
	dir := certificates(t)
	address := "tcp://127.0.0.1:" + executortest.Port(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	d := start(t, address, "--tlscacert", at("ca.pem"), "--tlscert", at("server.pem"), "--tlskey", at("server-key.pem"))
	good := TLS{CACert: at("ca.pem"), Cert: at("client.pem"), Key: at("client-key.pem"), Server: "builder"}
	b := d.builder(t, Options{TLS: &good})
	if _, err := b.Build(t.Context(), Request{Context: folder(t, "Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")}); err != nil {
		t.Error(err)
	}
	for what, bad := range map[string]*TLS{"no certificate": {CACert: good.CACert, Server: "builder"}, "another name": {CACert: good.CACert, Cert: good.Cert, Key: good.Key, Server: "x"}, "no TLS": nil} {
		b, err := New(Options{Address: address, TLS: bad, Registry: anonymous(t)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Probe(t.Context()); err == nil {
			t.Errorf("%s: it answers", what)
		}
		_ = b.Close()
	}
}
