package docker

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/docker/docker/api/types/mount"
	"github.com/drydock-ci/drydock/executor"
	syntax "github.com/drydock-ci/drydock/executor/option"
)

func TestAssign(t *testing.T) {
	lists := [][]syntax.Port{{{Container: 1, Protocol: "tcp"}, {Container: 2, Mapped: 32768, Protocol: "tcp"}}, {{Container: 1, Protocol: "tcp"}, {Container: 1, Protocol: "udp"}}}
	if err := assign(lists); err != nil {
		t.Fatal(err)
	}
	if lists[0][0].Mapped != 32769 || lists[1][0].Mapped != 32770 || !lists[1][0].Chosen || lists[0][1].Chosen {
		t.Errorf("%+v", lists)
	}
	if err := assign([][]syntax.Port{{{Mapped: 80, Protocol: "tcp"}}, {{Mapped: 80, Protocol: "tcp"}}}); err == nil {
		t.Error("one port for two services is no error")
	}
	if err := assign([][]syntax.Port{{{Mapped: 53, Protocol: "tcp"}, {Mapped: 53, Protocol: "udp"}}}); err != nil {
		t.Error(err)
	}
}

func TestDraftServices(t *testing.T) {
	img := executor.Image{Ref: "a"}
	spec := executor.Spec{Services: []executor.Service{{ID: "a", Image: img, Ports: []string{"80", "81:82"}}, {ID: "skipped"}}}
	for kind, want := range map[executor.Kind]map[string]string{
		executor.Machine:   {"80": "32768", "82": "81"},
		executor.Container: {"80": "80", "82": "81"},
	} {
		spec.Kind = kind
		got, err := draftServices(spec, Policy{})
		if err != nil || len(got) != 1 || !reflect.DeepEqual(portMap(got[0].settings.ports), want) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	spec.Services = []executor.Service{{ID: "bad id", Image: img}}
	if _, err := draftServices(spec, Policy{}); !executor.IsKind(err, executor.Invalid) {
		t.Errorf("got %v", err)
	}
	spec.Services = []executor.Service{{ID: "a", Image: img, Volumes: []string{"/:/host"}}}
	if _, err := draftServices(spec, Policy{}); !executor.IsKind(err, executor.Refused) {
		t.Errorf("got %v", err)
	}
}

func TestParseVolume(t *testing.T) {
	for in, want := range map[string]volume{
		"/data":              {target: "/data"},
		"name:/data/":        {source: "name", target: "/data"},
		"name:/data:ro":      {source: "name", target: "/data", readOnly: true},
		"/a/../b:/data:rw,z": {source: "/b", target: "/data", bind: true},
		"my.vol-1:/data":     {source: "my.vol-1", target: "/data"},
	} {
		got, err := parseVolume(in)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "data", "a:b", ":/x", "./a:/x", "~/a:/x", "../a:/x", "a:/x:exec", "a:/", "a:/x:ro:z", "a:/sys/fs", "a/b:/x"} {
		if got, err := parseVolume(in); err == nil {
			t.Errorf("%q: got %+v, want an error", in, got)
		}
	}
}

func TestMounts(t *testing.T) {
	labels := map[string]string{"a": "b"}
	out, named := mounts([]volume{
		{source: "data", target: "/d"}, {target: "/anonymous"}, {source: "/h", target: "/h", bind: true, readOnly: true}, {target: "/t", tmpfs: true, size: 5},
	}, "drydock-x", labels)
	want := []mount.Mount{
		{Type: "volume", Source: "drydock-x-data", Target: "/d", VolumeOptions: &mount.VolumeOptions{Labels: labels}},
		{Type: "volume", Target: "/anonymous", VolumeOptions: &mount.VolumeOptions{Labels: labels}},
		{Type: "bind", Source: "/h", Target: "/h", ReadOnly: true},
		{Type: "tmpfs", Target: "/t", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 5}},
	}
	if !reflect.DeepEqual(out, want) || !reflect.DeepEqual(named, []string{"drydock-x-data"}) {
		t.Errorf("%+v %q", out, named)
	}
}

// TestAllowedMountLink: a link inside an allowed folder does not lead out.
func TestAllowedMountLink(t *testing.T) {
	root := t.TempDir()
	inside, outside := filepath.Join(root, "in"), filepath.Join(root, "out")
	for _, d := range []string{inside, outside, filepath.Join(inside, "sub")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(inside, "link")); err != nil {
		t.Fatal(err)
	}
	p := Policy{AllowMounts: []string{inside}}
	for path, ok := range map[string]bool{
		inside: true, inside + "/sub": true, inside + "/later": true, inside + "/link": false, outside: false, inside + "x": false,
		inside + "/link/new": false,
	} {
		err := p.volume(volume{source: path, target: "/x", bind: true})
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}
