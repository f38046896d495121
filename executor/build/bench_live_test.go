package build

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	buildkit "github.com/moby/buildkit/client"
)

// service is a folder with a program of size bytes that changes with each call of
// the function.
func service(b *testing.B, size int) (dir string, change func()) {
	dir = folder(b, "Dockerfile", "FROM scratch\nCOPY config /config\nCOPY program /program\nENTRYPOINT [\"/program\"]\n", "config", "a=b\n")
	data := make([]byte, size)
	return dir, func() {
		_, _ = rand.Read(data)
		if err := os.WriteFile(filepath.Join(dir, "program"), data, 0o755); err != nil {
			b.Fatal(err)
		}
	}
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkBuild compares a build and push with BuildKit's own solve and push of
// the same service, in turns, each with new content.
func BenchmarkBuild(b *testing.B) {
	for _, platforms := range [][]string{{"linux/amd64"}, {"linux/amd64", "linux/arm64"}} {
		for _, size := range []int{1 << 20, 16 << 20} {
			b.Run(fmt.Sprintf("%d-platforms-%d-MiB", len(platforms), size>>20), func(b *testing.B) {
				builder, host := shared(b, Options{}), host(b)
				dir, change := service(b, size)
				c, err := builder.client(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				bare := func() {
					r := Request{Context: dir, Platforms: platforms}
					if err := r.check(); err != nil {
						b.Fatal(err)
					}
					opt, err := builder.solveOpt(&r)
					if err != nil {
						b.Fatal(err)
					}
					opt.Exports = []buildkit.ExportEntry{{Type: buildkit.ExporterImage, Attrs: map[string]string{
						"name": host + "/bare/service:1", "push": "true", "oci-mediatypes": "true", "rewrite-timestamp": "true",
					}}}
					if _, err := c.Solve(b.Context(), nil, opt, nil); err != nil {
						b.Fatal(err)
					}
				}
				ours := func() {
					if _, err := builder.Build(b.Context(), Request{Context: dir, Platforms: platforms, Output: Output{Push: host + "/our/service", Tags: []string{"1"}}}); err != nil {
						b.Fatal(err)
					}
				}
				var with, without []time.Duration
				measure := func(f func(), to *[]time.Duration) {
					change()
					began := time.Now()
					f()
					*to = append(*to, time.Since(began))
				}
				for b.Loop() {
					measure(ours, &with)
					measure(bare, &without)
				}
				b.ReportMetric(float64(median(with).Milliseconds()), "ours-ms")
				b.ReportMetric(float64(median(without).Milliseconds()), "bare-ms")
				b.ReportMetric(float64(median(with))/float64(median(without)), "ours/bare")
			})
		}
	}
}

// BenchmarkAgain builds and pushes the same inputs again: the digest stays.
func BenchmarkAgain(b *testing.B) {
	builder, host := shared(b, Options{}), host(b)
	dir, change := service(b, 16<<20)
	change()
	r := Request{Context: dir, Platforms: []string{"linux/amd64", "linux/arm64"}, Output: Output{Push: host + "/our/service", Tags: []string{"1"}}}
	first, err := builder.Build(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		again, err := builder.Build(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		if again.Digest != first.Digest {
			b.Fatalf("%s, before %s", again.Digest, first.Digest)
		}
	}
}
