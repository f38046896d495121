package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/webhook"
)

// BenchmarkThousandASecond sends 1,000 deliveries of 8 KB a second, whatever the
// answers take, for as many seconds as b.N allows (-benchtime=10000x: ten), and
// reports the answers' times. The client is on the same machine.
func BenchmarkThousandASecond(b *testing.B) {
	address, _ := serve(b, webhook.Options{Deliveries: open(b)})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	defer client.CloseIdleConnections()
	body := append(append([]byte(`{"x":"`), bytes.Repeat([]byte("y"), 8<<10)...), `"}`...)
	signature := sign(secret, body)
	times := make([]time.Duration, b.N)
	var wg sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for i := range b.N {
		due := start.Add(time.Duration(i) * time.Millisecond)
		time.Sleep(time.Until(due))
		wg.Go(func() {
			r := request(b, address, fmt.Sprint("d", i), "push", nil)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("X-Hub-Signature-256", signature)
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			defer res.Body.Close()
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusAccepted {
				b.Error(res.StatusCode, err)
			}
			times[i] = time.Since(due) // what came late counts, too
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(times)
	at := func(p float64) float64 { return float64(times[int(p*float64(b.N-1))].Microseconds()) / 1000 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "deliveries/s")
}
