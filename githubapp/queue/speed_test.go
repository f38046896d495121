package queue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// speed is a queue with n jobs in it, of many runs in some repositories.
func speed(tb testing.TB, n int) *Queue {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "store.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	q, err := New(Options{Store: s, Seal: seal{}, Owner: "s", Place: place})
	if err != nil {
		tb.Fatal(err)
	}
	const each = 100
	var matrix []string
	for i := range min(each, n) {
		matrix = append(matrix, strconv.Itoa(i))
	}
	text := fmt.Sprintf("jobs:\n  a: {strategy: {matrix: {n: [%s]}}, runs-on: x, steps: [{run: echo}]}\n", strings.Join(matrix, ", "))
	for i := range max(n/each, 1) {
		p := planned(tb, text, func(r *store.Run) { r.Repository = store.RepositoryID(1 + i%20) })
		if _, err := q.Create(tb.Context(), store.Settlement{}, []Planned{p}); err != nil {
			tb.Fatal(err)
		}
	}
	return q
}

// takeOne takes a job and lets it be.
func takeOne(tb testing.TB, q *Queue) store.Ticket {
	l, err := q.take(tb.Context())
	if err != nil || l == nil {
		tb.Fatal(l, err)
	}
	key, err := KeyOf(l.Job)
	if err != nil {
		tb.Fatal(err)
	}
	q.mu.Lock()
	one := q.leases[key]
	q.mu.Unlock()
	one.sink.die()
	one.release()
	return one.ticket
}

// BenchmarkNext takes one job, with its run's and its own rows: it must cost
// about the same in short and in long queues.
func BenchmarkNext(b *testing.B) {
	for _, n := range []int{500, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			q := speed(b, n)
			var taken []store.Ticket
			b.ResetTimer()
			for b.Loop() {
				taken = append(taken, takeOne(b, q))
				if len(taken) < 200 {
					continue
				}
				b.StopTimer()
				for _, t := range taken {
					if err := q.Store.Return(b.Context(), t, 0); err != nil {
						b.Fatal(err)
					}
				}
				taken = taken[:0]
				b.StartTimer()
			}
		})
	}
}

// BenchmarkJob is everything that the queue does for a run of one job.
func BenchmarkJob(b *testing.B) {
	q := speed(b, 1)
	p := planned(b, "jobs:\n  a: {runs-on: y, steps: [{run: echo}]}\n")
	q.Labels = []string{"y"}
	for b.Loop() {
		if _, err := q.Create(b.Context(), store.Settlement{}, []Planned{p}); err != nil {
			b.Fatal(err)
		}
		l, err := q.take(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Finish(b.Context(), resultOf(plan.Success)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQueued looks after 10,000 queued jobs as a server does that starts,
// works on some of them and idles, and tells how much memory that took.
func BenchmarkQueued(b *testing.B) {
	q := speed(b, 10_000)
	again, err := New(q.Options)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	for b.Loop() {
		ctx, stop := context.WithTimeout(b.Context(), 3*time.Second)
		done := make(chan error)
		go func() { done <- again.Run(ctx) }()
		for range 100 {
			takeOne(b, again)
		}
		<-ctx.Done()
		stop()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MB-from-system")
	if data, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(data)) {
			var kb float64
			if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
				b.ReportMetric(kb/1024, "MB-peak")
			}
		}
	}
}
