package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/drydock-ci/drydock/executor"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fake is an engine that notes what it is asked. Methods that a test does not
// need are the embedded nil's.
type fake struct {
	engine
	version string
	images  map[string]image.InspectResponse
	pulls   []string // what each pull streams, in turn
	fail    map[string]error

	mu      sync.Mutex
	calls   []string
	configs map[string]*container.Config
	hosts   map[string]*container.HostConfig
	pullOpt image.PullOptions
}

func (f *fake) call(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := fmt.Sprintf(format, args...)
	f.calls = append(f.calls, c)
	verb, _, _ := strings.Cut(c, " ")
	return f.fail[verb]
}

func (f *fake) ClientVersion() string { return f.version }

func (f *fake) ImageInspect(_ context.Context, ref string, _ ...client.ImageInspectOption) (image.InspectResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, ok := f.images[ref]; ok {
		return r, nil
	}
	return image.InspectResponse{}, cerrdefs.ErrNotFound
}

func (f *fake) ImagePull(_ context.Context, ref string, o image.PullOptions) (io.ReadCloser, error) {
	if err := f.call("pull %s", ref); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pullOpt = o
	if len(f.pulls) == 0 {
		f.images[ref] = image.InspectResponse{Os: "linux", Architecture: "amd64"}
		return io.NopCloser(strings.NewReader(`{"status":"ok"}`)), nil
	}
	body := f.pulls[0]
	f.pulls = f.pulls[1:]
	return io.NopCloser(strings.NewReader(body)), nil
}

func (f *fake) ContainerCreate(_ context.Context, c *container.Config, h *container.HostConfig, _ *network.NetworkingConfig, _ *ocispec.Platform, name string) (container.CreateResponse, error) {
	err := f.call("create %s", name)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.configs[name], f.hosts[name] = c, h
	return container.CreateResponse{ID: "id-" + name}, err
}

func (f *fake) ContainerStart(_ context.Context, id string, _ container.StartOptions) error {
	return f.call("start %s", id)
}

func (f *fake) ContainerAttach(context.Context, string, container.AttachOptions) (types.HijackedResponse, error) {
	ours, theirs := net.Pipe()
	theirs.Close()
	return types.NewHijackedResponse(ours, ""), nil
}

func (f *fake) ContainerRemove(_ context.Context, id string, o container.RemoveOptions) error {
	return f.call("remove %s force=%t volumes=%t", id, o.Force, o.RemoveVolumes)
}

func (f *fake) NetworkConnect(_ context.Context, name, id string, _ *network.EndpointSettings) error {
	return f.call("connect %s %s", name, id)
}

func (f *fake) NetworkCreate(_ context.Context, name string, _ network.CreateOptions) (network.CreateResponse, error) {
	return network.CreateResponse{ID: name}, f.call("network %s", name)
}

func (f *fake) NetworkRemove(_ context.Context, name string) error {
	return f.call("unnetwork %s", name)
}

func (f *fake) VolumeRemove(_ context.Context, name string, _ bool) error {
	return f.call("unvolume %s", name)
}

func (f *fake) ImageBuild(_ context.Context, tar io.Reader, o build.ImageBuildOptions) (build.ImageBuildResponse, error) {
	_, _ = io.Copy(io.Discard, tar)
	return build.ImageBuildResponse{}, f.call("build %s", o.Tags[0])
}

func faked(t *testing.T, o Options) (*Executor, *fake) {
	t.Setenv("DRYDOCK_HELPER", "/bin/sh") // any file
	f := &fake{
		version: "1.41", fail: map[string]error{}, configs: map[string]*container.Config{}, hosts: map[string]*container.HostConfig{},
		images: map[string]image.InspectResponse{"here": {Os: "linux", Architecture: "amd64", Config: &dockerspec.DockerOCIImageConfig{
			ImageConfig: ocispec.ImageConfig{User: "app", Env: []string{"PATH=/bin"}},
		}}},
	}
	o.Home, o.HelperCache = t.TempDir(), t.TempDir()
	o.Getenv = env(nil)
	x := New(o)
	x.connect = func(context.Context) (*connection, error) {
		return &connection{api: f, arch: "amd64", os: "linux", local: true, host: "unix:///engine.sock"}, nil
	}
	return x, f
}

// TestFailedCreateCleansUp: whatever fails, everything that was or may have
// been made is removed, containers first.
func TestFailedCreateCleansUp(t *testing.T) {
	for _, verb := range []string{"network", "create", "start"} {
		t.Run(verb, func(t *testing.T) {
			x, f := faked(t, Options{})
			f.fail[verb] = errors.New("engine says no")
			_, err := x.Create(context.Background(), executor.Spec{
				Name: "job", Kind: executor.Machine, Image: executor.Image{Ref: "here"}, Volumes: []string{"data:/data"},
				Services: []executor.Service{{ID: "db", Image: executor.Image{Ref: "here"}}},
			})
			if err == nil || !strings.Contains(err.Error(), "engine says no") {
				t.Fatalf("got %v", err)
			}
			all := strings.Join(f.calls, "\n")
			for _, want := range []string{"remove drydock-job-", "unnetwork drydock-job-"} {
				if !strings.Contains(all, want) {
					t.Errorf("%q is missing in\n%s", want, all)
				}
			}
			for name := range f.configs {
				if !slices.Contains(f.calls, "remove "+name+" force=true volumes=true") {
					t.Errorf("%q was not removed:\n%s", name, all)
				}
			}
			if verb == "start" && !strings.Contains(all, "-data") {
				t.Errorf("the named volume was not removed:\n%s", all)
			}
		})
	}
}

// TestDefinition: what the engine is told of a job's container.
func TestDefinition(t *testing.T) {
	x, f := faked(t, Options{Policy: Policy{AllowSocket: true}, Proxy: map[string]string{"http_proxy": "p"}})
	f.fail["start"] = errors.New("far enough")
	_, _ = x.Create(context.Background(), executor.Spec{
		Name: "job", Kind: executor.Container, Image: executor.Image{Ref: "here", Credentials: &executor.Credentials{Username: "u", Password: "hunter2"}},
		Env: map[string]string{"A": "b"}, Options: "--hostname h --label a=b --init --user app:app", Linger: 7,
		Labels: executor.Labels{Owner: "o", Run: "r", Job: "j"},
	})
	if len(f.configs) != 1 {
		t.Fatalf("%d containers", len(f.configs))
	}
	for name, c := range f.configs {
		h := f.hosts[name]
		if c.User != "0:0" || c.Hostname != "h" || c.Labels["a"] != "b" || c.Labels[labelRun] != "r" {
			t.Errorf("config %+v", c)
		}
		if !slices.Contains(c.Env, "A=b") || !slices.Contains(c.Env, "HTTP_PROXY=p") || !slices.Contains(c.Env, "HOME=/github/home") {
			t.Errorf("env %q", c.Env)
		}
		if got := strings.Join(c.Cmd, " "); got != "serve --stdio --socket "+socketPath+" --linger 7 --user app:app --group-of "+enginePath {
			t.Errorf("cmd %q", got)
		}
		if !h.AutoRemove || *h.Init || h.LogConfig.Type != "none" || h.Privileged || len(h.PortBindings) > 0 {
			t.Errorf("host %+v", h)
		}
		var targets []string
		for _, m := range h.Mounts {
			targets = append(targets, m.Target)
		}
		if !slices.Equal(targets, []string{"/__w", enginePath, helperTarget}) {
			t.Errorf("mounts %q", targets)
		}
		if text := fmt.Sprintf("%+v %+v %q", c, h, f.calls); strings.Contains(text, "hunter2") {
			t.Error("a password is in the definition")
		}
	}
}

func TestPull(t *testing.T) {
	old := pullPauses
	pullPauses = []time.Duration{time.Millisecond, time.Millisecond}
	t.Cleanup(func() { pullPauses = old })
	for name, tc := range map[string]struct {
		pulls []string
		img   executor.Image
		calls int
		kind  executor.ErrorKind
		want  string
	}{
		"there":     {nil, executor.Image{Ref: "here"}, 0, "", ""},
		"always":    {nil, executor.Image{Ref: "here", Pull: executor.PullAlways}, 1, "", ""},
		"missing":   {nil, executor.Image{Ref: "gone"}, 1, "", ""},
		"platform":  {nil, executor.Image{Ref: "here", Platform: "linux/arm64"}, 1, executor.NotFound, "another platform"},
		"never":     {nil, executor.Image{Ref: "gone", Pull: executor.PullNever}, 0, executor.NotFound, "pulling is off"},
		"bad name":  {nil, executor.Image{Ref: "A B"}, 0, executor.Invalid, "not an image's name"},
		"retried":   {[]string{`{"error":"connection reset"}`, `{"error":"i/o timeout"}`}, executor.Image{Ref: "gone"}, 3, "", ""},
		"gives up":  {[]string{`{"error":"reset"}`, `{"error":"reset"}`, `{"error":"reset"}`, `{}`}, executor.Image{Ref: "gone"}, 3, executor.Failed, "check the network"},
		"unknown":   {[]string{`{"error":"manifest unknown"}`}, executor.Image{Ref: "gone"}, 1, executor.NotFound, `log in with "docker login"`},
		"denied":    {[]string{`{"error":"pull access denied"}`}, executor.Image{Ref: "gone", Credentials: &executor.Credentials{Password: "hunter2"}}, 1, executor.NotFound, "check the declared credentials"},
		"cut short": {[]string{`{"status":`}, executor.Image{Ref: "gone"}, 2, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			x, f := faked(t, Options{})
			f.pulls = tc.pulls
			err := x.Pull(context.Background(), tc.img, nil)
			if len(f.calls) != tc.calls {
				t.Errorf("calls %q, want %d", f.calls, tc.calls)
			}
			if tc.kind == "" && err != nil || tc.kind != "" && (!executor.IsKind(err, tc.kind) || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("a password is in the error")
			}
		})
	}
}

func TestFollow(t *testing.T) {
	var lines []string
	log := func(l string) { lines = append(lines, l) }
	now := time.Unix(0, 0)
	tick := func() time.Time { now = now.Add(2 * time.Second); return now }
	err := followPull(strings.NewReader(`{"status":"Pulling fs layer","id":"a"}{"status":"Pulling fs layer","id":"b"}
		{"status":"Downloading","id":"a","progressDetail":{"current":5,"total":10}}{"status":"Pull complete","id":"a"}{"status":"x"}`), "img", log, tick)
	if err != nil || len(lines) == 0 || lines[len(lines)-1] != "Pulling img: 1 of 2 layers, 10B of 10B" {
		t.Errorf("%v %q", err, lines)
	}
	lines = nil
	err = followBuild(strings.NewReader(`{"stream":"Step 1/2 : FROM a\n"}{"stream":"Step 2/2 : RUN b\n"}{"stream":"half"}{"stream":" line\nrest"}{"error":"no"}`), log)
	if err == nil || err.Error() != "Step 2/2 : RUN b: no" || !slices.Equal(lines, []string{"Step 1/2 : FROM a", "Step 2/2 : RUN b", "half line", "rest"}) {
		t.Errorf("%v %q", err, lines)
	}
}

// TestConfined: what the operator opens to jobs stays closed to a confined one.
func TestConfined(t *testing.T) {
	open := Options{Policy: Policy{AllowSocket: true, AllowPrivileged: true, AllowMounts: []string{"/srv"}}, ToolCacheVolume: "tools"}
	for _, confined := range []bool{false, true} {
		x, f := faked(t, open)
		f.fail["start"] = errors.New("far enough")
		spec := executor.Spec{Name: "job", Kind: executor.Machine, Image: executor.Image{Ref: "here"}, Confined: confined}
		_, _ = x.Create(context.Background(), spec)
		for name, h := range f.hosts {
			var sources []string
			for _, m := range h.Mounts {
				sources = append(sources, m.Source)
			}
			for _, source := range []string{"/engine.sock", "tools"} {
				if got := slices.Contains(sources, source); got == confined {
					t.Errorf("confined %v: %q is mounted: %v (%q)", confined, source, got, sources)
				}
			}
			if got := f.configs[name].Labels[labelConfine] != ""; got != confined {
				t.Errorf("confined %v: labels %v", confined, f.configs[name].Labels)
			}
		}
		for _, with := range []executor.Spec{
			{Options: "--privileged"}, {Volumes: []string{"/srv:/srv"}}, {Volumes: []string{"/var/run/docker.sock:/d"}},
			{Services: []executor.Service{{ID: "db", Image: executor.Image{Ref: "here"}, Options: "--privileged"}}},
		} {
			with.Name, with.Kind, with.Image, with.Confined = spec.Name, executor.Container, spec.Image, confined
			_, err := x.draft(&connection{}, with)
			if got := executor.IsKind(err, executor.Refused); got != confined {
				t.Errorf("confined %v, %+v: %v", confined, with, err)
			}
			if confined && (strings.Contains(err.Error(), "drydock.yaml") || !strings.Contains(err.Error(), "trusted less")) {
				t.Errorf("the error gives a hint that does not help: %v", err)
			}
		}
	}
}
