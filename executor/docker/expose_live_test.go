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
				Name: "bench", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: bashImage, Pull: executor.PullNever},
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
