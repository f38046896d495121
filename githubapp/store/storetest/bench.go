package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// BenchmarkLease measures one lease, and the job's return to the queue, with
// short and long queues: a lease must cost about the same in all.
func BenchmarkLease(b *testing.B, s store.Store) {
	queued := 0
	for _, n := range []int{100, 1000, 10000} {
		var items []store.Item
		for ; queued < n; queued++ {
			items = append(items, store.Item{Key: store.JobKey{Run: store.RunID(queued/10 + 1), Attempt: 1, Job: plan.LegID(fmt.Sprint("job", queued%10))},
				Repository: store.RepositoryID(queued/10%50 + 1), Labels: []string{"linux", fmt.Sprint("v", queued%5)}, Priority: queued % 3})
		}
		if err := s.Enqueue(b.Context(), items); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("queued=%d", n), func(b *testing.B) {
			for b.Loop() {
				l, err := s.Lease(b.Context(), store.Offer{Worker: "w", Labels: []string{"linux", "v0", "v1", "v2", "v3"}, For: time.Hour, Limits: store.Limits{PerRepository: 50}})
				if err != nil || l == nil {
					b.Fatal(l, err)
				}
				if err := s.Return(b.Context(), l.Ticket, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDeliveries measures adding deliveries of 8 KB, alone and together.
func BenchmarkDeliveries(b *testing.B, s store.Store) {
	body := make([]byte, 8<<10)
	id := 0
	for _, n := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("together=%d", n), func(b *testing.B) {
			for b.Loop() {
				list := make([]store.Delivery, n)
				for i := range list {
					id++
					list[i] = store.Delivery{ID: store.DeliveryID(fmt.Sprint("d", id)), Event: "push", Body: body}
				}
				if _, err := s.AddDeliveries(b.Context(), list); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
