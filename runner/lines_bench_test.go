//go:build unix

package runner

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/command"
)

// BenchmarkOutput is the way of a step's output: chunks as a back end gives
// them, lines, commands, masks of 50 secrets, events.
func BenchmarkOutput(b *testing.B) {
	for _, size := range []int{80, 1000} {
		b.Run(fmt.Sprintf("%d_byte_lines", size), func(b *testing.B) {
			chunk := outputChunk(size)
			var lines, bytes int
			x := newExecution(&Engine{}, &Job{}, SinkFunc(func(e Event) {
				if l, ok := e.(Line); ok {
					lines++
					bytes += len(l.Text) + 1
				}
			}))
			x.masker.Add(outputSecrets()...)
			o := x.newOutput(1, "", &vars{}, &Effects{})
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			n, before := 0, cpuTime()
			for b.Loop() {
				o.write(0, chunk)
				n++
			}
			// The same whatever else the machine does; the collector's share is in it.
			b.ReportMetric(float64(n*len(chunk))/1e6/(cpuTime()-before).Seconds(), "MB/cpu-s")
			if bytes != n*len(chunk) {
				b.Fatalf("%d bytes of %d arrived: something was masked", bytes, n*len(chunk))
			}
		})
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// outputChunk is about 32 KiB of lines like those of compilers.
func outputChunk(size int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("src/runner/output.go:120:5: warning: unused variable `count' [-Wunused] Compiling Downloading test ok FAIL " +
		"github.com/example/project/internal/server (cached) 0.013s --- PASS: TestServer/with_options node_modules/react-dom/index.js 2026-11-20T10:00:00Z INFO started")
	var b strings.Builder
	for b.Len() < 32<<10 {
		line := ""
		for len(line) < size-1 {
			line += words[r.IntN(len(words))] + " "
		}
		b.WriteString(line[:size-1] + "\n")
	}
	return []byte(b.String())
}

// outputSecrets are tokens and passwords of common kinds.
func outputSecrets() []string {
	r := rand.New(rand.NewPCG(3, 4))
	random := func(letters string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var all []string
	for range 10 {
		all = append(all, "ghp_"+random(alnum, 36), "AKIA"+random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
			random(alnum+"/+", 40), random(alnum+"!@#$%^&*()_+{}|:<>?", 16), random("0123456789abcdef", 64))
	}
	return all
}

// BenchmarkOutputMatchers has the problem matchers of actions/setup-go and
// actions/setup-node, which most jobs have.
func BenchmarkOutputMatchers(b *testing.B) {
	const file = `{"problemMatcher":[
		{"owner":"go","pattern":[{"regexp":"^\\s*(\\.{0,2}[\\/\\\\].+\\.go):(?:(\\d+):(\\d+):)? (.*)","file":1,"line":2,"column":3,"message":4}]},
		{"owner":"tsc","pattern":[{"regexp":"^(?:\\s+\\d+\\>)?([^\\s].*)\\((\\d+),(\\d+)\\)\\s*:\\s+(error|warning|info)\\s+(\\w{1,2}\\d+)\\s*:\\s*(.*)$",
			"file":1,"line":2,"column":3,"severity":4,"code":5,"message":6}]},
		{"owner":"eslint-compact","pattern":[{"regexp":"^(.+):\\sline\\s(\\d+),\\scol\\s(\\d+),\\s(Error|Warning|Info)\\s-\\s(.+)\\s\\((.+)\\)$",
			"file":1,"line":2,"column":3,"severity":4,"message":5,"code":6}]}]}`
	chunk := outputChunk(80)
	x := newExecution(&Engine{}, &Job{}, SinkFunc(func(Event) {}))
	x.masker.Add(outputSecrets()...)
	o := x.newOutput(1, "", &vars{}, &Effects{})
	list, err := command.ParseMatchers([]byte(file))
	if err == nil {
		err = o.matchers.Add(list)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(chunk)))
	n, before := 0, cpuTime()
	for b.Loop() {
		o.write(0, chunk)
		n++
	}
	b.ReportMetric(float64(n*len(chunk))/1e6/(cpuTime()-before).Seconds(), "MB/cpu-s")
}
