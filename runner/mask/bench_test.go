package mask

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func benchText() string {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "2026-11-20T10:00:00.0000000Z [%d/2000] Compiling crate_number_%d v1.%d.0 (/home/runner/work/app/app)\n", i, i*7, i%9)
	}
	return b.String()
}

func benchMasker(n int) *Masker {
	r := rand.New(rand.NewPCG(1, 2))
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	m := New()
	for range n {
		value := make([]byte, 40)
		for i := range value {
			value[i] = letters[r.IntN(len(letters))]
		}
		m.Add(string(value))
	}
	return m
}

func BenchmarkMask(b *testing.B) {
	lines := strings.SplitAfter(benchText(), "\n")
	for _, n := range []int{0, 1, 50} {
		b.Run(fmt.Sprintf("%d_secrets", n), func(b *testing.B) {
			m := benchMasker(n)
			b.SetBytes(int64(len(benchText())))
			for b.Loop() {
				for _, line := range lines {
					m.Mask(line)
				}
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	text := []byte(benchText())
	for _, n := range []int{0, 1, 50} {
		b.Run(fmt.Sprintf("%d_secrets", n), func(b *testing.B) {
			w := benchMasker(n).Writer(io.Discard)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				w.Write(text)
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	patterns := benchMasker(50).patterns
	for b.Loop() {
		newTable(patterns)
	}
}
