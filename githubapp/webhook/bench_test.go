package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/webhook"
)

// BenchmarkThousandASecond sends 1,000 deliveries of 8 KB a second, whatever the
// answers take, for as many seconds as b.N allows (-benchtime=10000x: ten), and
// reports the answers' times: to the handler on SQLite, and to an nginx that only
// answers. The clients are on the same machine.
func BenchmarkThousandASecond(b *testing.B) {
	b.Run("stored", func(b *testing.B) {
		address, _ := serve(b, webhook.Options{Deliveries: open(b)})
		thousandASecond(b, address)
	})
	b.Run("nginx", func(b *testing.B) { thousandASecond(b, nginx(b)) })
}

func thousandASecond(b *testing.B, address string) {
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

// nginx starts one that answers every request, and gives its address.
func nginx(b *testing.B) string {
	name, err := exec.LookPath("nginx")
	if err != nil {
		b.Skip("needs nginx")
	}
	dir := b.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/log;\n"+
		"events { worker_connections 4096; }\n"+
		"http { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n"+
		"server { listen %[2]s; client_max_body_size 25m; location / { return 202; } } }\n", dir, address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(name, "-p", dir, "-c", config)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "http://" + address
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("nginx does not answer")
	return ""
}
