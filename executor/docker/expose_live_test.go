package docker

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

const bashImage = "drydock-test/bash:1"

// BenchmarkExpose moves a file through an exposed port, on both ways that
// connections take, and copies it inside the place for comparison.
func BenchmarkExpose(b *testing.B) {
	const size = 1 << 30
	file := filepath.Join(b.TempDir(), "file")
	if f, err := os.Create(file); err != nil || f.Truncate(size) != nil {
		b.Fatal(err)
	} else {
		chunk := []byte(strings.Repeat("drydock ", 1<<17))
		for range size >> 20 {
			if _, err := f.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
		f.Close()
	}
	for _, way := range []string{"socket", "stream"} {
		b.Run(way, func(b *testing.B) {
			x, labels := live(b, Options{})
			if way == "stream" {
				c, err := x.connection(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				c.noBinds.Store(true)
			}
			e, err := x.Create(b.Context(), executor.Spec{
				Name: "bench", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: bashImage, Pull: executor.PullNever}, Expose: true,
			})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = e.Close(context.Background()) })
			down, err := e.Expose(b.Context(), 0, func(c net.Conn) {
				defer c.Close()
				if f, err := os.Open(file); err == nil {
					defer f.Close()
					_, _ = io.Copy(c, f)
				}
			})
			if err != nil {
				b.Fatal(err)
			}
			up, err := e.Expose(b.Context(), 0, func(c net.Conn) {
				defer c.Close()
				if f, err := os.Create(file + ".up"); err == nil {
					defer f.Close()
					_, _ = io.Copy(f, c)
				}
			})
			if err != nil {
				b.Fatal(err)
			}
			nowhere, err := e.Expose(b.Context(), 0, func(c net.Conn) {
				defer c.Close()
				_, _ = io.Copy(io.Discard, c)
			})
			if err != nil {
				b.Fatal(err)
			}
			for _, c := range [][2]string{
				{"down", `cat </dev/tcp/` + strings.Replace(down, ":", "/", 1) + ` >/tmp/file`},
				{"up", `cat /tmp/file >/dev/tcp/` + strings.Replace(up, ":", "/", 1)},
				{"downNowhere", `cat </dev/tcp/` + strings.Replace(down, ":", "/", 1) + ` >/dev/null`},
				{"upNowhere", `cat /tmp/file >/dev/tcp/` + strings.Replace(nowhere, ":", "/", 1)},
				{"copy", `cat /tmp/file >/tmp/copy`},
			} {
				b.Run(c[0], func(b *testing.B) {
					b.SetBytes(size)
					for b.Loop() {
						exit, err := executor.Run(b.Context(), e, executor.Command{
							ID: executor.ProcessID(newName("p")), Argv: []string{"bash", "-c", c[1]}, Dir: "/",
						}, nil, executor.DefaultStop)
						if err != nil || exit.Code != 0 {
							b.Fatal(exit, err)
						}
					}
				})
			}
		})
	}
}

// TestExposeBySocket: what a place sees of the sockets is not to be changed by
// it, and nothing of them stays.
func TestExposeBySocket(t *testing.T) {
	x, labels := live(t, Options{})
	e := create(t, x, executor.Spec{Name: "sockets", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: userImage}, Expose: true})
	ways := make(chan net.Conn, 1)
	addr, err := e.Expose(t.Context(), 0, func(c net.Conn) { ways <- c; c.Close() })
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || net.ParseIP(host) == nil || net.ParseIP(host).IsLoopback() {
		t.Fatalf("address %q, %v: containers beside the job cannot reach it", addr, err)
	}
	run := func(user, script string) int {
		exit, err := executor.Run(t.Context(), e, executor.Command{
			ID: executor.ProcessID(newName("p")), Argv: []string{"sh", "-c", script}, Dir: "/", User: user,
		}, nil, executor.DefaultStop)
		if err != nil {
			t.Fatal(err)
		}
		return exit.Code
	}
	run("", "nc "+host+" "+port+" </dev/null")
	if _, stream := (<-ways).(*wire.Duplex); stream {
		t.Error("a local engine, and connections take the stream")
	}
	for user, script := range map[string]string{
		"":     "ls /.drydock/sockets",                                               // the job's user does not even see them
		"0:0":  "touch /.drydock/sockets/x || rm /.drydock/sockets/*",                // root cannot change them
		"root": "mount -o remount,rw /.drydock/sockets && touch /.drydock/sockets/x", // nor the mount
	} {
		if code := run(user, script+" 2>/dev/null"); code == 0 {
			t.Errorf("user %q may do %q", user, script)
		}
	}
	if fi, err := os.Stat(e.sockets); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", fi, err)
	}
	// A crash leaves the folder; the next sweep of another run takes it.
	left := x.makeSockets(e.c, executor.Labels{Owner: labels.Owner, Run: "crashed"})
	swept, err := x.Sweep(t.Context(), labels.Owner, func(r executor.RunID) bool { return r == labels.Run })
	if err != nil || len(swept.Removed) != 1 || !strings.Contains(swept.Removed[0], "crashed") {
		t.Errorf("swept %q, %v", swept.Removed, err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("the folder of a crashed run is left")
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if runs, _ := os.ReadDir(x.socketRoot(labels.Owner)); len(runs) > 0 {
		t.Errorf("left: %v", runs)
	}
}

// TestExposeToBuilder: where a job may talk to the engine, a container that a
// step starts on the default network reaches the port, and so do docker actions.
func TestExposeToBuilder(t *testing.T) {
	x, labels := live(t, Options{Policy: Policy{AllowSocket: true}})
	e := create(t, x, executor.Spec{Name: "builder", Labels: labels, Kind: executor.Machine, Containers: true, Expose: true})
	addr, err := e.Expose(t.Context(), 0, func(c net.Conn) {
		_, _ = io.WriteString(c, "reached\n")
		c.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	y := New(x.opts)
	y.opts.Policy = Policy{}
	alone := create(t, y, executor.Spec{Name: "alone", Labels: labels, Kind: executor.Machine})
	if alone.info.Container.Network == e.info.Container.Network {
		t.Fatal("both are on one network")
	}
	beside, err := e.Container(t.Context(), executor.ContainerSpec{Name: "beside", Image: executor.Image{Ref: testImage}, Dir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := x.Attach(t.Context(), e.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer again.(*environment).Disconnect()
	_, port, _ := net.SplitHostPort(addr)
	number, _ := net.LookupPort("tcp", port)
	if same, err := again.Expose(t.Context(), number, func(c net.Conn) {
		_, _ = io.WriteString(c, "reached\n")
		c.Close()
	}); err != nil || same != addr {
		t.Errorf("attached: %q, %v, want %q", same, err, addr)
	}
	for who, place := range map[string]executor.Environment{"itself": e, "a builder": alone, "a docker action": beside} {
		if out, code := sh(t, place, "nc -w 60 "+strings.Replace(addr, ":", " ", 1)+" </dev/null"); code != 0 || out != "reached" {
			t.Errorf("%s: %d %q", who, code, out)
		}
	}
}

// TestConfinedPlace: the engine's socket is neither in a confined job nor in the
// containers beside it, after a restart neither.
func TestConfinedPlace(t *testing.T) {
	x, labels := live(t, Options{Policy: Policy{AllowSocket: true}})
	for name, confined := range map[string]bool{"open": false, "confined": true} {
		e := create(t, x, executor.Spec{Name: name, Labels: labels, Kind: executor.Machine, Containers: true, Confined: confined})
		again, err := x.Attach(t.Context(), e.ID())
		if err != nil {
			t.Fatal(err)
		}
		defer again.(*environment).Disconnect()
		beside, err := again.(executor.Containers).Container(t.Context(), executor.ContainerSpec{Name: "beside", Image: executor.Image{Ref: testImage}, Dir: "/"})
		if err != nil {
			t.Fatal(err)
		}
		for who, place := range map[string]executor.Environment{"itself": e, "a docker action": beside} {
			if _, code := sh(t, place, "test -S /var/run/docker.sock"); (code != 0) != confined {
				t.Errorf("%s: %s has the socket: %v", name, who, code == 0)
			}
		}
		if err := beside.Close(t.Context()); err != nil { // e does not know it
			t.Error(err)
		}
	}
}

// BenchmarkExposeOnly is what a job pays that exposes a port and is not visited.
func BenchmarkExposeOnly(b *testing.B) {
	x, labels := live(b, Options{})
	e := create(b, x, executor.Spec{Name: "bench", Labels: labels, Kind: executor.Machine, Expose: true})
	for b.Loop() {
		if _, err := e.Expose(b.Context(), 0, func(c net.Conn) { c.Close() }); err != nil {
			b.Fatal(err)
		}
	}
}
